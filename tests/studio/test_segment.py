"""The Segment page, used as people use it, with assertions on pixels and on the files that come out."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FilePayload, Locator, expect
from pycocotools import mask as coco_masks

from tests.fixtures.browser import OpenTab, Tab
from tests.fixtures.pictures import encoded
from tests.fixtures.server import Serve, Server, photograph

WIDTH, HEIGHT = 480, 320
# A disc and a square, each of one colour.
DISC, SQUARE = (140, 160), (360, 160)
# What a layer shows at a place of the stage: red, green, blue, alpha; nothing where it has nothing.
PIXEL = """(layer, at) => {
  const canvas = layer.querySelector("canvas:not([hidden])");
  if (!canvas) return [0, 0, 0, 0];
  const stage = layer.closest("[role=application]").getBoundingClientRect();
  const box = canvas.getBoundingClientRect();
  const x = (stage.x + at[0] - box.x) / box.width * canvas.width;
  const y = (stage.y + at[1] - box.y) / box.height * canvas.height;
  const one = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  one.drawImage(canvas, Math.floor(x), Math.floor(y), 1, 1, 0, 0, 1, 1);
  return [...one.getImageData(0, 0, 1, 1).data];
}"""


def scene() -> NDArray[np.uint8]:
    pixels = np.full((HEIGHT, WIDTH, 3), (235, 235, 225), dtype=np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    pixels[(x - DISC[0]) ** 2 + (y - DISC[1]) ** 2 < 80**2] = (200, 40, 40)
    pixels[100:220, 300:420] = (30, 60, 190)
    return pixels


def payload(name: str = "scene.png", format: str = "PNG") -> FilePayload:
    return {"name": name, "mimeType": f"image/{format.lower()}", "buffer": encoded(scene(), format)}


class Desk:
    """The page with a picture on it."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.page = tab.page
        self.stage = tab.page.get_by_role("application")

    def choose(self, file: FilePayload) -> None:
        """Open a picture and wait until everything in it is found."""
        self.page.locator("input[type=file]").set_input_files(files=[file])
        self.ready()

    def ready(self) -> None:
        expect(self.page.get_by_role("button", name="Show all")).to_be_visible(timeout=60_000)

    def at(self, point: tuple[float, float]) -> tuple[float, float]:
        """Where a pixel of the picture is on the stage, while all of it is seen."""
        box = self.stage.bounding_box()
        assert box
        scale = min((box["width"] - 32) / WIDTH, (box["height"] - 32) / HEIGHT)
        left, top = (box["width"] - WIDTH * scale) / 2, (box["height"] - HEIGHT * scale) / 2
        return left + (point[0] + 0.5) * scale, top + (point[1] + 0.5) * scale

    def click(self, point: tuple[float, float], **how: Any) -> None:
        x, y = self.at(point)
        self.stage.click(position={"x": x, "y": y}, **how)
        expect(self.section("Selection")).not_to_have_attribute("aria-busy", "true")

    def pixel(self, point: tuple[float, float], layer: str = "hover") -> list[int]:
        """What a layer shows at a pixel of the picture: red, green, blue, alpha."""
        found: list[int] = self.page.locator(f"[data-layer={layer}]").evaluate(PIXEL, list(self.at(point)))
        return found

    def scale(self) -> float:
        """Pixels of the page for one of the picture, as it is shown now."""
        box = self.page.locator("[data-layer=picture] canvas:visible").bounding_box()
        assert box
        return box["width"] / WIDTH

    def draft(self) -> dict[str, Any]:
        """What is being selected, as the page holds it for a reload."""
        id = self.page.url.rpartition("/")[2]
        held: str = self.page.evaluate("name => sessionStorage.getItem(name)", f"image-quarry-selection {id}")
        found: dict[str, Any] = json.loads(held)["draft"]
        return found

    def section(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name)

    def saved(self, name: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=name, exact=True).click()
        return Path(download.value.path()).read_bytes()


@pytest.fixture
def desk(tab: Tab) -> Desk:
    desk = Desk(tab)
    desk.choose(payload())
    return desk


