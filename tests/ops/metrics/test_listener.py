"""The port for Prometheus: one path, a clear word when it is taken, and nobody who can hold it up."""

from __future__ import annotations

import socket
import time

import httpx2
import pytest
from structlog.testing import capture_logs

from imagequarry.ops.metrics.exposition import CONTENT_TYPE
from imagequarry.ops.metrics.listener import Listener, PortTaken, listening
from tests.fixtures.redis import free_port


def text() -> bytes:
    return b"up 1\n"


def test_one_path_is_answered_and_no_other() -> None:
    listener = Listener("127.0.0.1", 0, text)
    host, port = listener.address
    with httpx2.Client(base_url=f"http://{host}:{port}") as client:
        reply = client.get("/metrics?name=up")
        assert (reply.status_code, reply.content, reply.headers["content-type"]) == (200, b"up 1\n", CONTENT_TYPE)
        head = client.head("/metrics")
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "5")
        assert client.get("/").status_code == 404
        assert client.get("/metrics/more").status_code == 404
        assert client.post("/metrics").status_code == 501
        assert "Python" not in reply.headers["server"]
    listener.close()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://{host}:{port}/metrics")


def test_a_taken_port_is_one_sentence_and_the_server_goes_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            Listener("127.0.0.1", port, text)
        assert caught.value.message == f"Metrics cannot be served at 127.0.0.1:{port}: Address already in use."
        with capture_logs() as logged, listening("127.0.0.1", port, text):
            pass
    [line] = logged
    assert line["event"].startswith(caught.value.message)
    assert "METRICS_PORT" in line["event"]


@pytest.mark.alone
def test_who_says_nothing_holds_up_nobody() -> None:
    listener = Listener("127.0.0.1", 0, text)
    silent = [socket.create_connection(listener.address) for _ in range(20)]
    began = time.monotonic()
    assert httpx2.get("http://{}:{}/metrics".format(*listener.address)).status_code == 200
    listener.close()
    assert time.monotonic() - began < 3
    for one in silent:
        one.close()


def test_a_port_that_was_given_back_can_be_had_again() -> None:
    port = free_port()
    for _ in range(3):
        with listening("127.0.0.1", port, text):
            assert httpx2.get(f"http://127.0.0.1:{port}/metrics").status_code == 200
