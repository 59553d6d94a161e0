"""Document B's duplicates: looked for, compared and removed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fixtures.server import photograph
from tests.surfaces.context.conftest import Home
from tests.surfaces.context.test_models import check_refusal


def again(path: Path, photo: str, quality: int = 40, scale: float = 1.0) -> Path:
    """The photograph once more, smaller and with less quality."""
    picture = Image.open(io.BytesIO(photograph(photo)))
    picture.resize((round(picture.width * scale), round(picture.height * scale))).save(path, "JPEG", quality=quality)
    return path


@pytest.fixture
def doubled(home: Home) -> Home:
    """Chelsea three times: the file, a copy, and a smaller one; the rocket twice; coffee once."""
    home.put("chelsea.jpg", "chelsea")
    home.put("copy.jpg", "chelsea")
    again(home.pictures / "small.jpg", "chelsea", 60, 0.5)
    home.put("rocket.jpg", "rocket")
    again(home.pictures / "poor.jpg", "rocket", 30)
    home.put("coffee.jpg", "coffee")
    return home


def check(home: Home, **body: Any) -> Any:
    reply = home.site.client.post("/api/v1/duplicates/check", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def files(group: Any) -> set[str]:
    return {Path(path).name for path in group["paths"]}


def test_a_folder_s_duplicates_are_grouped_as_documented(doubled: Home) -> None:
    body = check(doubled, directory_path=str(doubled.pictures))
    assert set(body) == {"success", "total_images", "duplicate_groups", "total_duplicates", "check_time", "message"}
    assert (body["success"], body["total_images"], body["total_duplicates"]) == (True, 6, 3)
    assert body["message"] == "Found 2 duplicate groups with 3 duplicate images"
    cats, rockets = body["duplicate_groups"]
    assert set(cats) == {"representative_id", "duplicate_ids", "similarity_scores", "kinds", "paths"}
    assert files(cats) == {"chelsea.jpg", "copy.jpg", "small.jpg"}
    assert files(rockets) == {"rocket.jpg", "poor.jpg"}
    assert len(cats["duplicate_ids"]) == len(cats["similarity_scores"]) == len(cats["kinds"]) == 2
    assert all(0.95 <= score <= 1 for group in (cats, rockets) for score in group["similarity_scores"])
    assert cats["kinds"] == ["identical", "re-encoded"]
    assert (
        Path(doubled.get(f"/api/v1/images/info/{cats['representative_id']}")["path"]).name
        == Path(cats["paths"][0]).name
    )


def test_everything_that_is_known_is_looked_through_and_nothing_more(doubled: Home) -> None:
    assert check(doubled)["total_images"] == 0
    doubled.process(doubled.pictures / "chelsea.jpg")
    doubled.process(doubled.pictures / "copy.jpg")
    body = check(doubled)
    assert (body["total_images"], body["total_duplicates"]) == (2, 1)


def test_the_duplicates_of_one_picture(doubled: Home) -> None:
    check(doubled, directory_path=str(doubled.pictures))
    for body in (
        check(doubled, image_path="small.jpg"),
        doubled.get("/api/v1/duplicates/check-image", image_path="small.jpg"),
        check(doubled, image_path="small.jpg", directory_path=str(doubled.pictures)),
    ):
        (group,) = body["duplicate_groups"]
        assert Path(group["paths"][0]).name == "small.jpg"
        assert files(group) == {"chelsea.jpg", "copy.jpg", "small.jpg"}
        assert body["total_images"] == 6
    alone = doubled.get("/api/v1/duplicates/check-image", image_path="coffee.jpg")
    assert (alone["duplicate_groups"], alone["total_duplicates"]) == ([], 0)


def test_a_folder_is_looked_through_with_its_folders_when_asked_to(home: Home) -> None:
    home.put("chelsea.jpg")
    home.put("inner/chelsea.jpg")
    here = home.get("/api/v1/duplicates/check-directory", directory_path=str(home.pictures))
    assert (here["total_images"], here["total_duplicates"]) == (1, 0)
    below = home.get("/api/v1/duplicates/check-directory", directory_path=str(home.pictures), recursive=True)
    assert (below["total_images"], below["total_duplicates"]) == (2, 1)


def test_two_pictures_are_compared_by_named_measures(doubled: Home) -> None:
    def compare(second: str) -> Any:
        body = {"image1_path": "chelsea.jpg", "image2_path": second}
        reply = doubled.site.client.post("/api/v1/duplicates/compare", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    copy, small, other = compare("copy.jpg"), compare("small.jpg"), compare("rocket.jpg")
    assert (copy["is_duplicate"], copy["similarity_score"], copy["metrics"]["identical"]) == (True, 1.0, True)
    assert (small["is_duplicate"], small["metrics"]["identical"]) == (True, False)
    assert small["metrics"]["hash_distance"] < 30
    assert other["is_duplicate"] is False
    assert other["metrics"]["hash_distance"] > 80
    assert other["similarity_score"] < small["similarity_score"]
    assert (small["metrics"]["format1"], small["metrics"]["file_size1"]) == ("JPEG", len(photograph("chelsea")))
    assert doubled.get("/api/v1/images/") == []


def remove(home: Home, **query: Any) -> Any:
    reply = home.site.client.delete("/api/v1/duplicates/remove-duplicates", params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_removal_only_tells_what_would_go_unless_it_is_meant(doubled: Home) -> None:
    check(doubled, directory_path=str(doubled.pictures))
    plan = remove(doubled)
    assert (plan["dry_run"], plan["total_groups"], plan["total_removed"]) == (True, 2, 3)
    assert len(doubled.get("/api/v1/images/")) == 6
    done = remove(doubled, dry_run=False)
    assert {name: done[name] for name in ("removed_ids", "kept_ids")} == {
        name: plan[name] for name in ("removed_ids", "kept_ids")
    }
    left = {one["id"] for one in doubled.get("/api/v1/images/")}
    assert left >= set(plan["kept_ids"])
    assert not left & set(plan["removed_ids"])
    assert len(list(doubled.pictures.iterdir())) == 6
    assert remove(doubled, dry_run=False)["total_removed"] == 0


def test_files_go_only_when_asked_for_and_never_the_representative_s(doubled: Home) -> None:
    check(doubled, directory_path=str(doubled.pictures))
    (doubled.pictures / "poor.jpg").write_bytes(photograph("coffee"))
    done = remove(doubled, dry_run=False, delete_files=True, keep_first=False)
    assert {Path(path).name for path in done["deleted_files"]} <= {"chelsea.jpg", "copy.jpg", "small.jpg"}
    assert [Path(path).name for path in done["failed_files"]] == ["poor.jpg"]
    there = {path.name for path in doubled.pictures.iterdir()}
    assert len(there & {"chelsea.jpg", "copy.jpg", "small.jpg"}) == 1
    assert {"rocket.jpg", "poor.jpg", "coffee.jpg"} <= there
    # The largest of its group stays.
    assert "small.jpg" not in there


@pytest.mark.parametrize("threshold", [-0.1, 1.1, "nan", "much"])
def test_a_threshold_out_of_range_is_refused(album: Home, threshold: Any) -> None:
    client = album.site.client
    replies = [
        client.post("/api/v1/duplicates/check", json={"similarity_threshold": threshold}),
        client.get(f"/api/v1/duplicates/check-image?image_path=coffee.jpg&similarity_threshold={threshold}"),
        client.get(f"/api/v1/duplicates/check-directory?directory_path=.&similarity_threshold={threshold}"),
        client.delete(f"/api/v1/duplicates/remove-duplicates?similarity_threshold={threshold}"),
    ]
    for reply in replies:
        check_refusal(reply, 422, "ValidationError")


def test_pictures_that_are_not_there_are_not_found(album: Home) -> None:
    client = album.site.client
    pair = {"image1_path": "coffee.jpg", "image2_path": "nothing.jpg"}
    for reply in (
        client.post("/api/v1/duplicates/check", json={"image_path": "/etc/passwd"}),
        client.get("/api/v1/duplicates/check-image?image_path=nothing.jpg"),
        client.get("/api/v1/duplicates/check-directory?directory_path=nothing"),
        client.post("/api/v1/duplicates/compare", json=pair),
    ):
        assert reply.status_code == 404
        assert "not found" in reply.json()["message"]
