"""Getting into Google Drive: keys, tokens, and what Google says of folders and room."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from imagequarry.domain.drive import DriveStatus
from imagequarry.errors import RemoteFailure
from imagequarry.stores.drive import GoogleDrive, RefreshToken, ServiceAccount
from imagequarry.stores.drive.calls import Patience
from imagequarry.stores.drive.login import SCOPE
from tests.fixtures.drive import EMAIL, FOLDER, PERSON, SHARED, FakeDrive, fake_drive

QUICK = Patience(attempts=3, pause=0.01)


@pytest.fixture
def google() -> Iterator[FakeDrive]:
    with fake_drive() as google:
        yield google


def by_key(google: FakeDrive, folder: Path, **more: Any) -> GoogleDrive:
    account = ServiceAccount(google.key_file(folder), more.pop("subject", None))
    return GoogleDrive(account, more.pop("folder_id", FOLDER), google.url, patience=QUICK, **more)


def failure_of(drive: GoogleDrive) -> RemoteFailure:
    with pytest.raises(RemoteFailure) as caught:
        drive.upload("a.png", "image/png", b"a")
    return caught.value


def test_a_login_is_signed_with_the_key_and_asks_for_drive_alone(google: FakeDrive, tmp_path: Path) -> None:
    by_key(google, tmp_path).status()
    [claims] = google.assertions
    assert (claims["iss"], claims["scope"]) == (EMAIL, SCOPE)
    assert "sub" not in claims


def test_an_account_acts_for_a_person_where_one_is_named(google: FakeDrive, tmp_path: Path) -> None:
    by_key(google, tmp_path, subject="ada@example.org").status()
    assert google.assertions[0]["sub"] == "ada@example.org"


def test_a_token_is_used_again_until_google_refuses_it(google: FakeDrive, tmp_path: Path) -> None:
    drive = by_key(google, tmp_path)
    assert drive.status() == drive.status() == DriveStatus(True, True, True)
    assert len(google.asked("POST", "/token")) == 1
    google.tokens.clear()
    google.tokens.add("a token of somebody else")
    assert drive.status() == DriveStatus(True, True, True)
    assert len(google.asked("POST", "/token")) == 2


def test_a_person_s_refresh_token_lets_in_too(google: FakeDrive) -> None:
    drive = GoogleDrive(RefreshToken(**PERSON, token_url=f"{google.url}/token"), FOLDER, google.url)
    assert drive.status() == DriveStatus(True, True, True)
    assert drive.upload("a.png", "image/png", b"a").file_id in google.files


def test_a_refresh_token_that_was_revoked_is_told_as_such(google: FakeDrive) -> None:
    person = PERSON | {"refresh_token": "another one"}
    drive = GoogleDrive(RefreshToken(**person, token_url=f"{google.url}/token"), FOLDER, google.url)
    assert drive.status() == DriveStatus(True, False, False)
    assert "refresh token" in failure_of(drive).message
    assert "another one" not in repr(RefreshToken(**person))


def test_a_revoked_key_is_told_as_such(google: FakeDrive, tmp_path: Path) -> None:
    drive = by_key(google, tmp_path)
    assert drive.status().authenticated
    google.revoked = True
    google.tokens.clear()
    assert drive.status() == DriveStatus(True, False, False)
    error = failure_of(drive)
    assert "deleted or disabled" in error.message
    assert EMAIL not in error.message


def test_a_key_that_replaces_a_refused_one_works_at_once(google: FakeDrive, tmp_path: Path) -> None:
    file = google.key_file(tmp_path)
    good, stranger = file.read_text(), generate_private_key(65537, 2048)
    pem = stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file.write_text(json.dumps(json.loads(good) | {"private_key": pem}))
    drive = GoogleDrive(ServiceAccount(file), FOLDER, google.url, patience=QUICK)
    assert drive.status() == DriveStatus(True, False, False)
    file.write_text(good)
    assert drive.status() == DriveStatus(True, True, True)


def test_delegation_that_was_not_granted_is_told_as_such(google: FakeDrive, tmp_path: Path) -> None:
    google.not_delegated = True
    assert "domain-wide delegation" in failure_of(by_key(google, tmp_path, subject="ada@example.org")).message


def test_many_threads_share_one_login(google: FakeDrive, tmp_path: Path) -> None:
    drive = by_key(google, tmp_path)
    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(lambda n: drive.upload(f"{n}.png", "image/png", bytes([n])), range(24)))
    assert [google.files[file.file_id].content for file in sent] == [bytes([n]) for n in range(24)]
    assert len(google.asked("POST", "/token")) == 1


def other_key(good: str) -> str:
    key = json.loads(good)
    return json.dumps(key | {"private_key": key["private_key"][:200]})


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda good: "{", "not JSON"),
        (lambda good: "[" * 60_000, "not JSON"),
        (lambda good: "[]", "not a service account's key"),
        (lambda good: good.replace("service_account", "authorized_user"), "not a service account's key"),
        (lambda good: '{"type": "service_account"}', "cannot be used"),
        (lambda good: '{"type": "service_account", "client_email": 1, "token_uri": 2, "private_key": 3}', "be used"),
        (other_key, "cannot be used"),
    ],
    ids=["half", "deep", "list", "another kind", "without a key", "of numbers", "half a key"],
)
def test_a_key_file_that_is_none_is_told_without_its_words_or_path(
    google: FakeDrive, tmp_path: Path, broken: Callable[[str], str], says: str
) -> None:
    file = google.key_file(tmp_path)
    file.write_text(broken(file.read_text()))
    drive = GoogleDrive(ServiceAccount(file), FOLDER, google.url, patience=QUICK)
    assert drive.status() == DriveStatus(True, False, False)
    error = failure_of(drive)
    assert says in error.message
    assert "GOOGLE_SERVICE_ACCOUNT_JSON" in error.message
    assert str(tmp_path) not in error.message
    assert "PRIVATE" not in error.message
    assert google.calls == []


@pytest.mark.parametrize(
    ("name", "says"), [(None, "names no key file"), ("absent.json", "cannot be read"), (".", "cannot be read")]
)
def test_a_missing_key_file_is_told(tmp_path: Path, name: str | None, says: str) -> None:
    drive = GoogleDrive(ServiceAccount(tmp_path / name if name else None), patience=QUICK)
    assert drive.status() == DriveStatus(True, False, False)
    assert says in failure_of(drive).message


def test_a_key_file_that_appears_later_is_found(google: FakeDrive, tmp_path: Path) -> None:
    drive = GoogleDrive(ServiceAccount(tmp_path / "service-account.json"), FOLDER, google.url)
    assert not drive.status().authenticated
    google.key_file(tmp_path)
    assert drive.status().authenticated


@pytest.mark.parametrize(
    ("folder", "quota", "access"),
    [
        ({"capabilities": {"canAddChildren": True}}, {"limit": "10", "usage": "9"}, True),
        ({"capabilities": {"canAddChildren": True}}, {"usage": "9"}, True),
        ({"capabilities": {"canAddChildren": True}}, {"limit": "0", "usage": "0"}, False),
        ({"capabilities": {"canAddChildren": True}, "driveId": "d"}, {"limit": "0", "usage": "0"}, True),
        ({"capabilities": {"canAddChildren": False}}, {"limit": "10", "usage": "9"}, False),
        ({"capabilities": {"canAddChildren": True}, "trashed": True}, {}, False),
        ({"capabilities": {"canAddChildren": True}, "mimeType": "image/png"}, {}, False),
        ({"capabilities": "all of them"}, {"limit": "lots", "usage": None}, False),
        (None, {}, False),
    ],
)
def test_folder_access_means_that_a_file_would_be_taken(
    google: FakeDrive, tmp_path: Path, folder: dict[str, Any] | None, quota: dict[str, Any], access: bool
) -> None:
    google.quota = quota
    del google.folders[FOLDER]
    if folder is not None:
        google.folders[FOLDER] = folder
    assert by_key(google, tmp_path).status() == DriveStatus(True, True, access)
    [asked] = google.asked("GET", f"/drive/v3/files/{FOLDER}")
    assert asked.query["supportsAllDrives"] == "true"


def test_without_a_folder_the_account_s_own_root_is_asked_for(google: FakeDrive, tmp_path: Path) -> None:
    drive = by_key(google, tmp_path, folder_id=None)
    assert drive.status().folder_access
    assert len(google.asked("GET", "/drive/v3/files/root")) == 1
    google.quota = {"limit": "0", "usage": "0"}
    assert not drive.status().folder_access
    assert by_key(google, tmp_path, folder_id=SHARED).status().folder_access


@pytest.mark.alone
@pytest.mark.parametrize("held_up", ["/token", "/drive/v3/about", "/drive/v3/files/"])
def test_a_silent_google_is_given_up_in_time(google: FakeDrive, tmp_path: Path, held_up: str) -> None:
    for method in ("GET", "POST"):
        google.trouble(method, held_up, delay=1.5)
    drive = by_key(google, tmp_path, status_seconds=0.4)
    started = time.monotonic()
    assert drive.status() == DriveStatus(True, held_up == "/drive/v3/files/", False)
    assert time.monotonic() - started < 1.2


@pytest.mark.alone
def test_a_status_does_not_wait_for_somebody_else_s_login(google: FakeDrive, tmp_path: Path) -> None:
    google.trouble("POST", "/token", delay=1.5)
    drive = by_key(google, tmp_path, status_seconds=0.3)
    with ThreadPoolExecutor(1) as threads:
        upload = threads.submit(drive.upload, "a.png", "image/png", b"a")
        time.sleep(0.2)
        started = time.monotonic()
        assert drive.status() == DriveStatus(True, False, False)
        assert time.monotonic() - started < 0.9
        assert upload.result().file_id in google.files


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "é", "expires_in": 1},
        {"access_token": 7},
        {"access_token": "a", "expires_in": "soon"},
        {"access_token": "a", "expires_in": 10**30},
        {},
    ],
    ids=["not ASCII", "a number", "a word", "for ever", "nothing"],
)
def test_a_login_that_answers_nonsense_is_no_access(google: FakeDrive, tmp_path: Path, answer: dict[str, Any]) -> None:
    google.login_says = answer
    drive = by_key(google, tmp_path)
    assert drive.status() == DriveStatus(True, False, False)
    assert "key" in failure_of(drive).message


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_troubles_of_google_are_no_access_and_no_error(google: FakeDrive, tmp_path: Path, status: int) -> None:
    google.trouble("GET", "/drive/v3/about", status, times=9)
    assert by_key(google, tmp_path).status() == DriveStatus(True, False, False)
    google.troubles.clear()
    google.trouble("POST", "/token", status, times=9)
    assert by_key(google, tmp_path).status() == DriveStatus(True, False, False)


def test_a_login_in_trouble_is_tried_as_often_as_anything_else(google: FakeDrive, tmp_path: Path) -> None:
    google.trouble("POST", "/token", 503, times=99)
    assert failure_of(by_key(google, tmp_path)).message == "Google's login could not be reached."
    assert len(google.asked("POST", "/token")) == QUICK.attempts


def test_an_address_where_nobody_listens_is_told_as_such(google: FakeDrive, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
        account = ServiceAccount(google.key_file(tmp_path))
        drive = GoogleDrive(account, FOLDER, nowhere, patience=QUICK)
        assert drive.status() == DriveStatus(True, False, False)
        error = failure_of(drive)
    assert error.message == "Google Drive could not be reached."
