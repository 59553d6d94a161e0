"""/render_masks as document C shows it: colours, blending and the picture's own pixels, to the pixel."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.fixtures.server import Site, photograph, picture_in, pixels_in
from tests.surfaces.sam2.test_generate import DEEP, check_refusal

Pixels = NDArray[np.uint8]


def render(site: Site, id: str, *steps: dict[str, Any]) -> Pixels:
    """(H, W, 4): what is rendered."""
    reply = site.client.post(f"/render_masks/{id}", json={"render_instructions": list(steps)})
    assert reply.status_code == 200, reply.text
    assert list(reply.json()) == ["message", "rendered_image_b64"]
    assert reply.json()["message"] == "Image rendered successfully"
    assert not reply.json()["rendered_image_b64"].startswith("data:")
    picture = picture_in(reply.json()["rendered_image_b64"])
    assert picture.format == "PNG"
    assert picture.mode == "RGBA"
    return np.asarray(picture)


def stored(site: Site, name: str = "coffee") -> tuple[str, dict[int, NDArray[np.bool_]]]:
    """A stored picture's id and its masks by their ids."""
    id = site.store_masks(name)["image_id"]
    info = site.client.get(f"/images/{id}/info").json()
    return id, {mask["id"]: pixels_in(mask["mask_b64"]) for mask in info["available_masks"]}


def overlapping(masks: dict[int, NDArray[np.bool_]]) -> tuple[int, int]:
    """Two masks that share pixels and are not the same."""
    return next(
        (a, b) for a in masks for b in masks if a < b and (masks[a] & masks[b]).any() and (masks[a] & ~masks[b]).any()
    )


def test_the_documented_example_renders(site: Site) -> None:
    id, masks = stored(site)
    canvas = render(
        site,
        id,
        {"mask_id": 1, "color": [255, 0, 0, 128]},
        {"mask_id": 3, "color": [0, 255, 0, 255]},
        {"mask_id": 5, "color": None},
    )
    photo = np.asarray(Image.open(io.BytesIO(photograph("coffee"))))
    assert canvas.shape == (*photo.shape[:2], 4)
    assert (canvas[masks[5]][:, :3] == photo[masks[5]]).all()
    assert (canvas[masks[5]][:, 3] == 255).all()
    assert (canvas[masks[3] & ~masks[5]] == [0, 255, 0, 255]).all()
    assert (canvas[masks[1] & ~masks[3] & ~masks[5]] == [255, 0, 0, 128]).all()
    assert (canvas[~(masks[1] | masks[3] | masks[5])] == 0).all()


def test_a_colour_left_out_shows_the_picture(site: Site) -> None:
    id, masks = stored(site)
    canvas = render(site, id, {"mask_id": 1})
    photo = np.asarray(Image.open(io.BytesIO(photograph("coffee"))))
    assert (canvas[masks[1]][:, :3] == photo[masks[1]]).all()


def test_a_translucent_colour_is_blended_over_what_is_below(site: Site) -> None:
    id, masks = stored(site)
    below, above = overlapping(masks)
    canvas = render(
        site, id, {"mask_id": below, "color": [0, 0, 255, 255]}, {"mask_id": above, "color": [255, 0, 0, 128]}
    )
    both = masks[below] & masks[above]
    # 128 of 255 red over solid blue.
    assert (canvas[both] == [128, 0, 127, 255]).all()


def test_later_instructions_lie_over_earlier_ones(site: Site) -> None:
    id, masks = stored(site)
    a, b = overlapping(masks)
    both = masks[a] & masks[b]
    red, green = {"mask_id": a, "color": [255, 0, 0, 255]}, {"mask_id": b, "color": [0, 255, 0, 255]}
    assert (render(site, id, red, green)[both] == [0, 255, 0, 255]).all()
    assert (render(site, id, green, red)[both] == [255, 0, 0, 255]).all()


def test_without_instructions_the_canvas_stays_transparent(site: Site) -> None:
    id, _ = stored(site)
    assert not render(site, id).any()


BAD_COLOURS: list[Any] = [
    [256, 0, 0, 255],
    [-1, 0, 0, 255],
    [0, 0, 0, 256],
    [0, 0, 0],
    [0, 0, 0, 0, 0],
    [],
    [1.5, 0, 0, 255],
    ["red", 0, 0, 255],
    "red",
    {"r": 1},
    10**30,
]


@pytest.mark.parametrize("colour", BAD_COLOURS, ids=str)
def test_a_colour_out_of_range_is_refused(unchanged: Site, colour: Any) -> None:
    body = {"render_instructions": [{"mask_id": 1, "color": colour}]}
    check_refusal(unchanged.client.post("/render_masks/any", json=body), 422)


@pytest.mark.parametrize("id", [0, -1, 10**6, 10**30])
def test_an_unknown_mask_is_not_found(site: Site, id: int) -> None:
    image_id, _ = stored(site, "chelsea")
    body = {"render_instructions": [{"mask_id": 1}, {"mask_id": id, "color": [1, 2, 3, 4]}]}
    check_refusal(site.client.post(f"/render_masks/{image_id}", json=body), 404)


def test_a_picture_without_masks_has_none_to_render(site: Site) -> None:
    body = {"render_instructions": [{"mask_id": 1}]}
    check_refusal(site.client.post(f"/render_masks/{site.upload()}", json=body), 404)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"render_instructions": null}',
        '{"render_instructions": {}}',
        '{"render_instructions": [1]}',
        '{"render_instructions": [{}]}',
        '{"render_instructions": [{"mask_id": "one"}]}',
        '{"render_instructions": [{"mask_id": null}]}',
        '{"render_instructions": [{"mask_id": 1.5}]}',
        '{"render_instructions": [{"mask_id": NaN}]}',
        '{"render_instructions": [{"mask_id": 1, "color": [NaN, 0, 0, 0]}]}',
        '{"render_instructions": [{"mask_id": 1, "color": [Infinity, 0, 0, 0]}]}',
        '{"render_instructions": [' + ",".join(['{"mask_id": 1}'] * 1001) + "]}",
    ],
    ids=lambda text: text[:60],
)
def test_instructions_that_are_none_are_refused(unchanged: Site, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    check_refusal(unchanged.client.post("/render_masks/any", content=body.encode(), headers=headers), 422)


def test_instructions_nested_without_end_are_refused(unchanged: Site) -> None:
    headers = {"Content-Type": "application/json"}
    check_refusal(unchanged.client.post("/render_masks/any", content=DEEP.encode(), headers=headers), 400)
