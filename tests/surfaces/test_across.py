"""One store under all surfaces: what one keeps the others use, and it outlives a restart."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.server import Site, open_site, photograph_size, pixels_in

POINT = '[{"x": 0.5, "y": 0.5}]'


def click(site: Site, id: str, x: int, y: int) -> str:
    """The best mask of document D's run."""
    body = {"original_image_id": id, "points": [{"x": x, "y": y}], "labels": [1]}
    reply = site.client.post("/api/run", json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["results"][0]["mask"])


def test_what_document_d_stored_document_c_shows_renders_searches_and_deletes(fresh_site: Site) -> None:
    id, client = fresh_site.upload(), fresh_site.client
    info = client.get(f"/images/{id}/info").json()
    assert (info["width"], info["height"]) == photograph_size("chelsea")
    assert info["available_masks"] == []
    assert client.get("/images").json()["images"][0]["image_id"] == id
    assert client.get(f"/images/{id}/mask_at_point?x=1&y=1").json()["mask_id"] is None
    assert client.post(f"/render_masks/{id}", json={"render_instructions": []}).status_code == 200
    assert client.delete(f"/images/{id}").status_code == 200
    body = {"original_image_id": id, "points": [{"x": 1, "y": 1}], "labels": [1]}
    assert client.post("/api/run", json=body).status_code == 404


def test_what_document_c_stored_document_d_clicks_on_and_document_a_finds_as_a_job(site: Site) -> None:
    made = site.store_masks()
    assert pixels_in(click(site, made["image_id"], 225, 150))[150, 225]
    job = site.client.get(f"/segment/job/{made['image_id']}").json()
    assert job["total_masks"] == made["mask_count"]


def test_what_document_a_segmented_is_a_picture_for_the_others(site: Site) -> None:
    made = site.segment("/segment/single", points=POINT).json()
    id = made["job_id"]
    info = site.client.get(f"/images/{id}/info").json()
    assert [mask["area"] for mask in info["available_masks"]] == [mask["area"] for mask in made["masks"]]
    found = site.client.get(f"/images/{id}/mask_at_point?x=225&y=150").json()
    holding = [mask["area"] for mask in made["masks"] if pixels_in(mask["mask_data"])[150, 225]]
    assert found["mask_area"] == min(holding)
    steps = {"render_instructions": [{"mask_id": 1, "color": [1, 2, 3, 255]}]}
    assert site.client.post(f"/render_masks/{id}", json=steps).status_code == 200
    assert pixels_in(click(site, id, 225, 150))[150, 225]


def test_the_surfaces_agree_on_a_click(site: Site) -> None:
    width, height = photograph_size("coffee")
    of_a = site.segment("/segment/single", "coffee", points='[{"x": 0.25, "y": 0.5}]').json()["masks"][0]["mask_data"]
    of_d = click(site, site.upload("coffee"), width // 4, height // 2)
    assert of_d.rpartition(",")[2] == of_a


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    with open_site(tmp_path / "data") as site:
        job = site.segment("/segment/single", points=POINT).json()
        stored, uploaded = site.store_masks("coffee"), site.upload("rocket")
        saved = site.segment("/segment/objects/extract").json()["saved"]
        pages = {
            path: site.client.get(path).json()
            for path in ("/images", f"/images/{stored['image_id']}/info", f"/segment/job/{job['job_id']}")
        }
        kept = site.stored()
    with open_site(tmp_path / "data") as site:
        assert site.stored() == kept
        for path, page in pages.items():
            assert site.client.get(path).json() == page
        assert pixels_in(click(site, uploaded, 10, 10)).shape == photograph_size("rocket")[::-1]
        assert not set(site.segment("/segment/objects/extract").json()["saved"]) & set(saved)


def test_a_start_without_a_data_folder_makes_it(tmp_path: Path) -> None:
    with open_site(tmp_path / "a" / "b" / "c") as site:
        assert site.client.get("/health/").status_code == 200
