"""Document B's images: describing, uploading, listing, searching, downloading and deleting."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.server import open_site, photograph, photograph_size
from tests.surfaces.context.conftest import Home, open_home
from tests.surfaces.context.test_models import check_refusal

INFO = {"id", "path", "filename", "size", "file_size", "format", "caption", "objects"}


def names(found: list[dict[str, Any]]) -> list[str]:
    return [one["filename"] for one in found]


def test_processing_answers_as_documented(home: Home) -> None:
    path = home.put("cat.jpg")
    body = home.process(path)
    assert set(body) == {"success", "image_id", "message", "image_info", "processing_time", "was_duplicate"}
    assert (body["success"], body["was_duplicate"]) == (True, False)
    info = body["image_info"]
    assert set(info) == INFO
    assert info["id"] == body["image_id"]
    assert (info["path"], info["filename"], info["format"]) == (str(path), "cat.jpg", "JPEG")
    assert info["size"] == list(photograph_size("chelsea"))
    assert info["file_size"] == path.stat().st_size
    assert len(info["caption"].split()) >= 3
    assert info["objects"]


def test_processing_again_is_free_unless_it_is_forced(home: Home) -> None:
    path = home.put("cat.jpg")
    first, again = home.process(path), home.process(path)
    assert again["was_duplicate"] is True
    assert again["image_id"] == first["image_id"]
    assert again["image_info"] == first["image_info"]
    forced = home.process(path, force_reprocess=True)
    assert forced["was_duplicate"] is False
    assert forced["image_id"] == first["image_id"]


def test_a_changed_file_is_described_anew_under_its_id(home: Home) -> None:
    path = home.put("picture.jpg", "chelsea")
    first = home.process(path)
    home.put("picture.jpg", "rocket")
    second = home.process(path)
    assert second["image_id"] == first["image_id"]
    assert second["image_info"]["size"] == list(photograph_size("rocket"))
    assert len(home.get("/api/v1/images/")) == 1


def test_two_clients_that_process_one_picture_at_once_make_one_record(home: Home) -> None:
    path = home.put("cat.jpg")
    replies: list[Any] = []
    threads = [threading.Thread(target=lambda: replies.append(home.process(path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({reply["image_id"] for reply in replies}) == 1
    assert sum(not reply["was_duplicate"] for reply in replies) == 1
    assert len(home.get("/api/v1/images/")) == 1


def test_what_lies_outside_the_roots_is_not_found_whether_it_exists_or_not(home: Home, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(photograph("chelsea"))
    os.symlink(outside, home.pictures / "link.jpg")
    os.mkfifo(home.pictures / "fifo.jpg")
    (home.pictures / "folder.jpg").mkdir()
    asked = [
        str(outside),
        str(home.pictures / "link.jpg"),
        str(home.pictures / "fifo.jpg"),
        str(home.pictures / "folder.jpg"),
        f"{home.pictures}/../outside.jpg",
        "../outside.jpg",
        "/etc/passwd",
        "/dev/zero",
        "/nothing/at/all.jpg",
        "x" * 3000,
    ]
    for path in asked:
        reply = home.site.client.post("/api/v1/images/process", json={"image_path": path})
        assert reply.status_code == 404, path
        assert reply.json()["message"] == f"Image file not found: {path}"
    assert home.get("/api/v1/images/") == []


def test_a_file_that_is_no_picture_is_refused_and_nothing_kept(home: Home) -> None:
    (home.pictures / "notes.jpg").write_text("no picture")
    reply = home.site.client.post("/api/v1/images/process", json={"image_path": "notes.jpg"})
    check_refusal(reply, 400, "ValidationError")
    assert home.site.stored().rows["images"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"image_path": ""},
        {"image_path": 7},
        {"image_path": "x\0y.jpg", "image_id": "both"},
        {"image_path": "a.jpg", "force_reprocess": "perhaps"},
        {"image_path": "a" * 5000},
        [],
    ],
)
def test_a_body_that_cannot_be_used_is_refused(album: Home, body: Any) -> None:
    check_refusal(album.site.client.post("/api/v1/images/process", json=body), 422, "ValidationError")


def test_a_name_of_any_letters_is_kept_as_it_is(home: Home) -> None:
    name = "Größe 猫 🐈‍⬛ %2e &.jpg"
    body = home.process(home.put(name))
    assert body["image_info"]["filename"] == name
    file = home.site.client.get(f"/api/v1/images/download/{body['image_id']}")
    assert file.content == photograph("chelsea")
    assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe" in file.headers["content-disposition"]


def upload(home: Home, name: str = "photo.jpg", data: bytes | None = None, **form: str) -> Any:
    file = {"file": (name, photograph("chelsea") if data is None else data)}
    return home.site.client.post("/api/v1/images/upload", files=file, data=form)


def test_uploading_answers_as_documented_and_the_path_can_be_used(home: Home) -> None:
    reply = upload(home)
    body = reply.json()
    assert reply.status_code == 200
    assert set(body) == {"success", "filename", "file_path", "file_size", "image_id", "message"}
    assert (body["filename"], body["file_path"]) == ("photo.jpg", "uploads/photo.jpg")
    assert body["file_size"] == len(photograph("chelsea"))
    assert body["message"] == "Image uploaded and processed successfully"
    assert (home.site.folder / "uploads" / "photo.jpg").read_bytes() == photograph("chelsea")
    again = home.site.client.post("/api/v1/images/process", json={"image_path": body["file_path"]}).json()
    assert (again["image_id"], again["was_duplicate"]) == (body["image_id"], True)


def test_an_upload_may_wait_with_the_description(home: Home) -> None:
    body = upload(home, process_immediately="false").json()
    detail = home.get(f"/api/v1/images/info/{body['image_id']}")
    assert (detail["processed"], detail["caption"], detail["objects"]) == (False, "", [])
    assert home.get("/api/v1/images/") == []
    done = home.site.client.post("/api/v1/images/process", json={"image_id": body["image_id"]}).json()
    assert done["image_info"]["caption"]


def test_a_file_of_that_name_is_a_conflict_unless_it_may_be_overwritten(home: Home) -> None:
    first = upload(home).json()
    check_refusal(upload(home, data=photograph("rocket")), 409, "ConflictError")
    assert (home.site.folder / "uploads" / "photo.jpg").read_bytes() == photograph("chelsea")
    second = upload(home, data=photograph("rocket"), overwrite="true").json()
    assert second["image_id"] == first["image_id"]
    assert (home.site.folder / "uploads" / "photo.jpg").read_bytes() == photograph("rocket")


def test_an_upload_goes_into_a_folder_below_the_uploads(home: Home) -> None:
    body = upload(home, upload_dir="uploads/trips/2023").json()
    assert body["file_path"] == "uploads/trips/2023/photo.jpg"
    assert (home.site.folder / "uploads" / "trips" / "2023" / "photo.jpg").is_file()
    for folder in ("../elsewhere", "/tmp", "uploads/../..", "a\\b", "x\0"):
        check_refusal(upload(home, upload_dir=folder), 422, "ValidationError")


def test_a_name_without_the_ending_of_its_format_gets_it(home: Home) -> None:
    assert upload(home, "photo.txt").json()["filename"] == "photo.txt.jpg"
    assert upload(home, "C:\\pictures\\other.JPG").json()["filename"] == "other.JPG"


@pytest.mark.parametrize("name", [".hidden.jpg", "..", "/", "a:b.jpg", "x" * 300 + ".jpg"])
def test_a_name_that_is_none_is_refused(home: Home, name: str) -> None:
    check_refusal(upload(home, name), 422, "ValidationError")
    assert not list(home.site.folder.glob("uploads/**/*.jpg"))


def test_what_is_no_picture_is_not_uploaded(home: Home) -> None:
    for data in (b"", b"no picture", photograph("chelsea")[:5000]):
        check_refusal(upload(home, data=data), 400, "ValidationError")
    assert not list(home.site.folder.glob("uploads/**/*"))


def test_the_list_shows_the_newest_first_by_pages(album: Home) -> None:
    listed = album.get("/api/v1/images/")
    assert names(listed) == ["rocket.jpg", "chelsea.jpg", "coffee.jpg", "astronaut.jpg"]
    assert all(set(one) == INFO for one in listed)
    assert names(album.get("/api/v1/images/", limit=2, offset=1)) == ["chelsea.jpg", "coffee.jpg"]
    assert album.get("/api/v1/images/", offset=10) == []


def test_a_list_tells_how_many_pictures_there_are_in_all_and_a_search_does_not(album: Home) -> None:
    def total(**query: Any) -> str | None:
        reply = album.site.client.get("/api/v1/images/", params={"limit": 1, **query})
        found: str | None = reply.headers.get("X-Total-Count")
        return found

    listed = album.get("/api/v1/images/")
    wanted = listed[0]["objects"][0]
    assert (total(), total(offset=10), total(objects="nothing of the kind")) == ("4", "4", "0")
    assert total(objects=wanted) == str(sum(wanted in one["objects"] for one in listed))
    assert total(query="rocket") is None
    assert total(similar_to=listed[0]["id"]) is None


def test_the_list_shows_what_has_any_of_the_objects(album: Home) -> None:
    listed = album.get("/api/v1/images/")
    wanted = listed[0]["objects"][0]
    having = [one for one in listed if wanted in one["objects"]]
    assert album.get("/api/v1/images/", objects=wanted.upper()) == having
    assert album.get("/api/v1/images/", objects=f"nothing of the kind, {wanted}") == having
    assert album.get("/api/v1/images/", objects="nothing of the kind") == []


def test_a_search_finds_a_picture_by_its_file_name_and_by_its_caption(album: Home) -> None:
    for photo in ("rocket", "coffee", "chelsea", "astronaut"):
        found = album.get("/api/v1/images/", query=photo)
        assert names(found)[0] == f"{photo}.jpg"
    for one in album.get("/api/v1/images/"):
        assert album.get("/api/v1/images/", query=one["caption"], limit=1)[0]["caption"] == one["caption"]


def test_score_and_distance_add_up_to_one(album: Home) -> None:
    found = album.get("/api/v1/images/", query="something bright")
    assert len(found) == 4
    for one in found:
        assert set(one) == {*INFO, "score", "distance"}
        assert 0 <= one["score"] <= 1
        assert one["score"] + one["distance"] == pytest.approx(1, abs=1e-9)


def test_a_search_may_want_a_least_score_objects_pages_and_no_scores(album: Home) -> None:
    found = album.get("/api/v1/images/", query="rocket")
    best = max(one["score"] for one in found)
    few = album.get("/api/v1/images/", query="rocket", min_score=best)
    assert few == [one for one in found if one["score"] >= best]
    assert names(album.get("/api/v1/images/", query="rocket", limit=2, offset=1)) == names(found)[1:3]
    wanted = found[0]["objects"][0]
    filtered = album.get("/api/v1/images/", query="rocket", objects=wanted)
    assert {one["id"] for one in filtered} == {one["id"] for one in found if wanted in one["objects"]}
    bare = album.get("/api/v1/images/", query="rocket", include_metadata="false")
    assert all(set(one) == INFO for one in bare)
    assert names(bare) == names(found)


def test_a_picture_finds_its_likes_and_not_itself(home: Home) -> None:
    ids = {name: home.process(home.put(f"{name}.jpg", name))["image_id"] for name in ("chelsea", "rocket")}
    home.put("kitten.jpg", "kitten")
    home.process(home.pictures / "kitten.jpg")
    found = home.get("/api/v1/images/", similar_to=ids["chelsea"])
    assert names(found) == ["kitten.jpg", "rocket.jpg"]
    assert found[0]["score"] > 0.9 > found[1]["score"]


@pytest.mark.parametrize(
    "query", ['"', "*", "NEAR(a, b)", "a AND", "%", "\u0000", "x" * 2000, "café ☕", "-cat", "a:b"]
)
def test_no_query_is_too_odd_to_be_answered(album: Home, query: str) -> None:
    assert isinstance(album.get("/api/v1/images/", query=query), list)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "x"},
        {"offset": "-1"},
        {"min_score": "1.5"},
        {"min_score": "nan"},
        {"query": "x" * 3000},
        {"query": "a", "similar_to": "b"},
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(album: Home, query: dict[str, str]) -> None:
    check_refusal(album.site.client.get("/api/v1/images/", params=query), 422, "ValidationError")


def test_the_likes_of_nothing_are_not_found(album: Home) -> None:
    check_refusal(album.site.client.get("/api/v1/images/?similar_to=nothing"), 404, "ValidationError")


def test_all_that_is_known_of_a_picture_is_told(album: Home) -> None:
    listed = album.get("/api/v1/images/", query="astronaut")[0]
    detail = album.get(f"/api/v1/images/info/{listed['id']}")
    assert {name: detail[name] for name in INFO} == {name: listed[name] for name in INFO}
    assert detail["processed"] is True
    assert list(detail["object_scores"]) == detail["objects"]
    assert all(0 <= score <= 1 for score in detail["object_scores"].values())
    assert detail["captioned_by"]
    assert detail["tagged_by"]
    check_refusal(album.site.client.get("/api/v1/images/info/nothing"), 404, "ValidationError")


def test_a_file_that_changed_since_is_not_handed_out_as_what_it_was(home: Home) -> None:
    path = home.put("cat.jpg")
    id = home.process(path)["image_id"]
    assert home.site.client.get(f"/api/v1/images/download/{id}").headers["content-type"] == "image/jpeg"
    path.write_bytes(photograph("rocket"))
    check_refusal(home.site.client.get(f"/api/v1/images/download/{id}"), 503, "StorageError")
    path.unlink()
    check_refusal(home.site.client.get(f"/api/v1/images/download/{id}"), 404, "NotFoundError")


def test_a_recorded_file_outside_the_roots_is_not_handed_out(tmp_path: Path) -> None:
    for home in open_home(tmp_path / "first"):
        id = home.process(home.put("cat.jpg"))["image_id"]
    (tmp_path / "elsewhere").mkdir()
    with open_site(tmp_path / "first" / "data", image_roots=(tmp_path / "elsewhere",)) as site:
        assert site.client.get(f"/api/v1/images/info/{id}").status_code == 200
        check_refusal(site.client.get(f"/api/v1/images/download/{id}"), 404, "NotFoundError")


def test_a_deleted_picture_is_found_no_more_and_its_file_stays(home: Home) -> None:
    path = home.put("cat.jpg")
    id = home.process(path)["image_id"]
    reply = home.site.client.delete(f"/api/v1/images/{id}")
    assert reply.json() == {
        "success": True,
        "image_id": id,
        "file_deleted": False,
        "message": "Image deleted successfully",
    }
    assert path.exists()
    for found in (home.get("/api/v1/images/"), home.get("/api/v1/images/", query="cat")):
        assert found == []
    check_refusal(home.site.client.delete(f"/api/v1/images/{id}"), 404, "ValidationError")


def test_a_file_is_deleted_with_its_picture_when_asked_for_and_still_the_same(home: Home) -> None:
    path, other = home.put("cat.jpg"), home.put("other.jpg", "rocket")
    id, changed = home.process(path)["image_id"], home.process(other)["image_id"]
    assert home.site.client.delete(f"/api/v1/images/{id}?delete_file=true").json()["file_deleted"] is True
    assert not path.exists()
    other.write_bytes(photograph("coffee"))
    assert home.site.client.delete(f"/api/v1/images/{changed}?delete_file=true").json()["file_deleted"] is False
    assert other.exists()


def test_a_picture_of_another_surface_is_described_and_searched_too(home: Home) -> None:
    id = home.site.upload("coffee")
    assert home.get(f"/api/v1/images/info/{id}")["processed"] is False
    done = home.site.client.post("/api/v1/images/process", json={"image_id": id}).json()
    assert done["image_id"] == id
    assert home.get("/api/v1/images/", query="coffee")[0]["id"] == id
    assert home.site.client.get(f"/api/v1/images/download/{id}").content == photograph("coffee")


def test_a_processed_file_can_be_segmented_by_its_id(home: Home) -> None:
    id = home.process(home.put("cat.jpg", "kitten"))["image_id"]
    run = {"original_image_id": id, "points": [{"x": 100, "y": 60}], "labels": [1]}
    reply = home.site.client.post("/api/run", json=run)
    assert reply.status_code == 200
    assert len(reply.json()["results"]) == 3
