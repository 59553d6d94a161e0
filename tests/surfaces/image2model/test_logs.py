"""/api/v1/logs: every documented example over real log files, exports in every form, and what bad input gets."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from imagequarry.ops.logs import logger
from tests.fixtures.background import ended, hand_in, small
from tests.fixtures.log_lines import NOON, ago, line, request, write
from tests.fixtures.server import Serve, Site, open_site
from tests.surfaces.image2model.test_admin import check_refusal, is_now

TYPES = ["celery_worker", "celery_errors", "application", "access"]


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own that works on jobs and leaves old logs alone."""
    with open_site(tmp_path / "data", log_retention_days=0) as site:
        yield site


def ask(site: Site, method: str, path: str, **params: Any) -> Any:
    """The body of a reply that is well."""
    reply = site.client.request(method, f"/api/v1/logs{path}", params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


def logs(site: Site) -> Path:
    return site.folder / "logs"


def export(site: Site, **params: Any) -> httpx2.Response:
    """The file of an export, once it is ready."""
    started = ask(site, "POST", "/export", **params)
    until = time.monotonic() + 90
    while (reply := site.client.get(started["download_url"])).status_code == 409:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert reply.status_code == 200, reply.text
    return reply


def test_statistics_have_the_documented_fields(logged: Site) -> None:
    write(logs(logged) / "application.log.1", [line(NOON)], NOON)
    body = ask(logged, "GET", "/statistics")
    assert list(body) == [
        "total_files",
        "total_size_mb",
        "oldest_file",
        "newest_file",
        "by_type",
        "log_directory",
        "disk_usage",
    ]
    assert body["total_files"] == 5
    assert body["by_type"] == {"celery_worker": 1, "celery_errors": 1, "application": 2, "access": 1}
    assert body["oldest_file"] == "2024-03-15T12:00:00Z"
    assert is_now(body["newest_file"])
    assert body["log_directory"] == str(logs(logged))
    assert list(body["disk_usage"]) == ["used_mb", "available_mb"]
    assert body["disk_usage"]["used_mb"] == body["total_size_mb"] > 0


def test_a_file_that_needs_it_is_put_aside_and_the_server_writes_on(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", log_rotate_mb=1, job_workers=0) as site:
        write(logs(site) / "celery_worker.log.1", [line(ago(1))])
        for _ in range(2):  # the server itself does it too, at its start
            with (logs(site) / "application.log").open("a") as file:
                file.write((line(ago(0), "x" * 1000) + "\n") * 1100)
            body = ask(site, "POST", "/rotate")
            if body["rotated_files"]:
                break
        assert list(body) == ["rotated_files", "skipped_files", "errors"]
        assert body["rotated_files"] == ["application.log"]
        assert "celery_worker.log.1" in body["skipped_files"]
        assert body["errors"] == []
        logger("imagequarry.test").info("after")
        assert "after" in (logs(site) / "application.log").read_text()
        assert ask(site, "POST", "/rotate")["rotated_files"] == []


def test_old_files_are_deleted_and_told(logged: Site) -> None:
    for days in (20, 40, 70):
        write(logs(logged) / f"access.log.{days}", ["x" * (2**20 - 1)], ago(24 * days))
    body = ask(logged, "DELETE", "/cleanup", older_than_days=60)
    assert body == {"status": "success", "removed_files": 1, "total_size_removed_mb": 1.0, "errors": []}
    assert ask(logged, "DELETE", "/cleanup")["removed_files"] == 1
    assert [path.name for path in logs(logged).glob("access.log.*")] == ["access.log.20"]


def test_an_analysis_has_the_documented_fields_and_counts(logged: Site) -> None:
    text = [request(ago(1), "/api/v1/upload/", 245.04), request(ago(1), "/api/v1/models/generate", 2500)]
    with (logs(logged) / "celery_worker.log").open("a") as file:
        file.write("\n".join([*text, line(ago(1), "Connection timeout", "error"), "torn", ""]))
    body = ask(logged, "GET", "/analyze")
    assert list(body)[:6] == [
        "time_range",
        "log_levels",
        "error_patterns",
        "request_patterns",
        "performance_metrics",
        "lines_analyzed",
    ]
    start, end = (
        datetime.strptime(body["time_range"][name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        for name in ("start", "end")
    )
    assert timedelta(hours=24) <= end - start <= timedelta(hours=24, seconds=1)
    assert (body["log_levels"]["ERROR"], body["error_patterns"]) == (1, {"Connection timeout": 1})
    assert body["request_patterns"] == {"/api/v1/upload/": 1, "/api/v1/models/generate": 1}
    assert body["performance_metrics"] == {"avg_response_time_ms": 1372.5, "max_response_time_ms": 2500}
    assert body["lines_analyzed"] == sum(body["log_levels"].values())
    assert body["lines_skipped"] == 1


def test_requests_and_jobs_are_found_where_they_were_logged(logged: Site) -> None:
    id = hand_in(logged.client, "auto", small())
    assert ended(logged.client, id)["status"] == "completed"
    logged.client.get(f"/nowhere/{id}")
    paths = ask(logged, "GET", "/analyze", log_type="access", hours_back=168)["request_patterns"]
    assert (paths["/segment/auto/async"], paths["/nowhere/{id}"]) == (1, 1)
    assert paths["/jobs/{job_id}/status"] >= 1
    jobs = ask(logged, "GET", "/analyze", log_type="celery_worker", hours_back=1)
    assert jobs["log_levels"]["INFO"] >= 2
    assert jobs["performance_metrics"]["max_response_time_ms"] > 0
    assert '"the job is done"' in (logs(logged) / "celery_worker.log").read_text()
    assert '"the job is done"' not in (logs(logged) / "application.log").read_text()


def test_a_day_is_summed_up(logged: Site) -> None:
    write(logs(logged) / "access.log.1", [request(NOON, "/api/v1/upload/")] * 3 + [request(NOON, "/health")])
    errors = [line(NOON, "Connection timeout", "error")] * 3 + [line(NOON, "Processing failed", "error")] * 2
    write(logs(logged) / "application.log.1", [*errors, line(NOON, "slow", "warning")])
    body = ask(logged, "GET", "/summary/daily", date="2024-03-15")
    assert body == {
        "date": "2024-03-15",
        "total_entries": 10,
        "error_count": 5,
        "warning_count": 1,
        "top_endpoints": [{"endpoint": "/api/v1/upload/", "count": 3}, {"endpoint": "/health", "count": 1}],
        "error_summary": ["Connection timeout (3)", "Processing failed (2)"],
    }
    assert ask(logged, "GET", "/summary/daily", date="2024-03-16")["total_entries"] == 0
    today = ask(logged, "GET", "/summary/daily")
    assert today["total_entries"] > 0
    assert today["date"] == datetime.now(UTC).date().isoformat()


def test_the_types_are_the_documented_ones(logged: Site) -> None:
    body = ask(logged, "GET", "/types")
    assert body == {
        "types": TYPES,
        "descriptions": {
            "celery_worker": "Celery worker process logs",
            "celery_errors": "Celery error logs",
            "application": "Main application logs",
            "access": "HTTP access logs",
        },
    }
    assert {path.name for path in logs(logged).glob("*.log")} == {f"{type}.log" for type in TYPES}


def test_health_has_the_documented_fields(logged: Site) -> None:
    ask(logged, "GET", "/types")
    before = ask(logged, "GET", "/health")
    assert list(before) == [
        "status",
        "log_directory_writable",
        "disk_space_available",
        "rotation_working",
        "recent_errors",
        "last_log_entry",
    ]
    assert (before["status"], before["log_directory_writable"], before["rotation_working"]) == ("healthy", True, True)
    assert is_now(before["last_log_entry"])
    logger("imagequarry.test").error("Connection timeout")
    assert ask(logged, "GET", "/health")["recent_errors"] == before["recent_errors"] + 1


def test_an_export_is_started_and_its_file_is_fetched_whole_or_in_part(logged: Site) -> None:
    write(logs(logged) / "application.log.1", [line(NOON, f"entry {n}", user="Zoë") for n in range(2500)])
    write(logs(logged) / "access.log.1", [request(NOON, "/b"), request(NOON + timedelta(days=1), "/c")])
    body = ask(logged, "POST", "/export", start_date="2024-03-15", end_date="2024-03-15")
    assert list(body) == ["export_id", "status", "estimated_completion", "download_url"]
    assert body["status"] == "started"
    assert body["export_id"].startswith("export_")
    assert is_now(body["estimated_completion"])
    assert body["download_url"] == f"/api/v1/logs/export/{body['export_id']}/download"
    assert ended(logged.client, body["export_id"])["status"] == "completed"

    whole = logged.client.get(body["download_url"])
    assert whole.status_code == 200
    assert whole.headers["Content-Type"] == "application/json"
    assert 'filename="logs_2024-03-15_2024-03-15.json"' in whole.headers["Content-Disposition"]
    entries = whole.json()
    assert [entry["event"] for entry in entries if entry["log_type"] == "application"] == [
        f"entry {n}" for n in range(2500)
    ]
    assert [entry["path"] for entry in entries if entry["log_type"] == "access"] == ["/b"]
    assert entries[0]["user"] == "Zoë"

    head = logged.client.head(body["download_url"])
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(whole.content)))
    part = logged.client.get(body["download_url"], headers={"Range": "bytes=5-24"})
    assert (part.status_code, part.content) == (206, whole.content[5:25])


def test_a_table_runs_nothing_in_a_spreadsheet(logged: Site) -> None:
    evil = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", 'say "hi", then\nleave', "plain"]
    write(logs(logged) / "application.log.1", [line(NOON, text, request_id=f"={n}") for n, text in enumerate(evil)])
    reply = export(logged, start_date="2024-03-15", end_date="2024-03-15", log_types="application", format="csv")
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(reply.text, newline="")))
    assert list(rows[0]) == [
        "timestamp",
        "level",
        "log_type",
        "logger",
        "event",
        "request_id",
        "job_id",
        "details",
    ]
    assert [row["event"] for row in rows] == [f"'{text}" for text in evil[:7]] + evil[7:]
    assert not [cell for row in rows for cell in row.values() if cell.lstrip(" ")[:1] in {*"=+-@\t\r\n", "\0"} - {""}]
    assert rows[0]["timestamp"] == "2024-03-15T12:00:00Z"