def inside(mask: NDArray[Any], point: tuple[int, int]) -> bool:
    return bool(mask[point[1], point[0]])


# A picture that comes from another program, dropped somewhere in the page or pasted.
FROM_ELSEWHERE = """([how, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "scene.png", { type: "image/png" }));
  const sent = how === "paste"
    ? [new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })]
    : ["dragenter", "dragover", "drop"].map(
        type => new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  for (const event of sent) document.querySelector("main h1").dispatchEvent(event);
}"""


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_picture_may_be_dropped_and_pasted(tab: Tab, how: str) -> None:
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    tab.page.evaluate(FROM_ELSEWHERE, [how, list(encoded(scene(), "PNG"))])
    desk = Desk(tab)
    desk.ready()
    desk.click(DISC)
    expect(desk.page.get_by_role("radio", checked=True)).to_have_count(1)


def test_what_lies_under_the_pointer_is_shown_at_once_and_a_click_selects_it(desk: Desk) -> None:
    x, y = desk.at(DISC)
    desk.stage.hover(position={"x": x, "y": y})
    expect(desk.stage).not_to_have_attribute("data-hovered", "")
    assert desk.pixel((140, 140))[3] > 0
    assert desk.pixel((20, 20))[3] == 0 or desk.pixel(SQUARE)[3] == 0
    desk.click(DISC)
    candidates = desk.page.get_by_role("radio")
    assert candidates.count() >= 3
    expect(desk.page.get_by_role("radio", checked=True)).to_have_count(1)
    desk.page.keyboard.press("2")
    expect(candidates.nth(1)).to_be_checked()
    expect(desk.page.get_by_text("Answered by region-tree")).to_be_visible()
    assert desk.tab.serious_issues() == []


def test_selections_are_kept_taken_back_and_brought_again_and_outlast_a_reload(desk: Desk) -> None:
    kept = desk.section("Kept masks").get_by_role("listitem")
    desk.click(DISC)
    desk.page.keyboard.press("Enter")
    desk.click(SQUARE)
    desk.page.keyboard.press("Enter")
    expect(kept).to_have_count(2)
    desk.page.keyboard.press("Control+z")
    expect(kept).to_have_count(1)
    desk.page.keyboard.press("Control+Shift+Z")
    expect(kept).to_have_count(2)
    address = desk.page.url
    assert re.search(r"/studio/segment/[^/]+$", address)
    desk.page.reload()
    desk.ready()
    assert desk.page.url == address
    expect(kept).to_have_count(2)
    expect(desk.page.get_by_text("scene.png")).to_be_visible()


def test_more_is_added_and_parts_are_excluded_and_a_box_is_drawn(desk: Desk) -> None:
    desk.click(DISC)
    desk.click(SQUARE, modifiers=["Shift"])
    desk.click((20, 20), button="right")
    desk.click((20, 300), modifiers=["Alt"])
    points = desk.draft()["points"]
    assert [point["inside"] for point in points] == [True, True, False, False]
    for point, (x, y) in zip(points, (DISC, SQUARE, (20, 20), (20, 300)), strict=True):
        assert abs(point["x"] - x) <= 1
        assert abs(point["y"] - y) <= 1
    stage = desk.stage.bounding_box()
    assert stage
    (x0, y0), (x1, y1) = desk.at((295, 95)), desk.at((425, 225))
    desk.page.mouse.move(stage["x"] + x0, stage["y"] + y0)
    desk.page.mouse.down()
    desk.page.mouse.move(stage["x"] + x1, stage["y"] + y1, steps=4)
    desk.page.mouse.up()
    expect(desk.section("Selection")).not_to_have_attribute("aria-busy", "true")
    expect(desk.section("Selection").get_by_role("radio").first).to_be_visible()
    assert desk.draft()["points"] == []
    box = desk.draft()["box"]
    assert abs(box["x"] - 295) <= 1
    assert abs(box["width"] - 130) <= 2


