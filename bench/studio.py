"""The studio in a real browser: how soon the first page is there, a mask under the pointer, how smoothly it moves.

    python -m bench.studio

Needs Chromium and a built studio (`make studio`). The picture is a photograph at 1080p and the same one at 4096 pixels.
"""

from __future__ import annotations

import gzip
import io
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import skimage.data
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, sync_playwright

from bench import page as published
from bench.measuring import machine
from tests.fixtures.browser import ARGUMENTS, SITE
from tests.fixtures.crowded import crowd
from tests.fixtures.server import Server, serving

SIZES = {"1080p": (1920, 1080), "4096 px": (4096, 2730)}
MOVES = 200
VISITS = 7
SETTLING = 3000  # ms
PICTURES = 10_000
FRAME_COUNT = 120
PAINTED = """new Promise(told => new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (entry.name === "first-contentful-paint") told(entry.startTime);
}).observe({ type: "paint", buffered: true }))"""
# Measured in the page, from the time stamp of the pointer's event until the mask is drawn.
HOVERS = "performance.getEntriesByName('hover-to-mask').map(entry => entry.duration)"
ZOOMING = """async (stage, frames) => {
  const gaps = [];
  const box = stage.getBoundingClientRect();
  let last = await new Promise(requestAnimationFrame);
  for (let step = 0; step < frames; step++) {
    const at = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true, cancelable: true };
    stage.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: step % 60 < 30 ? -40 : 40 }));
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}"""


# A little further in every frame: as a wheel does, and as one does who looks for something far down.
STEPS = (30, 90)  # pixels
SCROLLING = """async (list, frames) => {
  const gaps = [];
  let last = await new Promise(requestAnimationFrame);
  for (let step = 0; step < frames; step++) {
    list.parentElement.scrollTop += STEP;
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}"""


def photograph(size: tuple[int, int]) -> FilePayload:
    """A real photograph of that size."""
    buffer = io.BytesIO()
    Image.fromarray(skimage.data.coffee()).resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=92)
    return {"name": "coffee.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()}


def work(page: Page) -> Callable[[], float]:
    """Asked again, tells the milliseconds of processor that the page's own thread has worked meanwhile."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def total() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration")

    before = total()
    return lambda: total() - before


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def walk(page: Page) -> list[float]:
    """Milliseconds from each move of the pointer to another mask until it was drawn."""
    box = page.get_by_role("application").bounding_box()
    assert box
    for step in range(MOVES):
        across, down = (step * 0.381966) % 1, (step * 0.618034) % 1
        page.mouse.move(box["x"] + box["width"] * (0.1 + 0.8 * across), box["y"] + box["height"] * (0.25 + 0.5 * down))
        page.wait_for_timeout(20)
    hovers: list[float] = page.evaluate(HOVERS)
    return hovers


def weight(three_dimensions: bool) -> int:
    """Bytes of JavaScript, zipped: what 3D needs, or all the rest."""
    scripts = [
        file
        for file in (SITE / "assets").glob("*.js")
        if file.name.lower().startswith(("space", "three")) is three_dimensions
    ]
    return sum(len(gzip.compress(file.read_bytes())) for file in scripts)


def opened(browser: Browser, server: Server) -> Page:
    """The first page in a browser that has seen nothing yet."""
    return browser.new_context(base_url=server.url, viewport={"width": 1920, "height": 1080}).new_page()


def first_paint(browser: Browser, server: Server) -> float:
    """Milliseconds until the first page shows something; the median of several."""
    paints: list[float] = []
    for _ in range(VISITS):
        page = opened(browser, server)
        page.goto("/", wait_until="networkidle")
        paints.append(page.evaluate(PAINTED))
        page.context.close()
    return statistics.median(paints)


def on_a_picture(browser: Browser, server: Server, size: tuple[int, int]) -> str:
    """Pointing at, and zooming, a picture of that size; the cells of a row."""
    page = opened(browser, server)
    page.goto("/")
    begun = time.perf_counter()
    page.locator("input[type=file]").set_input_files(files=[photograph(size)])
    page.get_by_role("button", name="Show all").wait_for(timeout=120_000)
    found = time.perf_counter() - begun
    # The shapes of masks are made while there is time; on a warm picture they are there.
    page.wait_for_timeout(SETTLING)
    worked = work(page)
    hovers = walk(page)
    each_hover = worked() / len(hovers)
    zoomed = smoothness(page, page.get_by_role("application"), ZOOMING)
    page.context.close()
    return " | ".join((f"{found:.1f} s", *spread(hovers), f"{each_hover:.1f} ms", *zoomed))


def in_a_library(browser: Browser, server: Server, step: int) -> str:
    """Scrolling through all pictures, so many pixels in each frame; the cells of a row."""
    page = opened(browser, server)
    page.goto("/studio/library")
    pictures = page.get_by_role("list", name="Pictures")
    pictures.locator("img").first.wait_for()
    page.wait_for_timeout(SETTLING)
    scrolled = smoothness(page, pictures, SCROLLING.replace("STEP", str(step)))
    page.context.close()
    return " | ".join(scrolled)


def smoothness(page: Page, element: Locator, moving: str) -> tuple[str, ...]:
    """How long frames take while something moves, p50 and p95, and the work for each; the cells of a row."""
    worked = work(page)
    frames: list[float] = element.evaluate(moving, FRAME_COUNT)
    return *spread(frames), f"{worked() / FRAME_COUNT:.1f} ms"


def spread(values: list[float]) -> list[str]:
    """The p50 and p95 of milliseconds, in words."""
    return [f"{percentile(values, share):.1f} ms" for share in (0.5, 0.95)]


def main() -> None:
    program = shutil.which("chromium")
    if program is None or not (SITE / "index.html").is_file():
        raise SystemExit("This takes Chromium and a built studio (make studio).")
    kilobytes = [f"{weight(part) / 1024:.0f} KB" for part in (False, True)]
    lines = [
        f"In Chromium without a GPU, on {machine()}. The server and the browser share the machine. "
        "Work is processor time of the page's thread for each mask shown or frame: on a busy machine the truer figure.",
        "",
    ]
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), {}) as server, sync_playwright() as playwright:
        crowded = Path(folder) / "crowded"
        crowd(crowded / "data", PICTURES)
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        lines += [
            f"First paint on loopback: {first_paint(browser, server):.0f} ms. JavaScript, zipped: {kilobytes[0]}, "
            f"and {kilobytes[1]} more on the page for 3D.",
            "",
            "| picture | all found | pointer to mask p50 | p95 | work for it | zoom frame p50 | p95 | work for it |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [f"| {name} | {on_a_picture(browser, server, size)} |" for name, size in SIZES.items()]
        with serving(crowded, {}) as full:
            scrolled = [
                f"| {PICTURES:,} pictures, {step} px a frame | {in_a_library(browser, full, step)} |" for step in STEPS
            ]
        lines += [
            "",
            "| library | scroll frame p50 | p95 | work for it |",
            "| --- | --- | --- | --- |",
            *scrolled,
            "",
            "The targets are 50 ms from pointer to mask (p95, 1080p), a first paint in a second, 300 KB of JavaScript.",
        ]
        browser.close()
    print("\n".join(lines))
    published.write("Studio", "\n".join(lines))


if __name__ == "__main__":
    main()
