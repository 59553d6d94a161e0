"""/storage/drive and save_to_drive: document A's forms, with Google's side on loopback."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagequarry.settings import SettingsFault
from tests.fixtures.drive import FOLDER, SHARED, FakeDrive, fake_drive
from tests.fixtures.server import Serve, Site, open_site, settings_in

UPLOAD = "/storage/drive/upload"
STATUS = ("enabled", "authenticated", "folder_access")


@pytest.fixture
def google() -> Iterator[FakeDrive]:
    with fake_drive() as google:
        yield google


def enabled(google: FakeDrive, folder: Path, **more: Any) -> dict[str, Any]:
    """The documented variables, and where Google is."""
    return {
        "google_drive_enabled": True,
        "google_service_account_json": google.key_file(folder),
        "drive_folder_id": FOLDER,
        "drive_api_url": google.url,
        **more,
    }


@pytest.fixture
def drive_site(google: FakeDrive, tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path / "data", **enabled(google, tmp_path)) as site:
        yield site


def refused(reply: Any, status: int, code: str) -> str:
    """The message of document A's error envelope."""
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert list(body) == ["success", "message", "error_code", "details", "timestamp"]
    assert (body["success"], body["error_code"]) == (False, code)
    return str(body["message"])


def test_the_state_is_told_in_the_documented_form(drive_site: Site) -> None:
    reply = drive_site.client.get("/storage/drive/status")
    assert reply.status_code == 200
    assert list(reply.json().items()) == [(name, True) for name in STATUS]


def test_the_state_of_a_server_without_a_key_is_told_truly(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", google_drive_enabled=True, google_service_account_json=None) as site:
        reply = site.client.get("/storage/drive/status")
        assert reply.json() == {"enabled": True, "authenticated": False, "folder_access": False}
        assert "GOOGLE_SERVICE_ACCOUNT_JSON" in refused(
            site.client.post(UPLOAD, files={"file": b"a"}), 502, "HTTP_ERROR"
        )


def test_the_documented_variables_set_it_up(google: FakeDrive, tmp_path: Path, serve: Serve) -> None:
    server = serve(
        GOOGLE_DRIVE_ENABLED="true",
        GOOGLE_SERVICE_ACCOUNT_JSON=str(google.key_file(tmp_path)),
        DRIVE_FOLDER_ID=FOLDER,
        DRIVE_API_URL=google.url,
    )
    assert server.client.get("/storage/drive/status").json() == dict.fromkeys(STATUS, True)
    reply = server.client.post(UPLOAD, files={"file": ("a.txt", b"a")})
    assert google.files[reply.json()["file_id"]].parents == [FOLDER]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"drive_folder_id": "https://drive.google.com/drive/folders/abc"}, "DRIVE_FOLDER_ID"),
        ({"drive_api_url": "www.googleapis.com"}, "DRIVE_API_URL"),
        ({"google_oauth_client_id": "abc", "google_oauth_refresh_token": "hidden"}, "only together"),
    ],
    ids=["an address for an id", "no address", "half a login"],
)
def test_settings_that_cannot_work_are_refused_without_their_values(
    tmp_path: Path, given: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsFault, match=says) as caught:
        settings_in(tmp_path, **given)
    assert not [value for value in given.values() if value in caught.value.message]


def test_a_file_is_sent_as_documented(google: FakeDrive, drive_site: Site) -> None:
    reply = drive_site.client.post(UPLOAD, files={"file": ("note.txt", b"hello", "text/plain")})
    assert reply.status_code == 200
    body = reply.json()
    assert list(body) == ["file_id", "web_view"]
    assert body["web_view"].startswith(f"https://drive.google.com/file/d/{body['file_id']}/view")
    file = google.files[body["file_id"]]
    assert (file.name, file.parents, file.media_type, file.content) == ("note.txt", [FOLDER], "text/plain", b"hello")
    assert drive_site.stored().results == frozenset()


def test_a_large_file_is_sent_in_parts_to_the_folder_asked_for(google: FakeDrive, drive_site: Site) -> None:
    content = random.Random(1).randbytes(20 * 2**20)
    reply = drive_site.client.post(UPLOAD, files={"file": ("big.tif", content)}, data={"folder_id": SHARED})
    assert reply.status_code == 200
    file = google.files[reply.json()["file_id"]]
    assert (file.name, file.parents) == ("big.tif", [SHARED])
    assert file.content == content
    assert len([call for call in google.calls if call.method == "PUT"]) == 3


def test_a_server_without_drive_says_so_and_not_to_come_back(site: Site) -> None:
    reply = site.client.post(UPLOAD, files={"file": ("a.txt", b"a")})
    assert "GOOGLE_DRIVE_ENABLED" in refused(reply, 503, "HTTP_ERROR")
    assert "Retry-After" not in reply.headers


