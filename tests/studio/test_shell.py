"""The studio's frame: its pages, its keys, its theme, and a server that goes away and comes back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.fixtures.browser import CUT_OFF, OpenTab, Tab
from tests.fixtures.redis import free_port
from tests.fixtures.server import SECONDS, Serve, Server

# Waits until a file was fetched; Playwright's own way is what the policy forbids.
FETCHED = """async name => {
  for (let tries = 0; tries < 100; tries++) {
    if (performance.getEntriesByType("resource").some(entry => entry.name.includes(name))) return true;
    await new Promise(later => setTimeout(later, 100));
  }
  return false;
}"""
PAGES = ["Segment", "Library", "3D", "Jobs", "Models", "Status"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1920, 1080), (3840, 2160)])
def test_no_page_has_a_serious_issue_for_anybody(
    open_tab: OpenTab, shared_server: Server, scheme: str, size: tuple[int, int]
) -> None:
    tab = open_tab(shared_server, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    for name in PAGES:
        tab.page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
        assert tab.serious_issues() == [], name
        assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{name} is wider than the screen"
        )


def test_the_address_names_the_page_and_the_browsers_buttons_go_between_pages(tab: Tab) -> None:
    link = tab.page.get_by_role("navigation").get_by_role("link", name="Jobs")
    link.click()
    expect(tab.page).to_have_url(re.compile("/studio/jobs$"))
    expect(link).to_have_attribute("aria-current", "page")
    expect(tab.page).to_have_title("Jobs · Image Quarry")
    tab.page.go_back()
    expect(tab.page).to_have_title("Segment · Image Quarry")
    tab.page.goto("/studio/nowhere")
    expect(tab.page.get_by_text("There is no such page")).to_be_visible()


def test_the_keyboard_reaches_the_page_past_the_navigation(tab: Tab) -> None:
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    tab.page.keyboard.press("Tab")
    expect(tab.page.get_by_text("Skip to the page")).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("main")).to_be_focused()


def test_the_theme_that_was_chosen_outlasts_a_reload(open_tab: OpenTab, shared_server: Server) -> None:
    page = open_tab(shared_server, color_scheme="light").page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert page.evaluate(ground) == dark


def test_a_server_that_goes_away_is_noticed_and_so_is_its_return(open_tab: OpenTab, serve: Serve) -> None:
    port = str(free_port())
    server = serve(PORT=port)
    tab = open_tab(server)
    away = tab.page.get_by_text("The server does not answer.")
    expect(away).to_be_hidden()
    assert tab.page.evaluate(FETCHED, "/assets/Status-")
    server.process.kill()
    server.process.wait(SECONDS)
    # It would be noticed without, some seconds later.
    tab.page.evaluate("dispatchEvent(new Event('online'))")
    expect(away).to_be_visible()
    tab.page.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Jobs")
    serve(PORT=port)
    expect(away).to_be_hidden(timeout=15_000)
    tab.forgive(CUT_OFF)
