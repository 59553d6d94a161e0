"""``mask_format``: four ways to write a mask, all of the very same pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imagequarry.domain.mask import Mask
from tests.fixtures.server import Site, photograph_size, pixels_in

FORMATS = ("png", "rle", "polygon", "svg")
POINT = '[{"x": 0.5, "y": 0.5}]'
BOX = '{"x": 100, "y": 100, "width": 200, "height": 150}'


def filled(rings: list[list[list[float]]], width: int, height: int) -> NDArray[np.bool_]:
    """The pixels inside rings that run along the pixels' edges: even-odd by counting the edges left of a pixel."""
    crossings = np.zeros((height, width + 1), dtype=np.int64)
    for ring in rings:
        points = [(int(x), int(y)) for x, y in ring]
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            assert x0 == x1 or y0 == y1
            if x0 == x1:
                crossings[min(y0, y1) : max(y0, y1), x0] += 1
    return np.asarray(crossings.cumsum(axis=1)[:, :width] % 2 == 1)


def rings_of_path(path: str) -> list[list[list[float]]]:
    """An SVG path of M, L, H, V, Z and their relative forms as rings of points."""
    rings: list[list[list[float]]] = []
    spaced = "".join(f" {c} " if c.isalpha() else c.replace(",", " ").replace("-", " -") for c in path)
    words, x, y, command = spaced.split(), 0.0, 0.0, ""
    position = 0
    while position < len(words):
        if words[position].isalpha():
            command = words[position]
            position += 1
        kind, relative = command.upper(), command.islower()
        if kind == "Z":
            x, y = rings[-1][0]
            continue
        takes = 1 if kind in "HV" else 2
        numbers = [float(word) for word in words[position : position + takes]]
        position += takes
        dx, dy = (numbers[0], 0.0) if kind == "H" else (0.0, numbers[0]) if kind == "V" else (numbers[0], numbers[1])
        if relative:
            x, y = x + dx, y + dy
        else:
            x, y = (x if kind == "V" else dx), (y if kind == "H" else dy)
        if kind == "M":
            rings.append([])
            command = "l" if relative else "L"
        rings[-1].append([x, y])
    return rings


def decoded(format: str, mask: Any, width: int, height: int) -> NDArray[np.bool_]:
    """The mask's pixels, whatever it is written in."""
    match format:
        case "png":
            return pixels_in(mask)
        case "rle":
            assert mask["size"] == [height, width]
            return Mask.from_coco(mask).array()
        case "polygon":
            return filled([ring for polygon in mask for ring in rings_of_polygon(polygon)], width, height)
        case _:
            assert mask.startswith("<svg")
            assert f'viewBox="0 0 {width} {height}"' in mask
            return filled(rings_of_path(mask.partition(' d="')[2].partition('"')[0]), width, height)


def rings_of_polygon(polygon: Any) -> list[list[list[float]]]:
    return [polygon["exterior"], *polygon["holes"]]


@pytest.mark.parametrize("format", FORMATS)
def test_single_writes_the_same_masks_in_every_format(site: Site, format: str) -> None:
    width, height = photograph_size("coffee")
    usual = site.segment("/segment/single", "coffee", points=POINT).json()["masks"]
    other = site.segment("/segment/single", "coffee", points=POINT, mask_format=format).json()["masks"]
    for left, right in zip(usual, other, strict=True):
        assert left["area"] == right["area"]
        assert (pixels_in(left["mask_data"]) == decoded(format, right["mask_data"], width, height)).all()


@pytest.mark.parametrize("format", FORMATS)
def test_auto_writes_the_same_masks_in_every_format(site: Site, format: str) -> None:
    width, height = photograph_size("chelsea")
    usual = site.segment("/segment/auto").json()["masks"]
    other = site.segment("/segment/auto", mask_format=format).json()["masks"]
    for left, right in zip(usual, other, strict=True):
        assert (pixels_in(left["segmentation"]) == decoded(format, right["segmentation"], width, height)).all()


@pytest.mark.parametrize("format", FORMATS)
def test_box_writes_the_same_masks_in_every_format(site: Site, format: str) -> None:
    width, height = photograph_size("chelsea")
    usual = site.segment("/segment/box", box=BOX).json()["masks"]
    other = site.segment("/segment/box", box=BOX, mask_format=format).json()["masks"]
    for left, right in zip(usual, other, strict=True):
        assert (pixels_in(left["segmentation"]) == decoded(format, right["segmentation"], width, height)).all()


@pytest.mark.parametrize("format", FORMATS)
def test_a_job_and_document_c_s_info_take_the_format_too(site: Site, format: str) -> None:
    width, height = photograph_size("chelsea")
    made = site.segment("/segment/single", points=POINT).json()
    job = site.client.get(f"/segment/job/{made['job_id']}", params={"mask_format": format}).json()
    info = site.client.get(f"/images/{made['job_id']}/info", params={"mask_format": format}).json()
    for mask, of_job, of_info in zip(made["masks"], job["masks"], info["available_masks"], strict=True):
        pixels = pixels_in(mask["mask_data"])
        assert (pixels == decoded(format, of_job["mask_data"], width, height)).all()
        assert (pixels == decoded(format, of_info["mask_b64"], width, height)).all()


def test_a_small_picture_has_every_format_too(site: Site) -> None:
    picture = np.zeros((5, 7, 3), dtype=np.uint8)
    picture[1:3, 2:5] = 255
    _, file = cv2.imencode(".png", picture)
    for format in FORMATS:
        form = {"points": POINT, "mask_format": format}
        reply = site.client.post("/segment/single", files={"image": ("p.png", file.tobytes())}, data=form)
        assert reply.status_code == 200
        for mask in reply.json()["masks"]:
            assert decoded(format, mask["mask_data"], 7, 5).sum() == mask["area"]