def test_everything_is_filtered_in_the_page_and_only_what_is_less_certain_is_asked_for(tab: Tab) -> None:
    desk = Desk(tab)
    desk.choose({"name": "kitten.jpg", "mimeType": "image/jpeg", "buffer": photograph("kitten")})
    desk.page.get_by_role("button", name="Show all").click()
    section = desk.section("Everything")
    slider = section.get_by_label("Score at least")
    count = re.compile(r"(\d+) of (\d+) masks")
    asked: list[str] = []
    desk.page.on("request", lambda sent: asked.append(sent.url))

    def passing() -> tuple[int, int]:
        told = count.search(section.inner_text())
        assert told
        return int(told[1]), int(told[2])

    lowest = float(slider.input_value())
    assert lowest > 0
    counts = []
    for threshold in (lowest, round((1 + lowest) / 2, 2), 1):
        slider.fill(str(threshold))
        counts.append(passing()[0])
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    # The page looks whether the server is there and fetches its other pages; it asks for nothing else.
    assert [url for url in asked if not url.endswith("/health/live") and "/studio/assets/" not in url] == []

    with desk.page.expect_response(re.compile("/generate_and_store_masks")) as searched:
        slider.fill("0")
    assert "pred_iou_thresh=0" in searched.value.url
    assert "stability_score_thresh" not in searched.value.url
    expect(section.get_by_text(re.compile(r"^\s*\d+ of \d+ masks"))).to_be_visible()
    assert passing()[1] > counts[0]
    assert passing()[0] == passing()[1]


def test_masks_are_saved_as_pictures_and_for_other_programs(desk: Desk) -> None:
    desk.click(SQUARE)
    desk.page.keyboard.press("Enter")
    colours = Image.open(io.BytesIO(desk.saved("Masks (PNG)")))
    assert colours.size == (WIDTH, HEIGHT)
    painted = np.asarray(colours)
    assert list(painted[SQUARE[1], SQUARE[0]]) == [255, 122, 69, 153]
    mask = painted[..., 3] > 0
    assert not inside(mask, DISC)

    coco = json.loads(desk.saved("COCO"))
    (annotation,) = coco["annotations"]
    assert coco["images"] == [{"id": 1, "file_name": "scene.png", "width": WIDTH, "height": HEIGHT}]
    assert (coco_masks.decode(annotation["segmentation"]).astype(bool) == mask).all()
    assert annotation["area"] == mask.sum()
    (bare,) = json.loads(desk.saved("RLE"))["masks"]
    assert bare == annotation["segmentation"]
    svg = ElementTree.fromstring(desk.saved("SVG"))
    assert svg.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    assert len(svg) == 1

    expect(desk.page.get_by_role("button", name="Cut-out (PNG)")).to_be_enabled()
    cut = np.asarray(Image.open(io.BytesIO(desk.saved("Cut-out (PNG)"))))
    assert list(cut[SQUARE[1], SQUARE[0]]) == [30, 60, 190, 255]
    assert cut[DISC[1], DISC[0], 3] == 0


def test_the_keyboard_alone_selects_something(desk: Desk) -> None:
    desk.stage.focus()
    for _ in range(12):
        desk.page.keyboard.press("ArrowRight")
    desk.page.keyboard.press(" ")
    expect(desk.page.get_by_role("radio").first).to_be_visible()
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_role("radio")).to_have_count(0)


@pytest.mark.parametrize("format", ["TIFF", "WebP", "BMP"])
def test_formats_that_the_browser_may_not_know_are_shown(tab: Tab, format: str) -> None:
    desk = Desk(tab)
    desk.choose(payload(f"scene.{format.lower()}", format))
    assert np.abs(np.subtract(desk.pixel(SQUARE, "picture")[:3], [30, 60, 190])).max() < 25


def test_a_name_is_never_taken_for_html(tab: Tab) -> None:
    name = "<img src=x onerror=alert(1)>.png"
    Desk(tab).choose(payload(name))
    expect(tab.page.get_by_text(name)).to_be_visible()
    assert tab.page.locator("main img").count() == 0


