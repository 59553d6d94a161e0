"""One reader for all jobs: nothing missed, nothing twice, nothing of what was before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, insert, select

from imagequarry.domain.job import JobLimits, JobOrder, WatchedEvent
from imagequarry.domain.records import utc_now
from imagequarry.errors import JobNotFound
from imagequarry.jobs.bells import Bell
from imagequarry.jobs.watching import News, Position, Watching
from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_journal import Journal
from imagequarry.stores.ledger_stream import EventLog
from imagequarry.stores.tables import job_events

SECONDS = 60.0


class Diary:
    """What one reader told."""

    def __init__(self) -> None:
        self.news: list[News] = []

    def __call__(self, news: News) -> None:
        self.news.append(news)

    @property
    def events(self) -> list[WatchedEvent]:
        return [watched for news in self.news for watched in news.events]

    @property
    def numbers(self) -> list[int]:
        return [watched.event.seq for watched in self.events]

    @property
    def position(self) -> Position:
        return self.news[-1].position


def wait_until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.005)


class Stage:
    """A database, its jobs, and a watching of them that hears the bell."""

    def __init__(self, database: Database) -> None:
        self.database = database
        bell = Bell()
        journal = Journal(database, bell.ring)
        self.ledger = Ledger(journal)
        self.claims = Claims(journal)
        self.watching = Watching(EventLog(database), bell)

    def run(self, steps: int = 0, kind: str = "x") -> str:
        id = self.ledger.add(JobOrder(kind, {}), JobLimits())[0].id
        taken = self.claims.take("w", id)
        assert taken is not None
        for step in range(steps):
            self.claims.progress(taken.claim, step / steps, f"step {step}")
        self.claims.complete(taken.claim, None)
        return id

    @contextmanager
    def followed(self, watching: Watching | None = None) -> Iterator[Diary]:
        """A diary of what happens inside."""
        diary = Diary()
        reader = (watching or self.watching).begin(diary)
        wait_until(lambda: diary.news)
        yield diary
        reader.end(SECONDS)

    def write(self, connection: Connection, id: str, number: int | None = None) -> int:
        """An event of a transaction that is still open; its number."""
        values = {"job_id": id, "at": utc_now(), "type": "log", "data": {}}
        if number is not None:
            values["seq"] = number
        return int(connection.execute(insert(job_events).values(values).returning(job_events.c.seq)).scalar_one())


@pytest.fixture
def stage(database: Database) -> Stage:
    return Stage(database)


def test_what_happens_to_any_job_is_told_once_and_in_order(stage: Stage) -> None:
    stage.run(3)
    with stage.followed() as diary:
        ids = [stage.run(4, kind) for kind in ("x", "y")]
        wait_until(lambda: [w.event.type for w in diary.events].count("completed") == 2)
        time.sleep(0.05)
    for id, kind in zip(ids, ("x", "y"), strict=True):
        mine = [watched for watched in diary.events if watched.event.job_id == id]
        assert [w.event.type for w in mine] == ["queued", "started", *["progress"] * 4, "completed"]
        assert {(w.kind, w.parent_id) for w in mine} == {(kind, None)}
        assert mine[-1].progress == 1.0
    assert {watched.event.job_id for watched in diary.events} == set(ids)
    assert diary.numbers == sorted(set(diary.numbers))


def test_a_batch_and_its_jobs_are_told_apart(stage: Stage) -> None:
    with stage.followed() as diary:
        batch, _ = stage.ledger.add(JobOrder("batch", {}), JobLimits(), [JobOrder("x", {})] * 3)
        wait_until(lambda: len(diary.events) == 4)
    assert [w.parent_id for w in diary.events] == [None, *[batch.id] * 3]


def test_the_reader_is_told_at_once(stage: Stage) -> None:
    arrived: list[float] = []
    reader = stage.watching.begin(lambda news: arrived.extend(time.monotonic() for _ in news.events))
    delays = []
    for _ in range(9):
        time.sleep(0.06)
        before, told = len(arrived), time.monotonic()
        stage.ledger.add(JobOrder("x", {}), JobLimits())
        wait_until(lambda: len(arrived) > before)  # noqa: B023 - called before the next turn
        delays.append(arrived[-1] - told)
    reader.end(SECONDS)
    assert sorted(delays)[4] < 0.2  # who only looked from time to time would need 0.25 s


def test_the_reader_needs_no_bell(stage: Stage) -> None:
    with stage.followed(Watching(EventLog(stage.database), Bell())) as diary:
        stage.run()
        wait_until(lambda: len(diary.events) == 3)


def test_events_whose_numbers_are_committed_out_of_order_are_not_missed(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    database.migrate()
    stage = Stage(database)
    ids = [stage.ledger.add(JobOrder("x", {}), JobLimits())[0].id for _ in range(4)]
    with database.write() as before:
        early = stage.write(before, ids[0])  # drawn before the reader begins, committed after
        stage.ledger.add(JobOrder("x", {}), JobLimits())
        with stage.followed() as diary:
            with database.write() as slow:
                first = stage.write(slow, ids[1])
                with database.write() as quick:
                    second = stage.write(quick, ids[2])
                wait_until(lambda: second in diary.numbers)
                assert not diary.position.has_passed(first)
                assert diary.position.has_passed(second)
                third = stage.write(slow, ids[1])
            wait_until(lambda: {first, third} <= set(diary.numbers))
            before.commit()
            wait_until(lambda: early in diary.numbers)
            with database.write() as gone:
                lost = stage.write(gone, ids[3])
                gone.rollback()
            stage.run()
            wait_until(lambda: diary.position.highest > lost)
            assert diary.numbers.count(first) == diary.numbers.count(early) == diary.numbers.count(third) == 1
            assert len(diary.numbers) == len(set(diary.numbers))
    database.close()


def test_readers_beside_many_writers_miss_nothing(stage: Stage) -> None:
    with stage.followed() as diary:
        threads = [threading.Thread(target=lambda: [stage.run(5) for _ in range(5)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        with stage.database.read() as connection:
            written = set(connection.execute(select(job_events.c.seq)).scalars())
        assert len(written) == 4 * 5 * 8
        wait_until(lambda: set(diary.numbers) == written)
        assert len(diary.numbers) == len(written)


@pytest.mark.alone
def test_what_was_before_is_not_read(sqlite_database: Database) -> None:
    stage = Stage(sqlite_database)
    id = stage.ledger.add(JobOrder("x", {}), JobLimits())[0].id
    many = 50_000
    with sqlite_database.write() as connection:
        moment = utc_now()
        connection.execute(
            insert(job_events), [{"job_id": id, "at": moment, "type": "log", "data": {}} for _ in range(many)]
        )
    began = time.monotonic()
    with stage.followed() as diary:
        assert time.monotonic() - began < 2
        stage.run()
        wait_until(lambda: len(diary.events) == 3)
        assert time.monotonic() - began < 4
        began = time.monotonic()
        assert len(stage.watching.past(diary.position, 0, 1000)) == 1000
        assert stage.watching.past(diary.position, 0, 1000, {"nothing"}) == []
        assert time.monotonic() - began < 2


def test_a_gap_with_a_million_numbers_in_it_costs_nothing(sqlite_database: Database) -> None:
    stage = Stage(sqlite_database)
    id = stage.ledger.add(JobOrder("x", {}), JobLimits())[0].id
    with stage.followed() as diary:
        with sqlite_database.write() as connection:
            for number in range(1_000_000, 400_000_000, 1_000_000):
                stage.write(connection, id, number)
        wait_until(lambda: len(diary.events) == 399)
        assert len(diary.position.gaps) <= 100
        with sqlite_database.write() as connection:
            stage.write(connection, id, 398_500_000)
        wait_until(lambda: len(diary.events) == 400)
        assert diary.numbers[-1] == 398_500_000
        assert diary.position.has_passed(398_500_000)
        assert not diary.position.has_passed(398_500_001)


def test_the_past_and_the_news_make_one_whole(stage: Stage) -> None:
    old = [stage.run(2), stage.run(0, "y")]
    child = stage.ledger.add(JobOrder("batch", {}), JobLimits(), [JobOrder("x", {})])[0]
    with stage.followed() as diary:
        position = diary.position
        stage.run()
        past = stage.watching.past(position, 0)
        assert [w.event.type for w in past].count("queued") == 3  # the job of the batch is left out
        assert [w.event.job_id for w in stage.watching.past(position, 0, kinds={"y"})] == [old[1]] * 3
        assert [w.event.job_id for w in stage.watching.past(position, past[-2].event.seq)] == [child.id]
        mine = stage.watching.past_of_job(f"task-{old[0]}", position, 0, 100)
        assert [w.event.type for w in mine] == ["queued", "started", "progress", "progress", "completed"]
        assert stage.watching.past_of_job(old[0], position, mine[2].event.seq, 100) == mine[3:]
        assert stage.watching.past_of_job(old[0], position) == mine[-1:]
        assert stage.watching.past_of_job(old[0], position, 2**70) == []
        wait_until(lambda: len(diary.events) == 3)
        assert not {w.event.seq for w in past} & set(diary.numbers)


def test_a_batch_s_past_is_its_own_and_what_its_jobs_say(stage: Stage) -> None:
    batch, _ = stage.ledger.add(JobOrder("batch", {}), JobLimits(), [JobOrder("x", {})] * 2)
    stage.run()
    for child in stage.ledger.page(parent_id=batch.id).jobs:
        taken = stage.claims.take("w", child.id)
        assert taken is not None
        stage.claims.progress(taken.claim, 0.5, "half")
        stage.claims.log(taken.claim, "info", "said")
        stage.claims.complete(taken.claim, None)
    past = stage.watching.past_of_family(f"task-{batch.id}")
    told = [(w.event.type, w.event.job_id == batch.id) for w in past]
    one = [("progress", True), ("log", False)]
    assert told == [("queued", True), ("started", True), *one, ("progress", True), *one, ("completed", True)]
    assert [w.event.seq for w in past] == sorted({w.event.seq for w in past})
    assert stage.watching.past_of_family(batch.id, past[2].event.seq) == past[3:]
    assert stage.watching.past_of_family(batch.id, 0, 2) == past[-2:]
    assert stage.watching.past_of_family(batch.id, 2**70) == stage.watching.past_of_family("nothing") == []


def test_jobs_that_were_deleted_are_told_from_those_that_are_there(stage: Stage) -> None:
    here, gone = stage.run(), stage.run()
    stage.ledger.remove(gone)
    assert stage.watching.gone([here, gone, "nothing"]) == {gone, "nothing"}
    assert stage.watching.gone([here]) == stage.watching.gone([]) == set()


@pytest.mark.alone
def test_the_past_of_one_of_many_jobs_is_found_at_once(sqlite_database: Database) -> None:
    stage = Stage(sqlite_database)
    busy, quiet = stage.run(), stage.run()
    with sqlite_database.write() as connection:
        rows = [{"job_id": busy, "at": utc_now(), "type": "log", "data": {}} for _ in range(50_000)]
        connection.execute(insert(job_events), rows)
    began = time.monotonic()
    for _ in range(20):
        assert len(stage.watching.past_of_family(quiet)) == 3
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("id", ["nothing", "", "../..", "x" * 5000])
def test_a_job_that_is_not_there_has_no_past(sqlite_database: Database, id: str) -> None:
    with pytest.raises(JobNotFound):
        Stage(sqlite_database).watching.past_of_job(id, Position(0))


def test_a_reader_survives_a_database_that_is_away_and_a_watcher_that_fails(sqlite_database: Database) -> None:
    stage = Stage(sqlite_database)
    told = []

    def tell(news: News) -> None:
        told.append(news)
        raise RuntimeError("gone")

    reader = stage.watching.begin(tell)
    wait_until(lambda: told)
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE job_events RENAME TO elsewhere")
    time.sleep(0.7)
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO job_events")
    stage.run()
    wait_until(lambda: sum(len(news.events) for news in told) == 3)
    reader.end(SECONDS)


def test_a_reader_that_ended_tells_nothing(sqlite_database: Database) -> None:
    stage = Stage(sqlite_database)
    with stage.followed() as diary:
        pass
    stage.run()
    time.sleep(0.1)
    assert diary.events == []
    assert not [thread for thread in threading.enumerate() if thread.name == "job watcher"]


def test_the_reader_looks_rarely_when_nothing_happens(sqlite_database: Database) -> None:
    looks = []

    class Counting(EventLog):
        def after(self, *given: object, **named: object) -> list[WatchedEvent]:
            looks.append(given)
            return super().after(*given, **named)  # type: ignore[arg-type]

    stage = Stage(sqlite_database)
    with stage.followed(Watching(Counting(sqlite_database), Bell())):
        time.sleep(1.2)
    assert 2 <= len(looks) <= 5
