"""The Jobs page: what anybody asks for appears and moves by itself, can be looked into, cancelled and deleted."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.fixtures.background import at_work, hand_in, large, small
from tests.fixtures.browser import OpenTab
from tests.fixtures.modelling import upload
from tests.fixtures.server import Serve

HOSTILE = "<img src=x onerror=alert(1)>.png"
LONG = {"crop_n_layers": "3", "points_per_side": "32"}
MILLISECONDS = 60_000


def line(page: Page, text: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=text)


def test_a_job_that_somebody_hands_in_appears_moves_and_can_be_cancelled(open_tab: OpenTab, serve: Serve) -> None:
    server = serve()
    page = open_tab(server, "/studio/jobs").page
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    id = hand_in(server.client, "auto", large(), **LONG)
    here = line(page, "Segment everything")
    expect(here.get_by_text("Running")).to_be_visible()
    bar = here.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", re.compile("^[1-9]"), timeout=MILLISECONDS)
    assert at_work(server.client, id)["status"] == "running"
    here.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The work stops")).to_be_visible()
    page.keyboard.press("Escape")
    expect(here).to_be_visible()
    here.get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(here).to_be_hidden()
    assert server.client.get(f"/jobs/{id}").status_code == 404


def test_a_batch_is_looked_into_while_it_goes_on_and_deleted(open_tab: OpenTab, serve: Serve) -> None:
    server = serve()
    phone = {"width": 390, "height": 844}
    tab = open_tab(server, "/studio/jobs", viewport=phone, color_scheme="dark")
    page = tab.page
    batch = upload(server.client, (HOSTILE, small()), ("note.png", b"no picture"))["job_id"]
    page.get_by_role("link", name="Make 3D models").click()
    expect(page).to_have_url(re.compile(f"/studio/jobs/{batch}$"))
    expect(line(page, HOSTILE).get_by_text("Done")).to_be_visible(timeout=MILLISECONDS)
    expect(line(page, "note.png").get_by_text("Failed")).to_be_visible()
    expect(page.get_by_role("region", name="How it stands").get_by_text("Done")).to_be_visible()
    expect(page.get_by_text("Completed", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="See it in 3D")).to_have_attribute("href", f"/studio/3d/job/{batch}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.serious_issues() == []

    page.get_by_role("link", name="note.png").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.reload()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("link", name="a batch").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("all 2 of its jobs go with it")).to_be_visible()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()

    page.get_by_label("State").select_option(label="Failed or cancelled")
    expect(page).to_have_url(re.compile(r"\?status=failed$"))
    expect(page.get_by_text("No job is like that")).to_be_visible()
    page.goto(f"/studio/jobs/{batch}")
    expect(page.get_by_text("It may have been deleted meanwhile.")).to_be_visible()
    tab.forgive("status of 404")
