"""What the server depends on, asked for real: a disk, a Redis, a ledger with jobs that nobody does."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from imagequarry.domain.job import JobLimits, JobOrder
from imagequarry.errors import StorageFailure
from imagequarry.ops import components
from imagequarry.ops.components import Finding
from imagequarry.ops.health import Health
from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_figures import LedgerFigures
from imagequarry.stores.ledger_journal import Journal
from tests.fixtures.redis import RedisServer


def test_a_disk_is_healthy_scarce_or_full_by_what_is_free(tmp_path: Path) -> None:
    free = psutil.disk_usage(str(tmp_path)).free
    places = [tmp_path / "not" / "there", tmp_path]
    assert components.disk_space(places, least=1)().status == "healthy"
    assert components.disk_space(places, least=free // 2)().status == "degraded"
    full = components.disk_space(places, least=free * 2)()
    assert full.status == "unhealthy"
    assert full.message.startswith("Only ")
    assert str(tmp_path) not in full.message


@pytest.mark.alone
def test_a_redis_answers_or_is_told_without_its_password(redis_server: RedisServer) -> None:
    check = components.redis([redis_server.url, redis_server.url.replace("//", "//:word@")][:1])
    assert check() == Finding()
    redis_server.kill()
    began = time.monotonic()
    with pytest.raises(StorageFailure, match=r"^Redis does not answer\.$"):
        check()
    assert time.monotonic() - began < 3
    redis_server.start()
    assert check() == Finding()


def test_of_several_redis_each_must_answer(redis_server: RedisServer) -> None:
    with pytest.raises(StorageFailure):
        components.redis([redis_server.url, "redis://user:word@127.0.0.1:1/0"])()


def test_jobs_that_nobody_does_are_told_and_close_nothing(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(sqlite_database)
    check = components.queue(LedgerFigures(journal), lambda: {"workers": 0, "stuck": 0})
    assert check() == Finding(details={"queued": 0, "running": 0, "workers": 0, "stuck": 0})
    Ledger(journal).add(JobOrder("any", {}), JobLimits())
    assert check().status == "healthy"  # it may be taken in a moment
    monkeypatch.setattr(components, "_UNATTENDED_SECONDS", 0.0)
    waiting = check()
    assert (waiting.status, waiting.message) == ("degraded", "Jobs wait and nobody works on them.")
    assert waiting.details["queued"] == 1
    assert Claims(journal).take("somebody") is not None
    assert check().details["running"] == 1
    assert check().status == "healthy"


def test_workers_that_are_all_stuck_are_told(sqlite_database: Database) -> None:
    figures = LedgerFigures(Journal(sqlite_database))
    assert components.queue(figures, lambda: {"workers": 2, "stuck": 1})().status == "healthy"
    stuck = components.queue(figures, lambda: {"workers": 2, "stuck": 2})()
    assert (stuck.status, stuck.message) == (
        "degraded",
        "Every worker is stuck in a job that is no longer its own.",
    )


def test_one_that_is_degraded_is_told_and_one_that_is_not_needed_closes_no_door(tmp_path: Path) -> None:
    def health(**given: components.Check | None) -> Health:
        return Health("1", {"database": Finding, **given}, lambda: 0, tmp_path)

    assert health(models=lambda: Finding("unhealthy", "None.")).report().status == "unhealthy"
    assert health(models=lambda: Finding("unhealthy", "None.")).is_ready()
    assert health(disk_space=lambda: Finding("degraded", "Little.")).report().status == "degraded"
    assert health(disk_space=lambda: Finding("degraded", "Little.")).is_ready()
    assert not health(disk_space=lambda: Finding("unhealthy", "None.")).is_ready()
    assert health(redis=None).report().status == "healthy"
