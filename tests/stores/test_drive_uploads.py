"""Files on their way to Google Drive: small and large ones, through troubles, and what is said when they fail."""

from __future__ import annotations

import hashlib
import io
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagequarry.domain.drive import DriveFile
from imagequarry.errors import InvalidInput, RemoteFailure
from imagequarry.stores.drive import GoogleDrive, ServiceAccount
from imagequarry.stores.drive.calls import Patience
from imagequarry.stores.drive.uploads import CHUNK, SMALL
from tests.fixtures.drive import EMAIL, FOLDER, SHARED, FakeDrive, fake_drive

UPLOAD = "/upload/drive/v3/files"
MB = 2**20
LARGE = random.Random(7).randbytes(2 * CHUNK + 3 * MB + 5)


@pytest.fixture
def google() -> Iterator[FakeDrive]:
    with fake_drive() as google:
        yield google


@pytest.fixture
def drive(google: FakeDrive, tmp_path: Path) -> Iterator[GoogleDrive]:
    account = ServiceAccount(google.key_file(tmp_path))
    drive = GoogleDrive(account, FOLDER, google.url, patience=Patience(attempts=4, pause=0.01))
    yield drive
    drive.close()


def spans(google: FakeDrive) -> list[str]:
    """The Content-Range of every part and question."""
    return [call.headers["content-range"] for call in google.calls if call.method == "PUT"]


def send_large(drive: GoogleDrive, **more: Any) -> DriveFile:
    return drive.upload("large.png", "image/png", io.BytesIO(LARGE), **more)


def arrived(google: FakeDrive, file: DriveFile) -> bool:
    """Whether that file, and no other, is in Drive to the byte."""
    assert list(google.files) == [file.file_id]
    return hashlib.sha256(google.files[file.file_id].content).digest() == hashlib.sha256(LARGE).digest()


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\r\n--boundary\r\n\r\n", bytes(SMALL)])
def test_a_small_file_goes_in_one_request(google: FakeDrive, drive: GoogleDrive, content: bytes) -> None:
    sent = drive.upload("cat.png", "image/png", content)
    [call] = google.asked("POST", UPLOAD)
    assert call.query == {"uploadType": "multipart", "supportsAllDrives": "true", "fields": "id,webViewLink"}
    assert call.headers["content-type"].startswith("multipart/related; boundary=")
    assert int(call.headers["content-length"]) == len(call.body)
    assert call.headers["authorization"] == "Bearer token-0"
    file = google.files[sent.file_id]
    assert (file.name, file.parents, file.media_type) == ("cat.png", [FOLDER], "image/png")
    assert file.content == content
    assert sent.web_view == f"https://drive.google.com/file/d/{sent.file_id}/view?usp=drivesdk"


def test_a_large_file_goes_in_chunks_of_8_mb(google: FakeDrive, drive: GoogleDrive) -> None:
    sent = send_large(drive)
    assert arrived(google, sent)
    total = len(LARGE)
    first, second = f"bytes 0-{CHUNK - 1}/{total}", f"bytes {CHUNK}-{2 * CHUNK - 1}/{total}"
    assert spans(google) == [first, second, f"bytes {2 * CHUNK}-{total - 1}/{total}"]
    [start] = google.asked("POST", UPLOAD)
    assert start.query == {"uploadType": "resumable", "supportsAllDrives": "true", "fields": "id,webViewLink"}
    assert start.headers["x-upload-content-type"] == "image/png"
    assert start.headers["x-upload-content-length"] == str(total)
    assert json.loads(start.body) == {"name": "large.png", "parents": [FOLDER]}
    # The session's address is the right to send; the token stays with the API.
    assert all("authorization" not in call.headers for call in google.calls if call.method == "PUT")


def test_a_file_of_just_over_5_mb_goes_in_one_chunk(google: FakeDrive, drive: GoogleDrive) -> None:
    drive.upload("a.bin", "application/zip", bytes(SMALL + 1))
    assert spans(google) == [f"bytes 0-{SMALL}/{SMALL + 1}"]


def test_a_file_is_sent_from_its_beginning_wherever_it_stands(google: FakeDrive, drive: GoogleDrive) -> None:
    file = io.BytesIO(b"whole")
    file.seek(3)
    assert google.files[drive.upload("a", "text/plain", file).file_id].content == b"whole"


def test_the_caller_s_folder_goes_before_the_configured_one(google: FakeDrive, drive: GoogleDrive) -> None:
    assert google.files[drive.upload("a", "text/plain", b"a", SHARED).file_id].parents == [SHARED]
    assert google.files[send_large(drive, folder_id=SHARED).file_id].parents == [SHARED]


