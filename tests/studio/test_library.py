"""The studio's library in a real browser: indexing, searching, opening, deleting, duplicates, many pictures."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fixtures.browser import OpenTab, Tab
from tests.fixtures.crowded import crowd
from tests.fixtures.pictures import encoded, scene
from tests.fixtures.server import Serve, photograph

HOSTILE = "<img src=x onerror=document.title='hit'>.jpg"

# Notes every value that a progress bar ever has.
WATCH_PROGRESS = """() => {
  window.seen = new Set();
  new MutationObserver(() => {
    for (const bar of document.querySelectorAll('[role=progressbar][aria-valuenow]'))
      window.seen.add(Number(bar.getAttribute('aria-valuenow')));
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""

# Scrolls on a little in every frame, as a wheel does: how long each frame took, how many tiles there are at most, and
# how many were ever made.
SCROLL = """async ({ frames, step }) => {
  const scroller = document.querySelector('ul[aria-label=Pictures]').parentElement;
  const times = [];
  let tiles = 0;
  const made = new Set();
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < frames; frame++) {
    scroller.scrollTop += step;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
    const there = scroller.querySelectorAll('li');
    tiles = Math.max(tiles, there.length);
    for (const tile of there) made.add(tile);
  }
  return { times, tiles, made: made.size, top: scroller.scrollTop };
}"""

# Whether a picture is there with its pixels, not only its place.
DRAWN = "image => image.complete && image.naturalWidth > 0"
# Drops files from elsewhere onto the page.
DROP = """([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/jpeg' }));
  const page = document.querySelector('main h1');
  for (const type of ['dragenter', 'dragover', 'drop'])
    page.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def tiles(page: Page) -> Locator:
    return page.get_by_role("list", name="Pictures").get_by_role("link")


def search_box(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search pictures")


def wait_until_drawn(picture: Locator) -> None:
    expect(picture).to_be_visible()
    expect(picture).to_have_class(re.compile("shown"))
    assert picture.evaluate(DRAWN)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The folder that the server's callers may name."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)


def index(page: Page, folder: Path) -> None:
    """Have a folder indexed and wait for its end."""
    page.get_by_role("button", name="Index a folder").first.click()
    page.get_by_label("Folder on the server").fill(str(folder))
    page.get_by_role("button", name="See what is there").click()
    page.get_by_role("button", name=re.compile(r"^Index \d+ picture")).click()
    expect(page.get_by_text(f"Indexed {folder}")).to_be_visible(timeout=120_000)


def test_a_folder_is_indexed_live_and_its_pictures_are_found_and_opened(
    open_tab: OpenTab, serve: Serve, pictures: Path
) -> None:
    for number in range(12):
        put(pictures, f"scene {number}.jpg", encoded(scene(160, 120, number), "JPEG"))
    put(pictures, HOSTILE, photograph("chelsea"))
    put(pictures, "rocket.jpg", photograph("rocket"))
    put(pictures, "broken.jpg", photograph("coffee")[:2000])
    server = serve(IMAGE_ROOTS=str(pictures))
    tab = open_tab(server, "/studio/library")
    page = tab.page
    expect(page.get_by_text("No pictures yet")).to_be_visible()
    assert tab.serious_issues() == []

    page.evaluate(WATCH_PROGRESS)
    page.get_by_role("button", name="Index a folder").last.click()
    page.get_by_label("Folder on the server").fill(str(pictures / "nowhere"))
    page.get_by_role("button", name="See what is there").click()
    expect(page.get_by_role("alert")).to_contain_text("Directory not found")
    tab.forgive("404")
    page.get_by_label("Folder on the server").fill(str(pictures))
    page.get_by_role("button", name="See what is there").click()
    expect(page.get_by_text("15 pictures", exact=True)).to_be_visible()
    assert tab.serious_issues() == []
    page.get_by_role("button", name="Index 15 pictures").click()
    expect(page.get_by_text("14 pictures described, 1 could not be read.")).to_be_visible(timeout=120_000)
    assert [value for value in page.evaluate("[...window.seen]") if 0 < value < 100], "no progress was shown on the way"
    page.get_by_text("Which could not be read").click()
    expect(page.get_by_text("broken.jpg")).to_be_visible()
    expect(page.get_by_text("14 pictures", exact=True)).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()

    search_box(page).press_sequentially("rocket", delay=30)
    expect(page).to_have_url(re.compile(r"\?q=rocket$"))
    expect(tiles(page).first).to_have_attribute("title", "rocket.jpg")
    wait_until_drawn(tiles(page).first.locator("img"))
    page.reload()
    expect(search_box(page)).to_have_value("rocket")
    tiles(page).first.click()
    viewer = page.get_by_role("dialog")
    expect(viewer.get_by_role("heading", name="rocket.jpg")).to_be_visible()
    expect(viewer.get_by_text("plain-words").first).to_be_visible()
    expect(viewer.get_by_text(str(pictures / "rocket.jpg"))).to_be_visible()
    wait_until_drawn(viewer.locator(".stage img").first)
    expect(viewer.get_by_role("link", name="Segment it")).to_have_attribute("href", re.compile("^/studio/segment/.+"))
    expect(viewer.get_by_role("link", name="Make it 3D")).to_have_attribute("href", re.compile("^/studio/3d/.+"))
    assert tab.serious_issues() == []
    address = page.url
    page.reload()
    expect(viewer.get_by_role("heading", name="rocket.jpg")).to_be_visible()
    assert page.url == address

    viewer.get_by_role("button", name="Find similar").click()
    expect(viewer).to_be_hidden()
    expect(page.get_by_text("Like rocket.jpg")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?like="))
    expect(tiles(page)).to_have_count(13)
    assert "rocket.jpg" not in [tile.get_attribute("title") for tile in tiles(page).all()]
    page.get_by_role("button", name="Show all pictures again").click()

    chip = page.get_by_role("group", name="Objects in the pictures").get_by_role("button").first
    said = chip.inner_text().split()
    chip.click()
    expect(page).to_have_url(re.compile(r"\?objects="))
    expect(page.get_by_text(f"{said[-1]} picture{'' if said[-1] == '1' else 's'} found")).to_be_visible()
    page.get_by_role("group", name="Objects in the pictures").get_by_role("button", pressed=True).click()
    page.goto("/studio/library?objects=unicorn")
    expect(page.get_by_text("No picture shows unicorn")).to_be_visible()
    page.get_by_role("button", name="Show all pictures").click()
    expect(page.get_by_text("14 pictures", exact=True)).to_be_visible()
    assert page.title() == "Library · Image Quarry"


def test_names_from_outside_are_shown_as_they_are_and_nothing_is_deleted_unasked(
    open_tab: OpenTab, serve: Serve, pictures: Path
) -> None:
    put(pictures, HOSTILE, photograph("kitten"))
    server = serve(IMAGE_ROOTS=str(pictures))
    taken = server.client.post("/api/v1/images/process", json={"image_path": str(pictures / HOSTILE)})
    assert taken.status_code == 200
    tab = open_tab(server, "/studio/library")
    page = tab.page
    expect(tiles(page)).to_have_count(1)
    expect(tiles(page)).to_have_attribute("title", HOSTILE)
    tiles(page).click()
    viewer = page.get_by_role("dialog").first
    expect(viewer.get_by_role("heading", name=HOSTILE)).to_be_visible()
    viewer.get_by_role("button", name="Delete…").click()
    question = page.get_by_role("dialog", name="Delete this picture?")
    expect(question).to_contain_text(HOSTILE)
    assert tab.serious_issues() == []
    question.get_by_role("button", name="Keep it").click()
    expect(question).to_be_hidden()
    assert (pictures / HOSTILE).exists()
    viewer.get_by_role("button", name="Delete…").click()
    question.get_by_label("Delete the file on the server").check()
    question.get_by_role("button", name="Delete it and its file").click()
    expect(page.get_by_text("No pictures yet")).to_be_visible()
    assert not (pictures / HOSTILE).exists()
    assert page.title() == "Library · Image Quarry"


def test_of_duplicates_only_those_go_that_were_named(open_tab: OpenTab, serve: Serve, pictures: Path) -> None:
    for name, copies in (("chelsea", 2), ("coffee", 3)):
        put(pictures, f"{name}.jpg", photograph(name))
        for copy in range(1, copies):
            shutil.copy(pictures / f"{name}.jpg", pictures / f"{name} {copy}.jpg")
    put(pictures, "rocket.jpg", photograph("rocket"))
    server = serve(IMAGE_ROOTS=str(pictures))
    tab = open_tab(server, "/studio/library?view=duplicates")
    page = tab.page
    expect(page.get_by_text("No two pictures are that much alike")).to_be_visible()
    page.get_by_role("link", name="All pictures").click()
    index(page, pictures)
    page.get_by_role("link", name="Duplicates").click()
    expect(page.get_by_text("3 duplicates in 2 groups")).to_be_visible()
    assert tab.serious_issues() == []

    pair = page.get_by_role("region", name="2 pictures that are alike")
    wait_until_drawn(pair.locator("img").first)
    expect(pair.get_by_text("The same file · 100 %")).to_be_visible()
    pair.get_by_role("radio").last.check()
    kept = pair.locator("li.stays .name").inner_text()
    pair.get_by_role("button", name="Keep one, remove the other…").click()
    question = page.get_by_role("dialog")
    expect(question.locator(".stays")).to_contain_text(kept)
    question.get_by_role("button", name="Keep all").click()
    expect(page.get_by_text("3 duplicates in 2 groups")).to_be_visible()
    pair.get_by_role("button", name="Keep one, remove the other…").click()
    question.get_by_role("button", name="Remove 1 picture", exact=True).click()
    expect(page.get_by_text("2 duplicates in 1 group,")).to_be_visible()
    assert len(list(pictures.glob("chelsea*"))) == 2, "files were not to be deleted"

    page.get_by_role("button", name="Remove duplicates…").click()
    expect(question).to_contain_text("1 picture stays")
    expect(question).to_contain_text("2 duplicates go")
    assert tab.serious_issues() == []
    kept_one = question.locator(".stays li").get_attribute("title")
    # Another copy comes between the question and its answer.
    shutil.copy(pictures / "coffee.jpg", pictures / "coffee 9.jpg")
    server.client.post("/api/v1/images/process", json={"image_path": str(pictures / "coffee 9.jpg")})
    question.get_by_label("Delete their files").check()
    question.get_by_role("button", name="Remove 2 pictures and their files").click()
    expect(question.get_by_role("alert")).to_contain_text("nothing has been removed", ignore_case=True)
    assert len(list(pictures.glob("coffee*"))) == 4
    question.get_by_role("button", name="Keep all").click()
    page.reload()
    page.get_by_role("button", name="Remove duplicates…").click()
    kept_one = question.locator(".stays li").get_attribute("title")
    question.get_by_label("Delete their files").check()
    question.get_by_role("button", name="Remove 3 pictures and their files").click()
    expect(page.get_by_text("No two pictures are that much alike")).to_be_visible()
    assert [str(file) for file in pictures.glob("coffee*")] == [kept_one]
    left = server.client.get("/api/v1/images/").json()
    assert sorted(one["filename"] for one in left) == sorted([kept, Path(str(kept_one)).name, "rocket.jpg"])


# The tiles as they are read aloud, the first of all with the focus and then those in sight.
IN_ORDER = """() => {
  const order = [...document.querySelectorAll("li[data-index]:not([hidden])")].map(li => +li.dataset.index);
  return order[0] === 0 && order[1] > 1 && order.every((index, at) => at === 0 || index > order[at - 1]);
}"""


@pytest.mark.alone
def test_ten_thousand_pictures_scroll_with_only_those_in_sight_in_the_page(
    open_tab: OpenTab, serve: Serve, tmp_path: Path
) -> None:
    ids = crowd(tmp_path / "data", 10_000)
    tab = open_tab(serve(), "/studio/library")
    page = tab.page
    expect(page.get_by_text("10,000 pictures", exact=True)).to_be_visible()
    wait_until_drawn(tiles(page).first.locator("img"))
    told: dict[str, Any] = page.evaluate(SCROLL, {"frames": 120, "step": 90})
    assert told["top"] == 120 * 90
    assert told["tiles"] < 100
    late = [time for time in told["times"] if time > 250]
    assert len(late) <= 3, f"{len(late)} of 120 frames took longer than 250 ms: {told['times']}"

    # The same ones show other pictures, but not the one that has the focus; read aloud, they stay in order.
    page.evaluate(SCROLL, {"frames": 1, "step": -120 * 90})
    wait_until_drawn(tiles(page).first.locator("img"))
    there = page.locator("ul[aria-label=Pictures] > li").count()
    tiles(page).first.focus()
    held = page.locator(":focus")
    told = page.evaluate(SCROLL, {"frames": 120, "step": 90})
    assert there <= told["made"] <= there + 1
    expect(held).to_have_attribute("href", f"/studio/library/{ids[0]}")
    expect(page.locator("li[data-index]").nth(1).locator("img")).to_have_class(re.compile("shown"))
    page.wait_for_function(IN_ORDER)
    page.keyboard.press("ArrowRight")
    expect(held).to_have_attribute("href", f"/studio/library/{ids[1]}")

    page.keyboard.press("End")
    last = page.get_by_role("listitem").last.get_by_role("link")
    expect(last).to_be_focused()
    expect(last).to_have_attribute("href", f"/studio/library/{ids[-1]}")
    wait_until_drawn(last.locator("img"))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog")
    expect(viewer.get_by_role("heading", name=f"{ids[-2].removeprefix('picture-')}.jpg")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(viewer.get_by_role("heading", name=f"{ids[-1].removeprefix('picture-')}.jpg")).to_be_visible()
    page.keyboard.press("Escape")
    expect(last).to_be_focused()
    assert page.get_by_role("listitem").count() < 100
    assert tab.serious_issues() == []


def test_with_a_key_pictures_are_shown_taken_in_by_drop_and_downloaded(
    open_tab: OpenTab, serve: Serve, pictures: Path
) -> None:
    tab: Tab = open_tab(serve(API_KEYS="the-key"), "/studio/library")
    page = tab.page
    page.get_by_role("textbox", name="Key").fill("the-key")
    page.get_by_role("button", name="Use the key").click()
    expect(page.get_by_text("No pictures yet")).to_be_visible()
    # Only pages that nobody can see without one ask for it.
    tab.forgive("401")
    page.evaluate(DROP, ["cat.jpg", list(photograph("kitten"))])
    # The first one loads the models that describe.
    expect(page.get_by_text("1 picture taken in")).to_be_visible(timeout=60_000)
    wait_until_drawn(tiles(page).first.locator("img"))
    assert str(tiles(page).first.locator("img").get_attribute("src")).startswith("blob:")
    page.evaluate(DROP, ["cat.jpg", list(photograph("coffee"))])
    expect(page.get_by_text("There is a file of that name already.")).to_be_visible()
    tab.forgive("409")
    page.get_by_role("button", name="Keep both").click()
    expect(page.get_by_text("2 pictures taken in")).to_be_visible()
    expect(tiles(page)).to_have_count(2)
    expect(tiles(page).first).to_have_attribute("title", "cat (2).jpg")
    tiles(page).last.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_bytes() == photograph("kitten")
    assert download.value.suggested_filename == "cat.jpg"
