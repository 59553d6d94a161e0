"""/segment/auto as document A shows it: every mask agrees with its pixels, and named thresholds are obeyed."""

from __future__ import annotations

from pathlib import Path

import httpx2
import numpy as np
import pytest

from tests.fixtures.pictures import encoded, scene
from tests.fixtures.server import PHOTOGRAPHS, Server, Site, photograph, photograph_size, pixels_in

FIELDS = ["segmentation", "area", "bbox", "predicted_iou", "point_coords", "stability_score", "crop_box"]
PYTHON_EXAMPLE = """
# Upload and segment image
with open('image.jpg', 'rb') as f:
    files = {'image': f}
    data = {'model_type': 'region-tree'}
    response = requests.post('http://localhost:8000/segment/auto', files=files, data=data)

assert response.status_code == 200, response.text
result = response.json()
print(f"Found {result['total_masks']} masks")
"""


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_mask_of_a_photograph_agrees_with_its_pixels(site: Site, name: str) -> None:
    reply = site.segment("/segment/auto", name)
    assert reply.status_code == 200
    assert reply.headers["X-Model"] == "region-tree"
    body = reply.json()
    assert body["total_masks"] == len(body["masks"]) >= 5
    assert body["complete"] is True
    width, height = photograph_size(name)
    for mask in body["masks"]:
        assert list(mask) == FIELDS
        pixels = pixels_in(mask["segmentation"])
        assert pixels.shape == (height, width)
        assert pixels.sum() == mask["area"] > 0
        rows, columns = np.nonzero(pixels)
        assert mask["bbox"] == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert 0 <= mask["predicted_iou"] <= 1
        assert 0 <= mask["stability_score"] <= 1
        [[x, y]] = mask["point_coords"]
        assert pixels[int(y), int(x)]
        left, top, crop_width, crop_height = mask["crop_box"]
        assert left >= 0
        assert top >= 0
        assert left + crop_width <= width
        assert top + crop_height <= height


def test_no_mask_comes_twice(site: Site) -> None:
    masks = site.segment("/segment/auto", "coffee").json()["masks"]
    assert len({mask["segmentation"] for mask in masks}) == len(masks)


@pytest.mark.parametrize("field", ["pred_iou_thresh", "stability_score_thresh"])
def test_a_named_threshold_is_obeyed(site: Site, field: str) -> None:
    said = {"pred_iou_thresh": "predicted_iou", "stability_score_thresh": "stability_score"}[field]
    scores = sorted(mask[said] for mask in site.segment("/segment/auto").json()["masks"])
    middle = scores[len(scores) // 2]
    obeyed = site.segment("/segment/auto", **{field: str(middle)}).json()["masks"]
    assert 0 < len(obeyed) < len(scores)
    assert min(mask[said] for mask in obeyed) >= middle - 1e-6
    assert site.segment("/segment/auto", **{field: "1"}).json()["total_masks"] < len(scores) // 2


def test_lower_thresholds_find_more(site: Site) -> None:
    usual = site.segment("/segment/auto").json()["total_masks"]
    loose = {"pred_iou_thresh": "0", "stability_score_thresh": "0"}
    assert site.segment("/segment/auto", **loose).json()["total_masks"] > usual


def test_masks_below_min_area_are_left_out(site: Site) -> None:
    areas = [mask["area"] for mask in site.segment("/segment/auto", min_area="3000").json()["masks"]]
    assert areas
    assert min(areas) >= 3000
    assert min(mask["area"] for mask in site.segment("/segment/auto").json()["masks"]) < 3000


def test_a_search_that_is_out_of_time_says_so(fresh_site: Site) -> None:
    body = fresh_site.segment("/segment/auto", max_time_ms="1").json()
    assert body["complete"] is False
    assert body["total_masks"] < fresh_site.segment("/segment/auto").json()["total_masks"]


def test_the_same_request_has_the_same_answer(site: Site, fresh_site: Site) -> None:
    assert site.segment("/segment/auto").json() == fresh_site.segment("/segment/auto").json()


def test_nothing_is_stored_by_a_search(unchanged: Site) -> None:
    assert unchanged.segment("/segment/auto").status_code == 200


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_every_documented_format_is_taken(site: Site, format: str) -> None:
    # Named as something else: what a file is, its content says.
    files = {"image": ("picture.jpg", encoded(scene(), format))}
    reply = site.client.post("/segment/auto", files=files)
    assert reply.status_code == 200
    assert reply.json()["masks"][0]["crop_box"] == [0, 0, 64, 48]


def test_the_python_example_runs(shared_server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Requests:
        """Stands for the requests library, whose ``post`` has these words."""

        @staticmethod
        def post(url: str, **body: object) -> httpx2.Response:
            return shared_server.client.post(url.replace("http://localhost:8000", shared_server.url), **body)  # type: ignore[arg-type]

    picture = tmp_path / "image.jpg"
    picture.write_bytes(photograph("rocket"))
    example = PYTHON_EXAMPLE.replace("image.jpg", str(picture))
    exec(example, {"requests": Requests})
    words = capsys.readouterr().out.split()
    assert words[0] == "Found"
    assert int(words[1]) >= 5
