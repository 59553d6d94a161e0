"""A form is read while it streams in: limits act where they are passed, and memory stays small."""

from __future__ import annotations

import http.client
import json
import socket
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagequarry.capabilities.intake import Limits
from imagequarry.errors import FileTooLarge, InvalidInput
from imagequarry.surfaces.image2model.incoming import IncomingForm
from tests.fixtures.background import small
from tests.fixtures.server import Server

MB = 2**20
BETWEEN = b"\r\n--b"
TYPE = "multipart/form-data; boundary=b"


def file_part(data: bytes, name: str = "files", filename: str = "a.png") -> bytes:
    head = f'\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    return BETWEEN + head.encode() + b"Content-Type: image/png\r\n\r\n" + data


def text_part(name: str, text: str) -> bytes:
    return BETWEEN + f'\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode()


def body_of(*given: bytes) -> bytes:
    return b"".join(given).removeprefix(b"\r\n") + BETWEEN + b"--\r\n"


@pytest.fixture
def form(tmp_path: Path) -> Iterator[IncomingForm]:
    """A form that takes three files of a megabyte."""
    form = IncomingForm(TYPE, tmp_path / "incoming", 3, Limits(max_bytes=MB))
    yield form
    form.close()
    assert list((tmp_path / "incoming").glob("*")) == []


def read_or_refused(form: IncomingForm, body: bytes) -> InvalidInput | None:
    """None for a body that is a form, else why it is none."""
    try:
        form.write(body)
        form.finish()
    except InvalidInput as refusal:
        return refusal
    return None


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_a_form_is_the_same_in_pieces_of_any_size(form: IncomingForm, size: int) -> None:
    first, second = bytes(range(256)) * 8, b"\r\n--\r\n--c\r\n\r\n" * 40
    body = body_of(file_part(first), text_part("face_limit", "12"), text_part("face_limit", "13é"), file_part(second))
    for at in range(0, len(body), size):
        form.write(body[at : at + size])
    form.finish()
    assert [(file.name, file.size, file.bytes.read()) for file in form.files] == [
        ("a.png", len(first), first),
        ("a.png", len(second), second),
    ]
    assert form.texts == {"face_limit": "13é"}


def test_files_of_other_fields_and_empty_ones_are_passed_over(form: IncomingForm) -> None:
    form.write(body_of(file_part(bytes(2 * MB), "other"), file_part(b"", filename=""), file_part(b"x")))
    form.finish()
    assert [file.size for file in form.files] == [1]


def test_a_file_is_refused_at_the_first_byte_too_many(form: IncomingForm) -> None:
    form.write(file_part(bytes(MB), filename="../big.png").removeprefix(b"\r\n"))
    with pytest.raises(FileTooLarge, match="1 MB") as refusal:
        form.write(b"x" * 100)
    assert refusal.value.details == {"file": "big.png", "max_bytes": MB}


def test_the_fourth_of_three_files_is_refused_before_its_bytes(form: IncomingForm) -> None:
    form.write(b"".join(file_part(b"x") for _ in range(3)).removeprefix(b"\r\n"))
    with pytest.raises(InvalidInput, match="3 files may be sent"):
        form.write(file_part(b""))


@pytest.mark.parametrize(
    "body",
    [
        b"junk",
        b"--c\r\n\r\n",
        body_of(file_part(b"x"))[:-8],
        body_of(*[text_part(f"n{n}", "") for n in range(60)]),
        body_of(text_part("n" * 60_000, "")),
        body_of(BETWEEN + b"\r\n" + b"X: y\r\n" * 500 + b"\r\n"),
    ],
)
def test_what_is_no_form_is_refused(form: IncomingForm, body: bytes) -> None:
    assert read_or_refused(form, body) is not None


def test_hostile_bytes_end_in_a_form_or_in_a_sentence(tmp_path: Path) -> None:
    whole = body_of(file_part(b"x" * 50), text_part("face_limit", "12"))
    for at in range(len(whole)):
        for byte in (0, 10, 13, 34, 59, 255):
            form = IncomingForm(TYPE, tmp_path, 3, Limits())
            refusal = read_or_refused(form, whole[:at] + bytes([byte]) + whole[at + 1 :])
            assert refusal is None or refusal.message.endswith(".")
            form.close()


def test_a_hundred_megabytes_of_pictures_take_little_memory(tmp_path: Path) -> None:
    form = IncomingForm(TYPE, tmp_path, 10, Limits(max_bytes=10 * MB))
    chunk = bytes(65_536)
    tracemalloc.start()
    try:
        for _ in range(10):
            form.write(file_part(b""))
            for _ in range(10 * MB // len(chunk)):
                form.write(chunk)
        form.write(body_of())
        form.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        form.close()
    assert sum(file.size for file in form.files) == 100 * MB
    assert peak < 2 * MB


def reply_to(server: Server, head: str, body: bytes) -> dict[str, Any]:
    """The 413 that comes while the server still waits for the rest of the body."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    request = f"POST /api/v1/upload/ HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\n{head}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request.encode() + body)
        reply = b""
        while not reply.endswith(b"}"):
            part = connection.recv(4096)
            assert part, reply
            reply += part
    assert reply.startswith(b"HTTP/1.1 413")
    detail: dict[str, Any] = json.loads(reply.partition(b"\r\n\r\n")[2])["detail"]
    assert detail["code"] == "FILE_TOO_LARGE"
    return detail


def test_a_file_of_300_megabytes_is_refused_after_ten_of_them(shared_server: Server) -> None:
    begun = file_part(bytes(10 * MB + 1)).removeprefix(b"\r\n")
    for head, body in (
        (f"Content-Length: {200 * MB}", begun),
        ("Transfer-Encoding: chunked", f"{len(begun):x}\r\n".encode() + begun + b"\r\n"),
    ):
        detail = reply_to(shared_server, head, body)
        assert detail["details"] == {"file": "a.png", "max_bytes": 10 * MB}
        assert "10 MB" in detail["message"]


def test_a_body_that_says_it_is_too_large_is_refused_before_a_byte_of_it(shared_server: Server) -> None:
    assert f"{252 * MB} bytes" in reply_to(shared_server, f"Content-Length: {300 * MB}", b"")["message"]


def test_a_client_that_sends_on_reads_why_it_was_refused(shared_server: Server) -> None:
    body = [file_part(bytes(10 * MB)).removeprefix(b"\r\n"), *[bytes(MB)] * 60]
    for headers in ({}, {"Connection": "close"}):
        connection = http.client.HTTPConnection(shared_server.url.removeprefix("http://"), timeout=30)
        connection.request(
            "POST", "/api/v1/upload/", iter(body), {"Content-Type": TYPE, **headers}, encode_chunked=True
        )
        reply = connection.getresponse()
        assert (reply.status, json.loads(reply.read())["detail"]["code"]) == (413, "FILE_TOO_LARGE")
        connection.close()
    # And the server goes on.
    sent = shared_server.client.post("/api/v1/upload/", files=[("files", ("a.png", small()))])
    assert sent.status_code == 200


def test_a_client_that_leaves_in_the_middle_leaves_nothing(shared_server: Server, tmp_path: Path) -> None:
    host, _, port = shared_server.url.removeprefix("http://").partition(":")
    before = shared_server.client.get("/jobs/").json()["total"]
    for _ in range(3):
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            head = f"POST /api/v1/upload/ HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\nContent-Length: 9999\r\n\r\n"
            connection.sendall(head.encode() + file_part(small()).removeprefix(b"\r\n"))
    assert shared_server.client.get("/jobs/").json()["total"] == before
