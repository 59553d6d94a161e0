"""Prometheus metrics as they are scraped: their form, what is counted under which labels, and their page."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect

from tests.fixtures.background import ended, hand_in, small
from tests.fixtures.metrics import PATH, becomes, families, sample
from tests.fixtures.redis import free_port
from tests.fixtures.server import SECONDS, Serve, Site, open_site
from tests.house.source import ROOT

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|(.*?)\| (.*) \|$", re.MULTILINE)


def value(site: Site, name: str, **labels: str) -> float:
    """The same of what the application tells now."""
    return sample(site.client.get(PATH).text, name, **labels)


def requests(site: Site, method: str, route: str, status: str) -> float:
    return value(site, "imagequarry_http_request_seconds_count", method=method, route=route, status=status)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application that has cut something out, twice, and done a job."""
    with open_site(tmp_path_factory.mktemp("measured"), rate_limit_per_minute=10_000) as site:
        image_id = site.upload("kitten")
        body = {"original_image_id": image_id, "points": [{"x": 9, "y": 9}], "labels": [1]}
        for _ in range(2):
            assert site.client.post("/api/run", json=body).status_code == 200
        assert ended(site.client, hand_in(site.client, "auto", small()))["status"] == "completed"
        yield site


def test_the_content_type_is_the_documented_one_to_the_letter(measured: Site) -> None:
    reply = measured.client.get(PATH)
    assert (reply.status_code, reply.headers["content-type"]) == (200, CONTENT_TYPE)
    head = measured.client.head(PATH)
    assert (head.status_code, head.headers["content-type"], head.content) == (200, CONTENT_TYPE, b"")


def test_requests_are_counted_by_template_and_class_of_status(measured: Site) -> None:
    before = requests(measured, "GET", "/jobs/{job_id}/status", "4xx")
    for name in ("one", "two", "three"):
        assert measured.client.get(f"/jobs/{name}/status").status_code == 404
    assert requests(measured, "GET", "/jobs/{job_id}/status", "4xx") == before + 3
    assert requests(measured, "POST", "/api/run", "2xx") == 2
    assert "/jobs/one" not in measured.client.get(PATH).text


def test_what_reaches_no_route_and_what_is_no_usual_method_are_one_label_each(measured: Site) -> None:
    before = requests(measured, "GET", "unmatched", "4xx")
    for number in range(5):
        assert measured.client.get(f"/nowhere/{number}").status_code == 404
        assert measured.client.request(f"BREW{number}", "/images").status_code == 405
    assert requests(measured, "GET", "unmatched", "4xx") == before + 5
    assert requests(measured, "other", "/images", "4xx") == 5
    assert "BREW" not in measured.client.get(PATH).text


def test_the_steps_of_a_model_are_timed_and_what_was_kept_is_not_done_twice(measured: Site) -> None:
    def steps(stage: str) -> float:
        return value(measured, "imagequarry_engine_seconds_count", stage=stage, model="region-tree")

    assert steps("load") == 1
    assert (steps("embed"), steps("prompt"), steps("everything")) == (2, 2, 1)
    assert value(measured, "imagequarry_engine_seconds_sum", stage="embed", model="region-tree") > 0.001
    assert value(measured, "imagequarry_cache_misses_total", cache="embeddings") == 2
    assert value(measured, "imagequarry_cache_hits_total", cache="embeddings") == 1
    assert value(measured, "imagequarry_cache_hits_total", cache="rasters") == 1
    assert value(measured, "imagequarry_cache_bytes", cache="embeddings") > 1000
    assert value(measured, "imagequarry_model_memory_bytes", model="region-tree") > 1000


def test_a_job_is_counted_with_its_waiting_and_its_work(measured: Site) -> None:
    kind, outcome = "segment-everything", "completed"
    assert value(measured, "imagequarry_job_wait_seconds_count", kind=kind) == 1
    assert value(measured, "imagequarry_job_seconds_count", kind=kind, outcome=outcome) == 1
    assert 0 < value(measured, "imagequarry_job_seconds_sum", kind=kind, outcome=outcome) < 60
    assert value(measured, "imagequarry_jobs_ended_total", kind=kind, outcome=outcome) == 1
    assert value(measured, "imagequarry_job_workers") == 1


