"""/api/upload/image and /api/run as document D shows them, checked against pixels."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from PIL import Image

from tests.fixtures.pictures import encoded, scene
from tests.fixtures.server import PHOTOGRAPHS, Site, photograph, photograph_size, picture_in, pixels_in

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def form(id: str, points: Sequence[Mapping[str, float]], labels: list[int], **more: str) -> dict[str, str]:
    return {"original_image_id": id, "points": json.dumps(points), "labels": json.dumps(labels), **more}


def test_a_picture_is_uploaded_as_documented(site: Site) -> None:
    files = {"file": ("example.jpg", photograph("chelsea"))}
    reply = site.client.post("/api/upload/image", files=files)
    assert reply.status_code == 200
    body = reply.json()
    assert list(body) == ["image_id", "type", "filename", "size"]
    assert UUID.fullmatch(body["image_id"])
    assert body["type"] == "original"
    assert body["filename"] == "example.jpg"
    assert body["size"] == len(photograph("chelsea"))


def test_a_mask_may_be_uploaded_too_and_is_no_picture_of_the_list(site: Site) -> None:
    files = {"file": ("m.png", encoded(np.zeros((9, 9), dtype=np.uint8)))}
    body = site.client.post("/api/upload/image", files=files, data={"image_type": "mask"}).json()
    assert body["type"] == "mask"
    listed = [line["image_id"] for line in site.client.get("/images").json()["images"]]
    assert body["image_id"] not in listed


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\x01b.png", "日本語.png", "x" * 1000 + ".png", "<script>"])
def test_a_file_s_name_is_a_label_and_nothing_else(site: Site, name: str) -> None:
    reply = site.client.post("/api/upload/image", files={"file": (name, encoded(scene()))})
    assert reply.status_code == 200
    assert len(reply.json()["filename"]) <= 255
    assert reply.json()["filename"].isprintable()


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_click_gives_three_candidates_sorted_by_score(site: Site, name: str) -> None:
    id = site.upload(name)
    width, height = photograph_size(name)
    reply = site.client.post("/api/run", data=form(id, [{"x": width / 2, "y": height / 2}], [1]))
    assert reply.status_code == 200
    assert reply.headers["X-Model"] == "region-tree"
    assert list(reply.json()) == ["results"]
    results = reply.json()["results"]
    assert len(results) == 3
    scores = [result["score"] for result in results]
    assert scores == sorted(scores, reverse=True)
    for result in results:
        assert list(result) == ["masked_image", "mask", "score"]
        assert 0 <= result["score"] <= 1
        assert result["mask"].startswith("data:image/png;base64,")
        assert result["masked_image"].startswith("data:image/png;base64,")
        mask = pixels_in(result["mask"])
        cut = picture_in(result["masked_image"])
        assert mask.shape == (height, width)
        assert cut.mode == "RGBA"
        assert cut.size == (width, height)
    assert pixels_in(results[0]["mask"])[height // 2, width // 2]


def test_form_multipart_and_json_mean_the_same(site: Site) -> None:
    id = site.upload("astronaut")
    points, labels = [{"x": 230, "y": 100}, {"x": 20, "y": 500}], [1, 0]
    client = site.client
    by_form = client.post("/api/run", data=form(id, points, labels))
    parts = {name: (None, value) for name, value in form(id, points, labels).items()}
    by_parts = client.post("/api/run", files=parts)
    by_json = client.post("/api/run", json={"original_image_id": id, "points": points, "labels": labels})
    by_json_text = client.post("/api/run", json=form(id, points, labels))
    assert by_form.status_code == 200
    assert by_form.json() == by_parts.json() == by_json.json() == by_json_text.json()
    mask = pixels_in(by_form.json()["results"][0]["mask"])
    assert mask[100, 230]
    assert not mask[500, 20]


def test_without_feather_the_cut_out_is_the_mask_exactly(site: Site) -> None:
    id = site.upload("coffee")
    result = site.client.post("/api/run", data=form(id, [{"x": 300, "y": 200}], [1], feather="0")).json()["results"][0]
    mask = pixels_in(result["mask"])
    cut = np.asarray(picture_in(result["masked_image"]))
    photo = np.asarray(Image.open(io.BytesIO(photograph("coffee"))))
    assert ((cut[..., 3] == 255) == mask).all()
    assert (cut[~mask] == 0).all()
    assert (cut[mask][:, :3] == photo[mask]).all()


def test_the_edge_is_feathered_as_wide_as_asked(site: Site) -> None:
    id = site.upload("coffee")
    soft = {}
    for feather in ("0", "2", "12"):
        data = form(id, [{"x": 300, "y": 200}], [1], feather=feather)
        cut = np.asarray(picture_in(site.client.post("/api/run", data=data).json()["results"][0]["masked_image"]))
        soft[feather] = int(((cut[..., 3] > 0) & (cut[..., 3] < 255)).sum())
    assert 0 == soft["0"] < soft["2"] < soft["12"]
    default = site.client.post("/api/run", data=form(id, [{"x": 300, "y": 200}], [1])).json()["results"][0]
    alpha = np.asarray(picture_in(default["masked_image"]))[..., 3]
    assert ((alpha > 0) & (alpha < 255)).sum() == soft["2"]


def test_only_the_picture_and_its_file_are_kept(fresh_site: Site) -> None:
    id = fresh_site.upload()
    uploaded = fresh_site.stored()
    assert uploaded.rows == {"images": 1, "segmentations": 0, "masks": 0}
    assert len(uploaded.blobs) == 1
    assert fresh_site.client.post("/api/run", data=form(id, [{"x": 1, "y": 1}], [1])).status_code == 200
    assert fresh_site.stored() == uploaded