@pytest.mark.parametrize("taken", [0, 1, 3 * MB, CHUNK - 1])
def test_an_upload_goes_on_from_the_last_byte_that_arrived(google: FakeDrive, drive: GoogleDrive, taken: int) -> None:
    google.trouble("PUT", "/session/", taken=taken, after=1)
    assert arrived(google, send_large(drive))
    total, reached = len(LARGE), CHUNK + taken
    assert spans(google)[2:4] == [f"bytes */{total}", f"bytes {reached}-{min(reached + CHUNK, total) - 1}/{total}"]
    assert len(google.sessions) == 1


def test_a_lost_last_answer_is_asked_for_and_nothing_is_sent_twice(google: FakeDrive, drive: GoogleDrive) -> None:
    google.trouble("PUT", "/session/", after=2)
    assert arrived(google, send_large(drive))
    assert spans(google)[3:] == [f"bytes */{len(LARGE)}"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refused_part_is_sent_again(google: FakeDrive, drive: GoogleDrive, status: int) -> None:
    google.trouble("PUT", "/session/", status, times=3)
    assert arrived(google, send_large(drive))


def test_a_part_of_which_less_is_taken_is_followed_by_the_rest(google: FakeDrive, drive: GoogleDrive) -> None:
    google.takes = 3 * MB
    assert arrived(google, send_large(drive))
    assert spans(google)[1].startswith(f"bytes {3 * MB}-")


def test_a_session_that_was_given_up_is_begun_anew(google: FakeDrive, drive: GoogleDrive) -> None:
    google.trouble("PUT", "/session/", 410, after=2)
    assert arrived(google, send_large(drive))
    assert len(google.sessions) == 2


@pytest.mark.parametrize("status", [404, 410])
def test_sessions_that_are_always_given_up_end_in_an_error(google: FakeDrive, drive: GoogleDrive, status: int) -> None:
    google.trouble("PUT", "/session/", status, times=99)
    with pytest.raises(RemoteFailure, match="gave up the upload"):
        send_large(drive)
    assert len(google.sessions) == 4


def test_sessions_that_are_given_up_after_their_first_part_end_in_an_error_too(
    google: FakeDrive, drive: GoogleDrive
) -> None:
    for number in range(1, 9):
        google.trouble("PUT", "/session/", 410, after=number)
    with pytest.raises(RemoteFailure, match="gave up the upload"):
        send_large(drive)
    assert len(google.sessions) == 4


def test_only_failures_in_a_row_count(google: FakeDrive, drive: GoogleDrive) -> None:
    google.takes = 3 * MB
    # One after each question and the part that follows it: more of them than there are attempts.
    for number in range(1, 6):
        google.trouble("PUT", "/session/", 503, after=2 * number - 1)
    assert arrived(google, send_large(drive))
    assert google.troubles == []


def test_a_google_that_takes_nothing_is_given_up(google: FakeDrive, drive: GoogleDrive) -> None:
    google.takes = 0
    with pytest.raises(RemoteFailure, match="took no more"):
        send_large(drive)
    assert len(spans(google)) < 10
    assert google.files == {}


@pytest.mark.parametrize("range", ["bytes=0-99999999999", "bytes=5-9", "0-9", "bytes=0--1"])
def test_a_google_that_claims_bytes_it_was_never_sent_is_not_believed(
    google: FakeDrive, drive: GoogleDrive, range: str
) -> None:
    google.trouble("PUT", "/session/", 308, headers={"Range": range})
    with pytest.raises(RemoteFailure, match="other bytes"):
        send_large(drive)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("where", ["/token", "generateIds", "uploadType=multipart"])
def test_a_small_file_comes_through_troubles_that_pass(
    google: FakeDrive, drive: GoogleDrive, status: int, where: str
) -> None:
    google.trouble("GET" if where == "generateIds" else "POST", where, status, times=3)
    file = drive.upload("a.png", "image/png", b"pixels")
    assert google.files[file.file_id].content == b"pixels"


def test_an_upload_whose_answer_was_lost_is_not_made_twice(google: FakeDrive, drive: GoogleDrive) -> None:
    google.trouble("POST", "uploadType=multipart", times=2)
    file = drive.upload("a.png", "image/png", b"pixels")
    assert list(google.files) == [file.file_id]
    assert file.web_view == f"https://drive.google.com/file/d/{file.file_id}/view"
    assert len(google.asked("POST", UPLOAD)) == 3


def test_a_connection_dropped_half_way_through_a_small_file_is_tried_again(
    google: FakeDrive, drive: GoogleDrive
) -> None:
    google.trouble("POST", "uploadType=multipart", taken=1000)
    file = drive.upload("a.png", "image/png", bytes(4 * MB))
    assert google.files[file.file_id].content == bytes(4 * MB)


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded"])
def test_a_rate_limit_is_waited_for_as_google_asks(google: FakeDrive, drive: GoogleDrive, reason: str) -> None:
    google.trouble("POST", "uploadType=multipart", 403, reason, headers={"Retry-After": "1"})
    started = time.monotonic()
    assert drive.upload("a.png", "image/png", b"a").file_id in google.files
    assert time.monotonic() - started > 0.7


def test_troubles_that_do_not_pass_end_after_the_settled_number_of_attempts(
    google: FakeDrive, drive: GoogleDrive
) -> None:
    google.trouble("POST", "uploadType=multipart", 500, times=99)
    with pytest.raises(RemoteFailure, match="trouble of its own"):
        drive.upload("a.png", "image/png", b"a")
    assert len(google.asked("POST", UPLOAD)) == 4


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("storageQuotaExceeded", "use a folder in a shared drive, or let the server act for a person"),
        ("insufficientFilePermissions", "share the folder with it as an editor"),
        ("accessNotConfigured", "API is not enabled"),
        ("somethingNew", "refused with status 403"),
        ("<b>", "refused with status 403"),
        ("", "refused with status 403"),
    ],
)
@pytest.mark.parametrize("size", [10, SMALL + 1])
def test_a_refusal_says_what_to_do_and_is_not_tried_again(
    google: FakeDrive, drive: GoogleDrive, reason: str, says: str, size: int
) -> None:
    google.trouble("POST", UPLOAD, 403, reason)
    with pytest.raises(RemoteFailure, match=says) as caught:
        drive.upload("a.png", "image/png", bytes(size))
    assert EMAIL not in caught.value.message
    assert caught.value.details == {"status": 403} | ({"reason": reason} if reason.isalpha() else {})
    assert len(google.asked("POST", UPLOAD)) == 1


