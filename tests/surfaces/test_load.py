"""Many callers at once: one computation for what they share, and probes that answer meanwhile; a graceful end."""

from __future__ import annotations

import signal
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from imagequarry.models.cache import CacheFigures
from tests.fixtures.pictures import encoded, scene
from tests.fixtures.server import SECONDS, Serve, Server, Site, photograph

CALLERS = 30
PROBES = (
    "/health",
    "/health/",
    "/health/ready",
    "/health/live",
    "/api/v1/health",
    "/api/v1/health/",
    "/api/v1/health/detailed",
    "/api/v1/health/liveness",
    "/api/v1/health/readiness",
)
POINT = '[{"x": 0.5, "y": 0.5}]'
BIG = encoded(scene(1600, 1200), "JPEG")


def embeddings(site: Site) -> CacheFigures:
    """How often a picture was embedded and how often that was saved."""
    memory = site.client.app.state.runtime.segmentation._embeddings._memory  # type: ignore[attr-defined]
    figures: CacheFigures = memory.figures()
    return figures


def test_thirty_callers_who_click_on_a_new_picture_at_once_cause_one_embedding(fresh_site: Site) -> None:
    together = threading.Barrier(CALLERS)

    def ask(number: int) -> httpx2.Response:
        together.wait(SECONDS)
        return fresh_site.segment("/segment/single", points=POINT)

    with ThreadPoolExecutor(CALLERS) as threads:
        replies = list(threads.map(ask, range(CALLERS)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({str(reply.json()["masks"]) for reply in replies}) == 1
    assert len({reply.json()["job_id"] for reply in replies}) == CALLERS
    assert embeddings(fresh_site).misses == 1
    assert embeddings(fresh_site).hits == CALLERS - 1
    stored = fresh_site.stored()
    assert stored.rows["images"] == stored.rows["segmentations"] == CALLERS
    assert len(stored.blobs) == 1


def test_the_surfaces_share_one_embedding(fresh_site: Site) -> None:
    fresh_site.segment("/segment/auto")
    fresh_site.store_masks()
    body = {"original_image_id": fresh_site.upload(), "points": [{"x": 1, "y": 1}], "labels": [1]}
    assert fresh_site.client.post("/api/run", json=body).status_code == 200
    assert embeddings(fresh_site).misses == 1


@pytest.mark.alone
def test_probes_answer_at_once_while_the_server_is_full_of_segmentations(serve: Serve) -> None:
    server = serve()
    # More than the server has threads for, each another picture, so that none is answered from a cache.
    pictures = [encoded(scene(400, 300, seed), "JPEG") for seed in range(48)]
    waits: dict[str, list[float]] = {path: [] for path in PROBES}

    def segment(picture: bytes) -> int:
        try:
            return server.client.post("/segment/auto", files={"image": picture}).status_code
        except httpx2.TransportError:
            return 0  # the server is ended before it is done with all of them

    with ThreadPoolExecutor(len(pictures)) as threads:
        busy = [threads.submit(segment, picture) for picture in pictures]
        time.sleep(0.5)
        for _ in range(10):
            for path, waited in waits.items():
                started = time.perf_counter()
                assert server.client.get(path).status_code == 200
                waited.append(time.perf_counter() - started)
        assert not all(future.done() for future in busy)
        server.process.kill()
    assert {future.result() for future in busy} <= {200, 0}
    for path, waited in waits.items():
        # Milliseconds on an idle machine; the bound leaves room for one where other tests run beside this.
        assert statistics.median(waited) < 0.1, path
        assert max(waited) < 1, path


def test_a_segmentation_under_way_is_finished_before_the_server_ends(serve: Serve) -> None:
    server = serve()
    with ThreadPoolExecutor(1) as threads:
        reply = threads.submit(server.client.post, "/segment/auto", files={"image": BIG})
        time.sleep(0.3)
        assert not reply.done()
        server.process.send_signal(signal.SIGTERM)
        assert reply.result(SECONDS).status_code == 200
        assert reply.result().json()["total_masks"] > 0
    assert server.process.wait(SECONDS) == 0


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once_and_without_complaint(serve: Serve, tmp_path: Path, kind: signal.Signals) -> None:
    server = serve()
    assert server.client.get("/health/ready").status_code == 200
    server.client.close()
    started = time.monotonic()
    server.process.send_signal(kind)
    assert server.process.wait(SECONDS) == 0
    assert time.monotonic() - started < 10
    [noise] = tmp_path.glob("server-*.txt")
    assert "Traceback" not in noise.read_text()


def test_a_server_killed_in_the_middle_starts_again_with_what_it_had(serve: Serve) -> None:
    server = serve()
    made = server.client.post("/segment/single", files={"image": photograph("chelsea")}, data={"points": POINT}).json()
    server.process.kill()
    server.process.wait(SECONDS)
    again = serve()
    assert again.client.get(f"/segment/job/{made['job_id']}").json() == made


def test_a_51_megabyte_stream_of_unknown_length_is_refused_while_it_comes(shared_server: Server) -> None:
    def parts() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        yield photograph("chelsea")
        for _ in range(200):
            yield bytes(2**20)
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    reply = shared_server.client.post("/segment/auto", content=parts(), headers=headers)
    assert reply.status_code == 413
    assert reply.json()["error_code"] == "IMAGE_VALIDATION_ERROR"
    assert reply.headers["X-Request-ID"]
