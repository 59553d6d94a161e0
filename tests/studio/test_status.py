"""The Status page: health, figures that move, errors, settings; a part that is down, and keys that do not open all."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.fixtures.browser import OpenTab
from tests.fixtures.redis import free_port
from tests.fixtures.server import Serve, Server


def give_key(page: Page, key: str) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Use the key").click()


def test_the_page_tells_how_the_server_is_and_moves(open_tab: OpenTab, shared_server: Server) -> None:
    phone = {"width": 390, "height": 844}
    tab = open_tab(shared_server, "/studio/status", viewport=phone, color_scheme="dark")
    page = tab.page
    expect(page.get_by_text(re.compile("^The server (is well|works)"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"Image Quarry \d+\.\d+\.\d+, running for"))).to_be_visible()
    database = page.get_by_role("list", name="Components").get_by_role("listitem").filter(has_text="Database")
    expect(database.get_by_text("well", exact=True)).to_be_visible()
    for _ in range(8):
        assert shared_server.client.get("/images").status_code == 200
    requests = page.get_by_role("img", name=re.compile("^Requests a second, .* to [1-9]"))
    expect(requests).to_be_visible()
    for figure in ("Time of a reply", "Processors", "Memory of the server", "Jobs"):
        expect(page.get_by_role("img", name=re.compile(f"^{figure}"))).to_be_visible()
    expect(page.get_by_text("region-tree").first).to_be_visible()
    expect(page.get_by_text(re.compile("% of .* in use"))).to_be_visible()
    expect(page.get_by_text("Last cleanup")).to_be_visible()
    expect(page.get_by_role("heading", name="Errors of the last day")).to_be_visible()
    page.get_by_text("Settings", exact=True).click()
    page.get_by_role("searchbox", name="Find a setting").fill("job workers")
    expect(page.get_by_text("JOB_WORKERS", exact=True)).to_be_visible()
    expect(page.get_by_text("LOG_DIR", exact=True)).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.serious_issues() == []


def test_what_is_down_and_what_a_key_does_not_open_are_said(open_tab: OpenTab, serve: Serve) -> None:
    keys = {"API_KEYS": '["a-key"]', "ADMIN_API_KEYS": '["the-keepers-key"]'}
    server = serve(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0", **keys)
    tab = open_tab(server, "/studio/status")
    page = tab.page
    give_key(page, "a-key")
    expect(page.get_by_text("The server is not well.")).to_be_visible()
    expect(page.get_by_text("Redis does not answer.")).to_be_visible()
    expect(page.get_by_text("The logs are for who keeps the server.")).to_be_visible()
    expect(page.get_by_text("What takes the room is told to who keeps the server.")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Memory of the server"))).to_be_visible()

    page.get_by_role("button", name="Enter a key").first.click()
    give_key(page, "the-keepers-key")
    expect(page.get_by_text("The logs are for who keeps the server.")).to_be_hidden()
    expect(page.get_by_text("Last cleanup")).to_be_visible()
    tab.forgive("status of (401|403|503)")