def test_room_that_ends_at_the_last_part_is_told(google: FakeDrive, drive: GoogleDrive) -> None:
    google.trouble("PUT", "/session/", 403, "storageQuotaExceeded", after=2)
    with pytest.raises(RemoteFailure, match="owns no storage"):
        send_large(drive)


@pytest.mark.parametrize("size", [10, SMALL + 1])
def test_an_unknown_folder_is_the_caller_s_fault_or_the_operator_s(
    google: FakeDrive, drive: GoogleDrive, size: int
) -> None:
    with pytest.raises(InvalidInput, match="does not exist, or was not shared"):
        drive.upload("a.png", "image/png", bytes(size), "nowhere")
    del google.folders[FOLDER]
    with pytest.raises(RemoteFailure, match="DRIVE_FOLDER_ID does not exist"):
        drive.upload("a.png", "image/png", bytes(size))


@pytest.mark.parametrize("folder", ["a b", "../root", "a" * 257, "a\n", "?", "é"])
def test_a_folder_id_that_is_none_is_refused_before_google_is_asked(
    google: FakeDrive, drive: GoogleDrive, folder: str
) -> None:
    with pytest.raises(InvalidInput):
        drive.upload("a.png", "image/png", b"a", folder)
    assert google.calls == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\cats\\a.png", "a.png"),
        ('a"\r\nX-Evil: 1\r\n.png', 'a"X-Evil: 1.png'),
        ("", "file"),
        ("dir/", "file"),
        ("é漢字.png", "é漢字.png"),
        ("\udcff.png", ".png"),
        ("a" * 300 + ".png", "a" * 251 + ".png"),
    ],
)
def test_a_name_is_a_label_and_nothing_more(google: FakeDrive, drive: GoogleDrive, name: str, kept: str) -> None:
    assert google.files[drive.upload(name, "image/png", b"a").file_id].name == kept


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("image/svg+xml; charset=utf-8", "image/svg+xml"),
        ("", "application/octet-stream"),
        ("image/png\r\nX-Evil: 1", "application/octet-stream"),
        ("application/vnd.google-apps.folder", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("size", [10, SMALL + 1])
def test_a_media_type_is_passed_on_only_where_it_is_one(
    google: FakeDrive, drive: GoogleDrive, given: str, sent: str, size: int
) -> None:
    assert google.files[drive.upload("a", given, bytes(size)).file_id].media_type == sent