def test_a_text_has_one_line_for_each_entry_whatever_it_says(logged: Site) -> None:
    write(
        logs(logged) / "application.log.1",
        [line(NOON, "a\nforged line \x1b[2J", "error", exception="x\ny"), line(NOON, "half \udcff", more=[1])],
    )
    reply = export(logged, start_date="2024-03-01", end_date="2024-03-31", format="txt")
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.text.splitlines() == [
        "2024-03-15T12:00:00Z ERROR    application imagequarry.test: a\\nforged line \\x1b[2J exception=x\\ny",
        "2024-03-15T12:00:00Z INFO     application imagequarry.test: half \\udcff more=[1]",
    ]


def test_an_export_holds_the_types_that_were_asked_for_in_the_order_of_time(logged: Site) -> None:
    minute = timedelta(minutes=1)
    for n, type in enumerate(TYPES):
        write(logs(logged) / f"{type}.log.1", [line(NOON - n * minute, type), line(NOON + n * minute, type)], NOON)
    days = {"start_date": "2024-03-15", "end_date": "2024-03-15"}
    some = export(logged, **days, log_types=" access, application,access").json()
    assert [entry["log_type"] for entry in some] == ["access", "application", "application", "access"]
    assert len(export(logged, **days).json()) == 8
    assert export(logged, start_date="2024-02-01", end_date="2024-02-29").json() == []


