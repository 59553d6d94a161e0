"""The web application's files are sent whole, kept for ever where they never change, and shadow no route."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from imagequarry.studio.site import HEADERS, Site
from tests.fixtures.browser import SITE
from tests.fixtures.server import Site as Application
from tests.fixtures.server import open_site

JAVASCRIPT_LIMIT = 300 * 1024
PAGES = ["/", "/studio", "/studio/", "/studio/library", "/studio/segment/img.png", "/studio/segment/a%2Fb"]


@pytest.mark.parametrize("path", PAGES)
def test_every_address_of_the_studio_is_its_page(built: None, site: Application, path: str) -> None:
    reply = site.client.get(path)
    assert reply.status_code == 200
    assert '<div id="studio">' in reply.text
    assert reply.headers["cache-control"] == "no-cache"


def test_the_page_runs_nothing_that_stands_in_it(built: None, site: Application) -> None:
    reply = site.client.get("/")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", reply.text) == []
    assert re.findall(r"""(?:src|href)="(?!/)[^"]*""", reply.text) == []


def test_files_with_a_hash_in_their_name_are_kept_for_ever_and_sent_zipped(built: None, site: Application) -> None:
    (script,) = re.findall(r'src="(/studio/assets/[^"]+\.js)"', site.client.get("/").text)
    plain = site.client.get(script, headers={"Accept-Encoding": "identity"})
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "content-encoding" not in plain.headers
    zipped = site.client.get(script, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in zipped.headers["vary"]
    assert zipped.content == plain.content
    assert {name: plain.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("path", ["assets/gone.js", "assets/../index.html", "assets/..%2f..%2fsite.py", "assets/%00"])
def test_a_file_that_is_not_there_is_not_the_page(built: None, site: Application, path: str) -> None:
    reply = site.client.get(f"/studio/{path}")
    assert reply.status_code == 404 or '<div id="studio">' in reply.text
    assert "FOLDER" not in reply.text


def test_all_scripts_but_those_for_three_dimensions_fit_in_the_budget(built: None) -> None:
    scripts = [file for file in (SITE / "assets").glob("*.js") if not file.name.lower().startswith(("space", "three"))]
    assert scripts
    assert sum(len(gzip.compress(file.read_bytes())) for file in scripts) < JAVASCRIPT_LIMIT


def test_the_licences_of_what_is_built_in_go_with_it(built: None, site: Application) -> None:
    reply = site.client.get("/studio/licences.txt")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    for library in ("svelte", "three", "openapi-fetch"):
        assert f"\n## {library} - " in reply.text
    assert "Permission is hereby granted" in reply.text


def test_without_a_build_a_plain_page_says_how_to_get_one(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for reply in (site.page(), site.at("library", "")):
        assert reply.status_code == 200
        assert b"make studio" in reply.body
        assert reply.headers["cache-control"] == "no-store"
    assert site.at("assets/index.js", "gzip").status_code == 404


def test_no_file_of_the_studio_needs_a_key(built: None, tmp_path: Path) -> None:
    with open_site(tmp_path, api_keys=("the-key",)) as guarded:
        (script,) = re.findall(r'src="(/studio/assets/[^"]+\.js)"', guarded.client.get("/").text)
        for path in (*PAGES, script):
            assert guarded.client.get(path).status_code == 200
        assert guarded.client.get("/images").status_code == 401
