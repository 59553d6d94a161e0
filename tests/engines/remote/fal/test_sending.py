"""What leaves the house: the pixels of the picture, the options in the endpoint's words, the key, and nothing else."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from fal_client import client as official
from PIL import Image

from imagequarry.capabilities.intake import open_picture
from imagequarry.domain.raster import Raster
from imagequarry.engines.remote.fal import picture, wire
from imagequarry.engines.remote.fal.account import Account
from imagequarry.engines.remote.fal.engine import Tripo3D
from imagequarry.errors import RemoteFailure, RemoteNotSetUp
from tests.engines.remote.fal.conftest import Make
from tests.fixtures.fal import KEY, FalQueue, glb
from tests.fixtures.pictures import encoded, quadrants, scene


def sent(fal: FalQueue) -> tuple[bytes, Image.Image]:
    """The picture as it arrived."""
    head, _, text = fal.order.arguments["image_url"].partition(",")
    assert head == "data:image/jpeg;base64"
    data = base64.b64decode(text, validate=True)
    return data, Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, {"texture": "standard", "pbr": True}),
        ({"quality": "draft"}, {"texture": "standard", "pbr": True}),
        ({"quality": "high"}, {"texture": "HD", "pbr": True}),
        ({"quality": "high", "texture": False}, {"texture": "no", "pbr": False}),
        ({"texture": False}, {"texture": "no", "pbr": False}),
        ({"face_limit": 20_000}, {"texture": "standard", "pbr": True, "face_limit": 20_000}),
    ],
)
def test_options_are_asked_for_in_the_endpoints_words(
    fal: FalQueue, make: Make, options: dict[str, Any], asked: dict[str, Any]
) -> None:
    make(**options)
    arguments = dict(fal.order.arguments)
    assert arguments.pop("image_url")
    assert arguments == asked


def test_the_picture_arrives_as_it_is_seen(fal: FalQueue, make: Make) -> None:
    raster = Raster(quadrants(64, 48), "0" * 64)
    make(raster=raster)
    _, seen = sent(fal)
    assert seen.size == (64, 48)
    assert np.abs(np.asarray(seen, np.int16) - raster.rgb).mean() < 3


def test_what_a_camera_wrote_beside_the_pixels_stays_here(fal: FalQueue, make: Make) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    file = encoded(quadrants(), "JPEG", quality=95, exif=exif, comment=b"at home")
    assert b"Maker" in file
    make(raster=open_picture(file).raster)
    data, seen = sent(fal)
    assert (len(seen.getexif()), seen.info.get("comment")) == (0, None)
    assert b"Exif" not in data
    assert b"Maker" not in data
    assert seen.size == (24, 40)  # turned as the camera was


@pytest.mark.parametrize(
    ("size", "wanted"), [((3000, 1500), (2048, 1024)), ((2048, 2048), (2048, 2048)), ((9000, 1), (2048, 1))]
)
def test_a_large_picture_is_sent_smaller(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    raster = Raster(np.zeros((size[1], size[0], 3), np.uint8), "0" * 64)
    assert Image.open(io.BytesIO(picture.file_of(raster))).size == wanted


def test_the_key_is_that_of_the_settings_alone(fal: FalQueue, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "another:key")
    make()
    assert fal.order.headers["Authorization"] == f"Key {KEY}"
    assert {headers["Authorization"] for _, headers in fal.asked} == {f"Key {KEY}"}


def test_the_queue_is_told_for_how_long_anybody_waits(fal: FalQueue, make: Make) -> None:
    make(timeout=77.5)
    assert fal.order.headers["X-Fal-Request-Timeout"] == "78"


def test_a_picture_too_large_to_go_along_is_uploaded_before(fal: FalQueue, make: Make) -> None:
    noise = Raster(np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8), "0" * 64)
    assert make(raster=noise, largest_inline=1000).glb == glb()
    ((headers, body),) = fal.uploads
    assert body == picture.file_of(noise)
    assert (headers["Content-Type"], headers["Authorization"]) == ("image/jpeg", "Bearer cdn")
    assert fal.order.arguments["image_url"] == f"{fal.url}/files/upload-1.jpg"


def test_the_largest_picture_of_a_camera_goes_along(fal: FalQueue, make: Make) -> None:
    make(raster=Raster(np.tile(scene(400, 300), (10, 10, 1)), "0" * 64))
    assert fal.uploads == []
    assert sent(fal)[1].size == (2048, 1536)


def test_an_upload_that_fails_costs_nothing(fal: FalQueue, make: Make) -> None:
    fal.upload_refused = True
    with pytest.raises(RemoteFailure, match="could not be uploaded"):
        make(largest_inline=10)
    assert fal.attempts == 0


@pytest.mark.parametrize(
    ("key", "said"), [("", "set FAL_KEY to a key"), ("a b", "is no key"), ("k\u00e9y", "is no key")]
)
def test_without_a_key_there_is_no_engine(key: str, said: str) -> None:
    with pytest.raises(RemoteNotSetUp, match=said):
        Tripo3D(Account(key))


def test_the_key_is_not_shown_with_the_account() -> None:
    assert KEY not in repr(Account(KEY))


def test_the_official_client_has_the_globals_that_are_set() -> None:
    # Asked in a process that has set none of them.
    script = "import sys; from fal_client import client; print([n for n in sys.argv[1:] if not hasattr(client, n)])"
    said = subprocess.run([sys.executable, "-c", script, *wire.GLOBALS], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_only_globals_that_are_checked_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(vars(official))
    for name in wire.GLOBALS:
        monkeypatch.setattr(official, name, vars(official)[name])
    wire.point_at(Account(KEY, queue_url="http://127.0.0.1:9/q/", rest_url="http://127.0.0.1:9/r/"))
    assert {name for name, value in vars(official).items() if before.get(name) is not value} <= set(wire.GLOBALS)
    assert official.QUEUE_URL_FORMAT == "http://127.0.0.1:9/q/"
    assert official.REST_URL == official.CDN_URL == "http://127.0.0.1:9/r"
