"""The page of models: which answer, loading and unloading, and weights on their way here."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.fixtures.browser import OpenTab, Tab
from tests.fixtures.server import Serve, Server
from tests.models.loopback_hub import LoopbackHub, serving

FILES = {"config.json": b'{"model_type": "sam"}', "model.safetensors": bytes(range(256)) * 20_000}


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with serving(LoopbackHub("facebook/sam-vit-base", dict(FILES))) as hub:
        yield hub


def card(tab: Tab, name: str) -> Locator:
    return tab.page.get_by_role("article").filter(has=tab.page.get_by_role("heading", name=name))


def test_models_tell_how_they_stand_and_are_loaded_and_unloaded(open_tab: OpenTab, shared_server: Server) -> None:
    tab = open_tab(shared_server, "/studio/models")
    built_in = card(tab, "region-tree")
    expect(built_in).to_contain_text("in use", timeout=60_000)  # the first answer takes an import of torch
    expect(card(tab, "vit_b")).to_contain_text("375 MB to pull")
    expect(card(tab, "vit_b")).to_contain_text("imagequarry models pull vit_b")
    expect(card(tab, "relief")).to_contain_text("in use")
    expect(card(tab, "tripo3d")).to_contain_text("not set up")
    for _ in range(2):  # whatever another test left
        built_in.get_by_role("button", name="Load", exact=True).or_(
            built_in.get_by_role("button", name="Unload")
        ).click()
        expect(built_in.get_by_role("button")).to_be_enabled()
    assert tab.serious_issues() == []


def test_weights_are_pulled_before_ones_eyes_also_after_a_reload(
    open_tab: OpenTab, serve: Serve, hub: LoopbackHub
) -> None:
    hub.go_on = threading.Event()
    tab = open_tab(serve(HF_ENDPOINT=hub.hub_url), "/studio/models")
    wanted = card(tab, "vit_b")
    # The smallest of those that would be preferred to what answers now.
    expect(tab.page.get_by_text("Better, once its weights are here: edgetam")).to_be_visible(timeout=60_000)
    wanted.get_by_role("button", name="Pull").click()
    expect(wanted.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "0")
    expect(wanted).to_contain_text(re.compile(r": [0-9.]+ of [0-9.]+ MB"))
    tab.page.reload()
    expect(wanted.get_by_role("progressbar")).to_be_visible(timeout=60_000)
    assert tab.serious_issues() == []
    hub.go_on.set()
    expect(tab.page.get_by_text("vit_b is here.")).to_be_visible()
    expect(wanted).to_contain_text("On this machine")
    expect(wanted).to_contain_text("in use")


def test_a_hub_that_fails_is_told_in_words(open_tab: OpenTab, serve: Serve, hub: LoopbackHub) -> None:
    hub.api_status = 404
    tab = open_tab(serve(HF_ENDPOINT=hub.hub_url), "/studio/models")
    wanted = card(tab, "vit_b")
    wanted.get_by_role("button", name="Pull").click()
    expect(tab.page.get_by_text("vit_b: ", exact=False)).to_be_visible()
    expect(wanted.get_by_role("button", name="Pull")).to_be_enabled()
