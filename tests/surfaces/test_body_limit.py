"""Too large a body ends in the 413 of its own route, and the client gets to read it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import uvicorn
from fastapi import APIRouter, FastAPI, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from starlette.types import Scope

from imagequarry.surfaces.body_limit import BodyLimit, BodyTooLarge, form_room, json_room

LIMIT = 3_000_000
BOUNDARY = "between"


class Note(BaseModel):
    text: str


def app() -> FastAPI:
    """Two routers, told apart by their tag, as surfaces are."""
    made = FastAPI(form_limits={"max_part_size": 2_000_000})

    def limit_for(scope: Scope) -> int:
        return LIMIT if scope["route"].tags == ["large"] else 1000

    made.add_middleware(BodyLimit, limit_for=limit_for)

    @made.exception_handler(413)
    def too_large(request: Request, error: BodyTooLarge) -> JSONResponse:
        return JSONResponse({"surface": request.scope["route"].tags[0], "limit": error.limit}, 413)

    large, small = APIRouter(tags=["large"]), APIRouter(tags=["small"])

    @large.post("/upload")
    def upload(image: Annotated[UploadFile, File()], text: Annotated[str, Form()] = "") -> dict[str, Any]:
        return {"bytes": len(image.file.read()), "text": len(text), "on disk": getattr(image.file, "_rolled", None)}

    @small.post("/note")
    def note(body: Note) -> dict[str, int]:
        return {"length": len(body.text)}

    @small.post("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"one ", b"two ", b"three"]))

    @large.post("/choosy")
    async def choosy(request: Request) -> JSONResponse:
        async for chunk in request.stream():
            if chunk:
                return JSONResponse({"refused": True}, 413)
        return JSONResponse({"refused": False})

    made.include_router(large)
    made.include_router(small)
    return made


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = uvicorn.Server(uvicorn.Config(app(), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def multipart(size: int, text: str = "") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="text"\r\n\r\n{text}\r\n--{BOUNDARY}\r\n'
    head += 'Content-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return head.encode() + bytes(size) + f"\r\n--{BOUNDARY}--\r\n".encode()


def post(port: int, path: str, body: bytes, chunked: bool = False, kind: str = "", **more: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": kind or f"multipart/form-data; boundary={BOUNDARY}", **more}
    sent = iter([body[at : at + 65536] for at in range(0, len(body), 65536)]) if chunked else body
    connection.request("POST", path, sent, headers, encode_chunked=chunked)
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply.status, json.loads(content) if reply.getheader("content-type") == "application/json" else content


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_within_the_limit_arrives_on_disk_with_a_long_text_beside_it(port: int, chunked: bool) -> None:
    status, reply = post(port, "/upload", multipart(1_500_000, "x" * 1_200_000), chunked)
    assert (status, reply) == (200, {"bytes": 1_500_000, "text": 1_200_000, "on disk": True})


@pytest.mark.alone
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [LIMIT, 60_000_000])
def test_a_body_over_the_limit_gets_its_own_surfaces_413(port: int, size: int, chunked: bool) -> None:
    started = time.perf_counter()
    assert post(port, "/upload", multipart(size), chunked) == (413, {"surface": "large", "limit": LIMIT})
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("chunked", [False, True])
def test_a_json_body_over_the_limit_gets_its_own_surfaces_413(port: int, chunked: bool) -> None:
    for length, status in ((100, 200), (100_000, 413)):
        body = json.dumps({"text": "x" * length}).encode()
        reply = post(port, "/note", body, chunked, "application/json")
        assert reply == (status, {"length": 100} if status == 200 else {"surface": "small", "limit": 1000})


def test_a_lying_content_length_is_no_way_in(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"POST /note HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" + bytes(5000))
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.alone
def test_who_asks_before_sending_is_refused_without_sending(port: int) -> None:
    request = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    request += "Content-Length: 90000000\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        started = time.perf_counter()
        connection.sendall(request.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")
        assert time.perf_counter() - started < 2


@pytest.mark.alone
def test_a_client_that_stops_sending_has_its_reply_at_once(port: int) -> None:
    request = "POST /note HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        started = time.perf_counter()
        connection.sendall(request.encode())
        reply = b""
        while b'"limit":1000' not in reply:
            part = connection.recv(4000)  # head and body may come one after the other
            assert part
            reply += part
        assert time.perf_counter() - started < 2


@pytest.mark.parametrize("chunked", [False, True])
def test_a_route_may_refuse_a_body_in_the_middle_of_it_and_the_client_reads_why(port: int, chunked: bool) -> None:
    # As proxies ask: a connection that is closed with unread bytes in it is reset, and the reply is lost.
    def choosy(body: bytes) -> tuple[int, Any]:
        return post(port, "/choosy", body, chunked, "application/octet-stream", Connection="close")

    for _ in range(5):
        assert choosy(bytes(LIMIT - 1)) == (413, {"refused": True})
    assert choosy(b"") == (200, {"refused": False})


def test_a_streaming_reply_is_not_cut_by_a_body_that_nobody_reads(port: int) -> None:
    assert post(port, "/stream", bytes(500_000)) == (200, b"one two three")


def test_the_server_answers_on_after_refusals(port: int) -> None:
    for _ in range(5):
        assert post(port, "/note", bytes(200_000), kind="application/json")[0] == 413
    assert post(port, "/note", b'{"text": "still here"}', kind="application/json") == (200, {"length": 10})


def test_there_is_room_for_the_pictures_and_some_words() -> None:
    size = 50 * 1024 * 1024
    assert form_room(size) > size + 1024 * 1024
    assert form_room(size, 25) > 25 * size
    assert json_room(size) > size * 4 / 3 + 2 * size * 4 / 3 / 76 + 1024 * 1024