def test_what_is_redacted_stays_redacted_in_an_export(logged: Site) -> None:
    logger("imagequarry.test").info("asked", authorization="Bearer s3cret", url="http://me:s3cret@host/")
    today = datetime.now(UTC).date().isoformat()
    text = export(logged, start_date=today, end_date=today, format="csv").text
    assert "[redacted]" in text
    assert "s3cret" not in text


def test_an_export_that_is_not_ready_is_a_conflict_and_one_that_failed_says_why(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", job_workers=0) as site:
        body = ask(site, "POST", "/export", start_date="2024-03-15", end_date="2024-03-15")
        message = check_refusal(site.client.get(body["download_url"]), 409, "CONFLICT")
        assert "not finished yet" in message
        site.client.app.state.runtime.board.cancel(body["export_id"])  # type: ignore[attr-defined]
        message = check_refusal(site.client.get(body["download_url"]), 409, "CONFLICT")
        assert "cancelled" in message


def test_an_export_goes_with_its_job_and_by_age(logged: Site) -> None:
    days = {"start_date": "2024-03-15", "end_date": "2024-03-15"}
    ids = []
    for _ in range(2):
        started = ask(logged, "POST", "/export", **days)
        assert ended(logged.client, started["export_id"])["status"] == "completed"
        ids.append(started["export_id"])
    assert len(list((logged.folder / "exports").iterdir())) == 2
    reply = logged.client.delete(f"/api/v1/admin/delete-job/{ids[0]}")
    assert (reply.status_code, reply.json()["files_deleted"]) == (200, 1)
    check_refusal(logged.client.get(f"/api/v1/logs/export/{ids[0]}/download"), 404, "NOT_FOUND")
    time.sleep(0.1)
    told = logged.client.post("/api/v1/admin/cleanup", json={"hours": 0.00001}).json()
    assert told["files_removed"] == 1
    message = check_refusal(logged.client.get(f"/api/v1/logs/export/{ids[1]}/download"), 404, "NOT_FOUND")
    assert "removed" in message
    assert list((logged.folder / "exports").iterdir()) == []


def test_another_job_is_no_export(logged: Site) -> None:
    id = hand_in(logged.client, "auto", small())
    for other in (id, "export_456", "..", "%00", "x" * 300):
        check_refusal(logged.client.get(f"/api/v1/logs/export/{other}/download"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", f"/cleanup?older_than_days={days}") for days in ("0", "366", "-1", "x", "1.5", "NaN", "")]
    + [("GET", f"/analyze?hours_back={hours}") for hours in ("0", "169", "-1", "x", "1.5")]
    + [("GET", f"/analyze?log_type={type}") for type in ("", "nginx", "../access", "ACCESS")]
    + [
        ("GET", f"/summary/daily?date={date}")
        for date in ("", "today", "2024-3-15", "2024-02-30", "15.03.2024", "0001-01-01", "9999-12-31", "%D9%A2024-03-1")
    ]
    + [
        ("POST", f"/export?{query}")
        for query in (
            "",
            "start_date=2024-03-01",
            "end_date=2024-03-01",
            "start_date=2024-03-02&end_date=2024-03-01",
            "start_date=2024-02-30&end_date=2024-03-01",
            "start_date=1024-03-01&end_date=2024-03-01",
            "start_date=2024-03-01&end_date=9999-03-01",
            "start_date=2024-03-01&end_date=2024-03-01&format=xml",
            "start_date=2024-03-01&end_date=2024-03-01&format=",
            "start_date=2024-03-01&end_date=2024-03-01&log_types=access,nginx",
        )
    ],
)
def test_bad_input_is_refused(method: str, path: str, site: Site) -> None:
    before = site.client.get("/jobs/").json()["total"]
    check_refusal(site.client.request(method, f"/api/v1/logs{path}"), 400, "VALIDATION_ERROR")
    assert site.client.get("/jobs/").json()["total"] == before


def test_a_worker_process_writes_into_the_same_files(serve: Serve, tmp_path: Path) -> None:
    server = serve(JOBS_ISOLATION="process")
    reply = server.client.post("/api/v1/logs/export?start_date=2024-03-15&end_date=2024-03-16")
    assert reply.status_code == 200, reply.text
    assert ended(server.client, reply.json()["export_id"])["status"] == "completed"
    done = [json.loads(text) for text in (tmp_path / "data/logs/celery_worker.log").read_text().splitlines()]
    (said,) = [entry for entry in done if entry["event"] == "the job is done"]
    assert reply.json()["export_id"] == f"export_{said['job_id']}"
    known = server.client.get("/api/v1/logs/analyze").json()
    assert known["lines_analyzed"] >= 2