def test_what_is_no_picture_is_refused_in_words(tab: Tab) -> None:
    broken: FilePayload = {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"}
    tab.page.locator("input[type=file]").set_input_files(files=[broken])
    alert = tab.page.get_by_role("alert")
    expect(alert).to_contain_text("Change what was asked for and try again.")
    tab.forgive("status of 400")


def test_a_picture_that_is_not_there_says_so(open_tab: OpenTab, shared_server: Server) -> None:
    tab = open_tab(shared_server, "/studio/segment/nobodys")
    expect(tab.page.get_by_role("alert")).to_contain_text("It may have been deleted meanwhile.")
    tab.forgive("status of 404")


def test_a_key_is_asked_for_once_and_the_request_goes_on(open_tab: OpenTab, serve: Serve) -> None:
    tab = open_tab(serve(API_KEYS='["the-key"]'))
    tab.page.locator("input[type=file]").set_input_files(files=[payload()])
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Key").fill("the-key")
    dialog.get_by_role("button", name="Use the key").click()
    Desk(tab).ready()
    expect(dialog).to_be_hidden()
    tab.page.reload()
    Desk(tab).ready()
    tab.forgive("status of 401")


def test_on_a_phone_nothing_is_wider_than_the_screen(open_tab: OpenTab, shared_server: Server) -> None:
    tab = open_tab(shared_server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    desk = Desk(tab)
    desk.choose(payload())
    x, y = desk.at(DISC)
    box = desk.stage.bounding_box()
    assert box
    tab.page.touchscreen.tap(box["x"] + x, box["y"] + y)
    expect(tab.page.get_by_role("radio").first).to_be_visible()
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.serious_issues() == []


class Fingers:
    """Fingers on the picture, as a touch screen reports them."""

    def __init__(self, desk: Desk) -> None:
        self._session = desk.page.context.new_cdp_session(desk.page)
        self._box = desk.stage.bounding_box() or {"x": 0, "y": 0}

    def _send(self, kind: str, at: Sequence[tuple[float, float]]) -> None:
        points = [{"x": self._box["x"] + x, "y": self._box["y"] + y, "id": id} for id, (x, y) in enumerate(at)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def down(self, *at: tuple[float, float]) -> None:
        self._send("touchStart", at)

    def move(self, *at: tuple[float, float]) -> None:
        self._send("touchMove", at)

    def up(self) -> None:
        self._send("touchEnd", ())


def test_fingers_pinch_move_tap_and_rest(open_tab: OpenTab, shared_server: Server) -> None:
    tab = open_tab(shared_server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    desk = Desk(tab)
    desk.choose(payload())
    fingers = Fingers(desk)
    x, y = desk.at(DISC)
    radios = tab.page.get_by_role("radio")
    fingers.down((x, y))
    fingers.up()
    expect(radios.first).to_be_visible()
    assert [point["inside"] for point in desk.draft()["points"]] == [True]

    # A finger that rests excludes, and lifting it then is no tap.
    fingers.down(desk.at((20, 20)))
    expect(desk.stage.locator("g.outside")).to_have_count(1)
    fingers.up()
    expect(desk.section("Selection")).not_to_have_attribute("aria-busy", "true")
    assert [point["inside"] for point in desk.draft()["points"]] == [True, False]

    whole = desk.scale()
    fingers.down((x - 20, y), (x + 20, y))
    for spread in (30, 40):
        fingers.move((x - spread, y), (x + spread, y))
    fingers.up()
    assert desk.scale() == pytest.approx(2 * whole, rel=0.05)

    picture = tab.page.locator("[data-layer=picture] canvas:visible")
    before = picture.bounding_box()
    fingers.down((x, y))
    for step in (10, 20, 30):
        fingers.move((x - step, y))
    fingers.up()
    after = picture.bounding_box()
    assert before
    assert after
    assert after["x"] == pytest.approx(before["x"] - 30, abs=1)
    # Neither of that selected anything.
    assert len(desk.draft()["points"]) == 2