def test_a_job_that_waits_is_seen_while_nobody_works(tmp_path: Path) -> None:
    with open_site(tmp_path, job_workers=0) as site:
        assert value(site, "imagequarry_jobs_open", kind="segment-everything", state="queued") == 0
        hand_in(site.client, "auto", small())
        assert value(site, "imagequarry_jobs_open", kind="segment-everything", state="queued") == 1
        assert value(site, "imagequarry_job_longest_wait_seconds") > 0
        assert value(site, "imagequarry_jobs_open", kind="segment-everything", state="running") == 0


def test_a_caller_that_was_refused_as_too_quick_is_counted_by_the_window_that_was_full(tmp_path: Path) -> None:
    with open_site(tmp_path, rate_limit_per_minute=2, rate_limit_per_hour=100) as site:
        statuses = [site.client.get("/models/").status_code for _ in range(5)]
        assert statuses == [200, 200, 429, 429, 429]
        assert value(site, "imagequarry_rate_limited_total", window="60s") == 3
        assert value(site, "imagequarry_rate_limited_total", window="3600s") == 0


def test_an_event_stream_is_open_and_in_flight_and_its_time_is_that_to_its_beginning(serve: Serve) -> None:
    server = serve(JOB_WORKERS="0")
    id = hand_in(server.client, "auto", small())
    route, client = "/api/v1/status/tasks/{task_id}/stream", server.client
    with client.stream("GET", route.format(task_id=id)) as stream:
        lines = stream.iter_lines()  # kept: a stream whose reader is forgotten is closed
        next(lines)
        time.sleep(1.5)
        text = client.get(PATH).text
        assert sample(text, "imagequarry_streams_open", kind="events") == 1
        assert sample(text, "imagequarry_http_requests_in_flight") == 2  # itself, and who asks
        labels = {"method": "GET", "route": route, "status": "2xx"}
        assert sample(text, "imagequarry_http_request_seconds_count", **labels) == 1
        assert sample(text, "imagequarry_http_request_seconds_sum", **labels) < 1.5
    assert becomes(lambda: client.get(PATH).text, 1, "imagequarry_http_requests_in_flight")


def test_a_socket_is_open_while_it_is(serve: Serve) -> None:
    server = serve()
    with connect(server.url.replace("http", "ws") + "/ws") as socket:
        socket.recv(timeout=SECONDS)
        assert sample(server.client.get(PATH).text, "imagequarry_streams_open", kind="websocket") == 1


def test_two_applications_in_one_process_count_apart(tmp_path: Path) -> None:
    with open_site(tmp_path / "one") as one, open_site(tmp_path / "two") as two:
        for _ in range(3):
            one.client.get("/images")
        assert requests(one, "GET", "/images", "2xx") == 3
        assert requests(two, "GET", "/images", "2xx") == 0


def test_metrics_want_a_key_and_their_own_port_does_not(tmp_path: Path) -> None:
    port = free_port()
    with open_site(tmp_path, api_keys=("right",), metrics_enabled=True, metrics_port=port) as site:
        assert site.client.get(PATH).status_code == 401
        assert site.client.get(PATH, headers={"Authorization": "Bearer right"}).status_code == 200
        reply = httpx2.get(f"http://127.0.0.1:{port}/metrics")
        assert (reply.status_code, reply.headers["content-type"]) == (200, CONTENT_TYPE)
        assert families(reply.text)["imagequarry_http_request_seconds"].samples
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{port}/metrics")


def test_the_port_is_closed_unless_it_is_asked_for(tmp_path: Path) -> None:
    port = free_port()
    with open_site(tmp_path, metrics_port=port), pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{port}/metrics")


def test_every_metric_is_documented_with_its_kind_its_labels_and_its_meaning(measured: Site) -> None:
    measured.client.get("/images")
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    rows = {name: (kind, set(re.findall(r"`(\w+)`", labels)), help) for name, kind, labels, help in ROW.findall(page)}
    served = {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            {label for one in family.samples for label in one.labels} - {"le"},
            family.documentation,
        )
        for family in families(measured.client.get(PATH).text).values()
    }
    assert len(served) > 20
    assert {name for name in rows if name not in served} == set()
    assert served == {name: rows.get(name) for name in served}
