"""Document C with ``SAM_API_URL``: masks come from the SAM API, and its failures are 502 with nothing stored."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.remote.loopback_sam_api import LoopbackSamApi, serving
from tests.fixtures.server import Site, open_site, photograph, photograph_size, pixels_in
from tests.surfaces.sam2.test_generate import check_refusal

WIDTH, HEIGHT = photograph_size("chelsea")
BODY = {"original_image_b64": base64.b64encode(photograph("chelsea")).decode()}


def half() -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[:, : WIDTH // 2] = True
    return mask


@contextmanager
def remote_site(folder: Path, api: LoopbackSamApi, **more: Any) -> Iterator[Site]:
    with open_site(folder, sam_api_url=api.url, sam_api_token="secret", **more) as site:
        yield site


@pytest.fixture
def api() -> Iterator[LoopbackSamApi]:
    with serving(LoopbackSamApi([half(), ~half()])) as api:
        yield api


def test_the_masks_of_the_api_are_stored(api: LoopbackSamApi, tmp_path: Path) -> None:
    with remote_site(tmp_path, api) as site:
        reply = site.client.post("/generate_and_store_masks", json=BODY)
        assert (reply.status_code, reply.headers["X-Model"], reply.json()["mask_count"]) == (200, "sam-api", 2)
        info = site.client.get(f"/images/{reply.json()['image_id']}/info").json()
    assert [pixels_in(mask["mask_b64"]).tolist() for mask in info["available_masks"]] == [
        half().tolist(),
        (~half()).tolist(),
    ]
    assert api.received[0][0]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 500},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
        {"body": b"<html>"},
        {"body": b"[]"},
        {"changed": {"width": 1}},
        {"changed": {"processed_masks": None}},
        {"changed": {"processed_masks": [{"id": 1}]}},
        {"changed": {"processed_masks": [{"id": 1, "mask_b64": "AAAA"}]}},
        {"seconds": 2.0},
    ],
    ids=str,
)
def test_what_the_api_does_wrong_is_502_and_nothing_is_stored(
    api: LoopbackSamApi, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    for name, value in wrong.items():
        setattr(api, name, value)
    with remote_site(tmp_path, api, sam_api_timeout=0.5) as site:
        detail = check_refusal(site.client.post("/generate_and_store_masks", json=BODY), 502)
        assert "secret" not in detail
        assert "127.0.0.1" not in detail
        stored = site.stored()
        assert set(stored.rows.values()) == {0}
        assert stored.blobs == frozenset()


def test_an_api_that_is_not_there_is_502(tmp_path: Path) -> None:
    with serving(LoopbackSamApi([half()])) as gone:
        pass
    with remote_site(tmp_path, gone) as site:
        check_refusal(site.client.post("/generate_and_store_masks", json=BODY), 502)
        assert set(site.stored().rows.values()) == {0}


def test_the_other_surfaces_do_not_ask_the_api_unless_they_are_told_to(api: LoopbackSamApi, tmp_path: Path) -> None:
    with remote_site(tmp_path, api) as site:
        assert site.segment("/segment/auto").headers["X-Model"] == "region-tree"
        assert api.received == []
        named = site.segment("/segment/auto", model_type="sam-api")
        assert (named.headers["X-Model"], named.json()["total_masks"]) == ("sam-api", 2)
        api.status = 500
        failed = site.segment("/segment/auto", "coffee", model_type="sam-api")
        assert (failed.status_code, failed.json()["error_code"]) == (502, "HTTP_ERROR")
