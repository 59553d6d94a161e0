"""The remote engine believes nothing: a good answer becomes masks, everything else a ``RemoteFailure``."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Everything, Prompt
from imagequarry.domain.watch import Unwatched
from imagequarry.engines.remote.sam_api import SamApi
from imagequarry.errors import RemoteFailure
from tests.engines.remote.loopback_sam_api import LoopbackSamApi, serving
from tests.fixtures.pictures import encoded

HEIGHT, WIDTH = 40, 60


def rectangle(y0: int, y1: int, x0: int, x1: int) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y0:y1, x0:x1] = True
    return mask


LEFT, RIGHT, WHOLE = rectangle(0, 40, 0, 20), rectangle(10, 30, 40, 55), rectangle(0, 40, 0, 60)
PICTURE = Raster(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8), "0" * 64)
ALL = Everything(pred_iou_thresh=0, stability_score_thresh=0)


@pytest.fixture
def api() -> Iterator[LoopbackSamApi]:
    with serving(LoopbackSamApi([WHOLE, LEFT, RIGHT])) as api:
        yield api


def engine(api: LoopbackSamApi, token: str = "", timeout: float = 5, max_bytes: int = 2**20) -> SamApi:
    return SamApi(api.url, token, timeout, max_bytes)


def refused(api: LoopbackSamApi, said: str, **options: Any) -> RemoteFailure:
    with pytest.raises(RemoteFailure, match=said) as refusal:
        engine(api, **options).embed(PICTURE)
    # Whoever reads the message may be anybody: where the service is, is nobody's business.
    assert "127.0.0.1" not in refusal.value.message
    return refusal.value


def test_the_masks_come_back_as_they_were_sent(api: LoopbackSamApi) -> None:
    remote = engine(api)
    embedding = remote.embed(PICTURE)
    found = remote.everything(PICTURE, embedding, ALL, Unwatched())
    assert [candidate.mask.array().tolist() for candidate in found.candidates] == [m.tolist() for m in api.masks]
    assert embedding.nbytes > 0
    for candidate in found.candidates:
        assert candidate.mask.contains(candidate.point)


def test_the_api_sees_the_picture_and_the_token(api: LoopbackSamApi) -> None:
    engine(api, token="secret").embed(PICTURE)
    ((headers, sent),) = api.received
    assert headers["Authorization"] == "Bearer secret"
    assert list(sent) == ["image"]
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(sent["image"], validate=True))))
    assert np.array_equal(seen, PICTURE.rgb)


def test_without_a_token_none_is_sent(api: LoopbackSamApi) -> None:
    engine(api).embed(PICTURE)
    assert "Authorization" not in api.received[0][0]


def test_masks_may_be_data_urls(api: LoopbackSamApi) -> None:
    api.prefix = "data:image/png;base64,"
    assert len(engine(api).embed(PICTURE).masks) == 3


def test_clicks_and_boxes_are_answered_from_the_masks_without_asking_again(api: LoopbackSamApi) -> None:
    remote = engine(api)
    embedding = remote.embed(PICTURE)
    click = remote.predict(embedding, Prompt((Point(45, 15),), (1,)))
    assert [
        np.array_equal(candidate.mask.array(), mask) for candidate, mask in zip(click, (RIGHT, WHOLE), strict=False)
    ] == [
        True,
        True,
    ]
    without = remote.predict(embedding, Prompt((Point(5, 5), Point(45, 15)), (1, 0)))
    assert np.array_equal(without[0].mask.array(), LEFT)
    boxed = remote.predict(embedding, Prompt(box=Box(38, 8, 57, 33)))
    assert np.array_equal(boxed[0].mask.array(), RIGHT)
    assert len(api.received) == 1


def test_masks_below_the_wanted_area_and_empty_ones_are_left_out(api: LoopbackSamApi) -> None:
    api.masks.append(np.zeros((HEIGHT, WIDTH), bool))
    remote = engine(api)
    embedding = remote.embed(PICTURE)
    wish = Everything(min_area=400)
    found = remote.everything(PICTURE, embedding, wish, Unwatched())
    assert [candidate.mask.area for candidate in found.candidates] == [2400, 800]


def test_no_masks_is_an_answer(api: LoopbackSamApi) -> None:
    api.changed = {"processed_masks": []}
    assert engine(api).embed(PICTURE).masks == ()


def with_mask(data: bytes) -> dict[str, Any]:
    return {"processed_masks": [{"id": 1, "mask_b64": base64.b64encode(data).decode()}]}


def rgba(alpha: NDArray[np.bool_]) -> bytes:
    return encoded(np.dstack([np.zeros((HEIGHT, WIDTH, 3), np.uint8), alpha.astype(np.uint8) * 255]), "PNG")


def test_a_mask_may_be_the_opacity_of_a_picture(api: LoopbackSamApi) -> None:
    api.changed = with_mask(rgba(LEFT))
    assert np.array_equal(engine(api).embed(PICTURE).masks[0].array(), LEFT)


@pytest.mark.parametrize("status", [201, 204, 400, 401, 404, 418, 500, 503])
def test_any_other_status_is_a_failure(api: LoopbackSamApi, status: int) -> None:
    api.status = status
    refused(api, f"status {status}")


def test_a_redirect_is_not_followed_and_the_token_stays(api: LoopbackSamApi) -> None:
    with serving(LoopbackSamApi([WHOLE])) as elsewhere:
        api.status, api.headers = 307, {"Location": elsewhere.url}
        refused(api, "status 307", token="secret")
        assert elsewhere.received == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 200_000, b"1" * 5000])
def test_what_is_no_json_is_a_failure(api: LoopbackSamApi, body: bytes) -> None:
    api.body = body
    refused(api, "did not answer with JSON")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"masks"', b"7"])
def test_what_is_no_object_is_a_failure(api: LoopbackSamApi, body: bytes) -> None:
    api.body = body
    refused(api, "JSON object")


@pytest.mark.parametrize("field", ["processed_masks", "width", "height"])
@pytest.mark.parametrize("value", [None, "40", {}, -1])
def test_fields_that_are_missing_or_of_another_kind_are_a_failure(
    api: LoopbackSamApi, field: str, value: object
) -> None:
    api.changed = {field: value}
    refused(api, "another size" if field != "processed_masks" else "list of masks")


@pytest.mark.parametrize("mask", [None, 7, "x", [], {}, {"id": 1}, {"mask_b64": None}, {"mask_b64": 5}])
def test_a_mask_without_its_picture_is_a_failure(api: LoopbackSamApi, mask: object) -> None:
    api.changed = {"processed_masks": [mask]}
    refused(api, "without mask_b64")


@pytest.mark.parametrize("text", ["", "!!!", "data:,", "AAAA", "é", base64.b64encode(b"GIF89a").decode()])
def test_a_mask_that_is_no_picture_is_a_failure(api: LoopbackSamApi, text: str) -> None:
    api.changed = {"processed_masks": [{"id": 1, "mask_b64": text}]}
    refused(api, "no picture")


def test_a_truncated_mask_is_a_failure(api: LoopbackSamApi) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH), dtype=np.uint8)
    api.changed = with_mask(encoded(noise, "PNG")[:-200])
    refused(api, "no picture")


def test_a_picture_that_would_run_a_program_is_a_failure(api: LoopbackSamApi) -> None:
    eps = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 {WIDTH} {HEIGHT}\n%%EndComments\nshowpage\n%%EOF\n"
    api.changed = with_mask(eps.encode())
    refused(api, "no picture")


@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH + 1), (1, 1), (WIDTH, HEIGHT), (4000, 4000)])
def test_a_mask_of_another_size_is_a_failure(api: LoopbackSamApi, shape: tuple[int, int]) -> None:
    api.changed = with_mask(encoded(np.zeros(shape, np.uint8), "PNG"))
    refused(api, "another size than the picture")


def test_more_masks_than_anybody_could_want_are_a_failure(api: LoopbackSamApi) -> None:
    api.changed = {"processed_masks": [0] * 10_001}
    refused(api, "list of masks")


@pytest.mark.alone
def test_an_api_that_is_too_slow_is_a_failure_in_time(api: LoopbackSamApi) -> None:
    api.seconds = 3
    started = time.perf_counter()
    refused(api, "in time", timeout=0.3)
    assert time.perf_counter() - started < 2


@pytest.mark.alone
def test_an_api_that_sends_drops_for_ever_is_a_failure_in_time(api: LoopbackSamApi) -> None:
    api.drops = 0.05
    started = time.perf_counter()
    refused(api, "in time", timeout=0.5)
    assert time.perf_counter() - started < 2


def test_an_endless_body_is_cut_off(api: LoopbackSamApi) -> None:
    api.endless = True
    refused(api, "more than can be taken")


def test_a_small_body_that_unpacks_without_end_is_cut_off(api: LoopbackSamApi) -> None:
    import gzip

    api.body, api.headers = gzip.compress(b" " * 2**26), {"Content-Encoding": "gzip"}
    assert len(api.body) < 2**17
    refused(api, "more than can be taken")


def test_a_refused_connection_is_a_failure() -> None:
    with serving(LoopbackSamApi([WHOLE])) as gone:
        pass
    refused(gone, "could not be reached")


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://example.org", "http://", "http://[::1"])
def test_an_address_that_is_none_is_a_failure(url: str) -> None:
    with pytest.raises(RemoteFailure, match="could not be reached"):
        SamApi(url, "", 1).embed(PICTURE)


def test_after_a_failure_the_next_answer_is_good(api: LoopbackSamApi) -> None:
    remote = engine(api)
    api.status = 500
    with pytest.raises(RemoteFailure):
        remote.embed(PICTURE)
    api.status = 200
    assert len(remote.embed(PICTURE).masks) == 3
    assert json.loads(api.reply())["width"] == WIDTH
