"""The page 3D: pictures become models before one's eyes, which are turned, saved and found again."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.fixtures.browser import CUT_OFF, DRAWING_IN_SPACE, OpenTab, launched
from tests.fixtures.modelling import generate, made
from tests.fixtures.pictures import encoded
from tests.fixtures.redis import free_port
from tests.fixtures.server import SECONDS, Serve, Server

HOSTILE = "<img src=x onerror=alert(1)>.png"
# A model is drawn without a graphics card: fewer pixels, less time.
SIZE = {"width": 1000, "height": 620}
# Models are made by jobs, on a machine that may have much else to do.
PATIENCE = 90_000
NO_WEBGL = """
const ask = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith("webgl") ? null : ask.call(this, kind, ...rest);
};
"""


@pytest.fixture(scope="module")
def browser(built: None) -> Iterator[Browser]:
    """Chromium that draws in space."""
    with launched(*DRAWING_IN_SPACE) as browser:
        yield browser


def picture(red: int, green: int, blue: int) -> bytes:
    """A thing of that colour, broader below, in front of white."""
    y, x = np.mgrid[0:120, 0:160]
    thing = (np.abs(x - 80) < 12 + 0.35 * y) & (y > 12) & (y < 108)
    pixels = np.full((120, 160, 3), 255, np.uint8)
    pixels[thing] = (red, green, blue)
    return encoded(pixels)


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def choose(page: Page, *files: FilePayload) -> None:
    page.get_by_label("Pictures", exact=True).set_input_files(list(files))


def drawn(page: Page) -> NDArray[np.int16]:
    """The pixels of the model once nothing moves."""
    expect(page.get_by_role("application")).to_have_attribute("aria-busy", "false", timeout=PATIENCE)
    shot = page.locator("canvas").screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), np.int16)


def coloured(pixels: NDArray[np.int16], channel: int) -> NDArray[np.bool_]:
    """Where that channel is far above the two others."""
    others = np.delete(pixels, channel, axis=2).max(axis=2)
    return np.asarray(pixels[:, :, channel] - others > 60)


def saved(page: Page, format: str) -> tuple[str, bytes]:
    """The name and the bytes of what the button hands out."""
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name=format, exact=True).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_pictures_become_models_that_are_turned_saved_and_found_again(open_tab: OpenTab, shared_server: Server) -> None:
    tab = open_tab(shared_server, "/studio/3d", viewport=SIZE)
    page = tab.page
    button = page.get_by_role("button", name=re.compile("^Make"))
    expect(button).to_be_disabled()
    files = [file(HOSTILE, picture(220, 30, 30)), file("blue.png", picture(30, 30, 220)), file("no.png", b"nothing")]
    choose(page, *files)
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    expect(page.get_by_text("No picture that can be shown")).to_be_visible()
    assert tab.serious_issues() == []
    expect(page.get_by_role("radio", name=re.compile("Relief"))).to_be_checked()
    page.get_by_label("Most faces").fill("3")
    expect(button).to_be_disabled()
    page.get_by_label("Most faces").fill("2000")
    button.click()

    expect(page).to_have_url(re.compile("/studio/3d/job/"))
    expect(page.get_by_text("2 of 3 models are ready; 1 failed.")).to_be_visible(timeout=PATIENCE)
    broken = page.get_by_role("link", name=re.compile("no.png"))
    expect(broken).to_contain_text("not a picture")
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()

    front = drawn(page)
    thing = coloured(front, 0)
    rows = np.flatnonzero(thing.any(axis=1))
    assert thing.mean() > 0.03
    widths = thing[rows[0] : rows[-1] + 1].sum(axis=1)
    third = len(widths) // 3
    assert widths[:third].mean() < widths[-third:].mean(), "It stands on its head."
    assert coloured(front, 2).mean() < 0.001
    stage = page.get_by_role("application")
    stage.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    turned = drawn(page)
    assert np.abs(turned - front).max() > 60
    expect(page.get_by_text("Seen from the right.")).to_be_attached()
    page.keyboard.press("0")
    for key in "++":
        page.keyboard.press(key)
    assert coloured(drawn(page), 0).sum() > 1.3 * thing.sum()
    page.keyboard.press("0")
    box = stage.bounding_box()
    assert box
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 220, steps=4)
    page.mouse.up()
    assert np.abs(drawn(page) - front).max() > 60
    page.get_by_role("button", name="Form").click()
    assert coloured(drawn(page), 0).mean() < 0.001
    assert tab.serious_issues() == []

    name, glb = saved(page, "GLB")
    assert (name, glb[:4]) == ("_img src=x onerror=alert(1)_.glb", b"glTF")
    name, obj = saved(page, "OBJ")
    assert name.endswith(".obj.zip")
    assert any(inside.endswith(".obj") for inside in zipfile.ZipFile(io.BytesIO(obj)).namelist())
    assert saved(page, "PLY")[1].startswith(b"ply")
    assert len(saved(page, "STL")[1]) > 84
    assert Image.open(io.BytesIO(saved(page, "Preview")[1])).width == 512

    page.get_by_role("link", name=re.compile("blue.png")).click()
    expect(page.get_by_role("heading", name="blue.png")).to_be_visible()
    page.reload()
    blue = drawn(page)
    assert coloured(blue, 2).mean() > 0.03
    assert coloured(blue, 0).mean() < 0.001

    page.get_by_role("link", name="New models").click()
    page.get_by_role("region", name="Models made before").get_by_role("link", name=re.compile("blue.png")).click()
    expect(page.get_by_text("The model is ready.")).to_be_visible()
    drawn(page)


def test_a_restart_and_a_reload_in_the_middle_lose_nothing_and_what_was_made_can_be_deleted(
    open_tab: OpenTab, serve: Serve
) -> None:
    port = str(free_port())
    server = serve(PORT=port, JOB_WORKERS="0")
    tab = open_tab(server, "/studio/3d", viewport=SIZE)
    page = tab.page
    choose(page, file("cone.png", picture(20, 160, 40)))
    page.get_by_role("button", name="Make the model").click()
    waits = page.get_by_text("Waits for its turn")
    expect(waits).to_be_visible()
    page.reload()
    expect(waits).to_be_visible()
    server.process.kill()
    server.process.wait(SECONDS)
    expect(page.get_by_text("The line to the server was cut")).to_be_visible()
    serve(PORT=port)
    expect(page.get_by_text("The model is ready.")).to_be_visible(timeout=PATIENCE)
    assert coloured(drawn(page), 1).mean() > 0.03
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page).to_have_url(re.compile("/studio/3d$"))
    expect(page.get_by_text("cone.png")).to_be_hidden()
    tab.forgive(CUT_OFF)


def test_work_that_waits_is_cancelled(open_tab: OpenTab, serve: Serve) -> None:
    server = serve(JOB_WORKERS="0")
    image = server.client.post("/api/upload/image", files={"file": ("kept.png", picture(9, 9, 200))}).json()["image_id"]
    page = open_tab(server, f"/studio/3d/{image}").page
    expect(page.get_by_text("kept.png")).to_be_visible()
    page.get_by_role("button", name="Make the model").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the work").click()
    expect(page.get_by_text("Cancelled.")).to_be_visible()
    assert server.client.get("/jobs/").json()["total"] == 0


def test_without_webgl_a_picture_of_the_model_is_shown_and_it_is_said_why(
    open_tab: OpenTab, shared_server: Server
) -> None:
    client = shared_server.client
    image = client.post("/api/upload/image", files={"file": ("flat.png", picture(200, 120, 0))}).json()["image_id"]
    job = generate(client, image, quality="draft")["job_id"]
    made(client, job, PATIENCE / 1000)
    tab = open_tab(shared_server)
    tab.page.add_init_script(NO_WEBGL)
    tab.page.goto(f"/studio/3d/job/{job}")
    expect(tab.page.get_by_text("This browser cannot draw in space here")).to_be_visible()
    expect(tab.page.get_by_role("img", name="The model of flat.png")).to_be_visible()
    expect(tab.page.locator("canvas")).to_have_count(0)
    assert saved(tab.page, "GLB")[1].startswith(b"glTF")
    assert tab.serious_issues() == []


def test_with_keys_everything_is_fetched_with_the_key(open_tab: OpenTab, serve: Serve) -> None:
    server = serve(API_KEYS="the-key")
    tab = open_tab(server, "/studio/3d", viewport=SIZE)
    page = tab.page
    page.get_by_label("Key", exact=True).fill("the-key")
    page.get_by_role("button", name="Use the key").click()
    choose(page, file("cone.png", picture(20, 160, 40)))
    page.get_by_role("button", name="Make the model").click()
    expect(page.get_by_text("The model is ready.")).to_be_visible(timeout=PATIENCE)
    assert coloured(drawn(page), 1).mean() > 0.03
    assert saved(page, "GLB")[1].startswith(b"glTF")
    page.get_by_role("link", name="New models").click()
    small = page.get_by_role("region", name="Models made before").locator("img")
    expect(small).to_have_attribute("src", re.compile("^blob:"))
    tab.forgive("status of 401")


def test_a_job_that_is_not_there_is_told_in_words(open_tab: OpenTab, shared_server: Server) -> None:
    tab = open_tab(shared_server, "/studio/3d/job/00000000-0000-4000-8000-000000000000")
    expect(tab.page.get_by_role("alert")).to_contain_text("It may have been deleted meanwhile.")
    tab.forgive("status of 404")