@pytest.mark.parametrize("folder", ["a b", "../root", "a" * 257])
def test_a_folder_id_that_is_none_is_a_validation_error(google: FakeDrive, drive_site: Site, folder: str) -> None:
    reply = drive_site.client.post(UPLOAD, files={"file": b"a"}, data={"folder_id": folder})
    assert "folder_id" in refused(reply, 422, "VALIDATION_ERROR")
    reply = drive_site.segment("/segment/objects/extract", save_to_drive="true", drive_folder_id=folder)
    assert "drive_folder_id" in refused(reply, 422, "VALIDATION_ERROR")
    assert google.calls == []
    assert drive_site.stored().results == frozenset()


def test_a_folder_that_is_unknown_is_a_validation_error(drive_site: Site) -> None:
    reply = drive_site.client.post(UPLOAD, files={"file": b"a"}, data={"folder_id": "nowhere"})
    assert "was not shared" in refused(reply, 422, "VALIDATION_ERROR")


def test_an_empty_folder_id_means_the_configured_one(google: FakeDrive, drive_site: Site) -> None:
    reply = drive_site.client.post(UPLOAD, files={"file": b"a"}, data={"folder_id": ""})
    assert google.files[reply.json()["file_id"]].parents == [FOLDER]


def test_a_drive_without_room_is_told_in_a_sentence(google: FakeDrive, drive_site: Site) -> None:
    google.trouble("POST", "/upload/", 403, "storageQuotaExceeded")
    reply = drive_site.client.post(UPLOAD, files={"file": b"a"})
    assert "shared drive" in refused(reply, 502, "HTTP_ERROR")
    assert reply.json()["details"] == {"status": 403, "reason": "storageQuotaExceeded"}


def test_a_file_is_needed(drive_site: Site) -> None:
    assert "file" in refused(drive_site.client.post(UPLOAD, data={"folder_id": FOLDER}), 422, "VALIDATION_ERROR")


def test_a_file_of_too_many_bytes_never_gets_to_google(google: FakeDrive, tmp_path: Path) -> None:
    with open_site(tmp_path / "data", **enabled(google, tmp_path, max_image_mb=1)) as site:
        reply = site.client.post(UPLOAD, files={"file": bytes(4 * 2**20)})
    refused(reply, 413, "IMAGE_VALIDATION_ERROR")
    assert google.calls == []


def test_extracted_objects_are_kept_here_and_sent(google: FakeDrive, drive_site: Site) -> None:
    reply = drive_site.segment("/segment/objects/extract", save_to_drive="true", drive_folder_id=SHARED)
    body = reply.json()
    assert reply.status_code == 200
    assert body["saved"]
    assert body["warnings"] == []
    assert len(body["drive_files"]) == len(body["saved"])
    for shown, sent in zip(body["saved"], body["drive_files"], strict=True):
        file = google.files[sent["file_id"]]
        assert file.content == (drive_site.folder / shown).read_bytes()
        assert (file.name, file.parents, file.media_type) == (Path(shown).name, [SHARED], "image/png")


def test_nothing_is_sent_where_nobody_asked(google: FakeDrive, drive_site: Site) -> None:
    body = drive_site.segment("/segment/objects/extract", drive_folder_id=SHARED).json()
    assert body["saved"]
    assert (body["drive_files"], body["warnings"]) == ([], [])
    assert google.calls == []


@pytest.mark.parametrize("sent", [0, 2])
def test_a_drive_that_fails_half_way_costs_nothing_that_is_kept_here(
    google: FakeDrive, drive_site: Site, sent: int
) -> None:
    google.trouble("POST", "/upload/", 403, "storageQuotaExceeded", after=sent)
    reply = drive_site.segment("/segment/objects/extract", save_to_drive="true", min_pixels="100")
    assert reply.status_code == 200
    body = reply.json()
    assert len(body["saved"]) > sent + 1
    assert all((drive_site.folder / shown).is_file() for shown in body["saved"])
    assert [file["file_id"] for file in body["drive_files"]] == list(google.files)
    [warning] = body["warnings"]
    assert warning.startswith(f"{sent} of {len(body['saved'])} objects were sent to Google Drive; all are kept here. ")
    assert "shared drive" in warning


def test_a_revoked_key_costs_nothing_that_is_kept_here(google: FakeDrive, drive_site: Site) -> None:
    google.revoked = True
    body = drive_site.segment("/segment/objects/extract", save_to_drive="true").json()
    assert body["saved"]
    assert body["drive_files"] == []
    assert "key" in body["warnings"][0]
    assert str(drive_site.folder.parent) not in body["warnings"][0]
