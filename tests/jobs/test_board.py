"""Handing work in: what is refused, and what is safe once it is taken."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import pytest

from imagequarry.domain.job import JobLimits
from imagequarry.errors import Busy, Conflict, InvalidInput, JobNotFound
from imagequarry.jobs.board import Board, Wish
from imagequarry.jobs.kinds import Kinds
from imagequarry.jobs.reaper import Reaper
from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_journal import Journal
from imagequarry.stores.ledger_upkeep import Upkeep
from tests.jobs.trivial import KINDS, Nap


@dataclass
class Slate:
    """A queue that writes down whom it woke, or cannot be reached."""

    woken: list[str] = field(default_factory=list)
    broken: bool = False
    places: int = 100

    def wake(self, job_id: str) -> None:
        if self.broken:
            raise ConnectionError("redis://:password@host")
        self.woken.append(job_id)

    def room(self) -> int:
        return self.places

    def start(self) -> None: ...

    def close(self) -> None: ...

    def health(self) -> dict[str, int]:
        return {"workers": 0}


@pytest.fixture
def slate() -> Slate:
    return Slate()


@pytest.fixture
def board(database: Database, slate: Slate) -> Board:
    return Board(Ledger(Journal(database)), slate, Kinds(KINDS), JobLimits(5, 10, 2), queue_length=30)


def test_a_job_has_the_id_that_its_owner_chose_alone_or_in_a_batch(board: Board) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    assert board.submit("nap", Nap("n"), id=first).id == first
    batch = board.submit("nap", Nap("all"), children=[Wish("nap", Nap("a"), id=second), Wish("nap", Nap("b"))])
    named, other = board.children(batch.id).jobs
    assert named.id == second
    assert other.id not in (first, second, batch.id)


def test_what_is_handed_in_is_kept_and_wakes_a_worker(board: Board, slate: Slate) -> None:
    job = board.submit("nap", Nap("n", 1.5, 3), model="vit_h")
    assert slate.woken == [job.id]
    assert job.params == {"name": "n", "seconds": 1.5, "steps": 3, "folder": ""}
    assert job.limits == JobLimits(5, 10, 2)
    assert Kinds(KINDS)["nap"].read(job.params) == Nap("n", 1.5, 3)
    assert board.page(model="vit_h").jobs == (job,)


def test_a_broker_that_is_away_loses_no_job(board: Board, slate: Slate, database: Database) -> None:
    slate.broken = True
    job = board.submit("nap", Nap())
    assert board.get(job.id).state == "queued"
    reaper = Reaper(Upkeep(Journal(database)), slate, dispatch_seconds=0)
    reaper.look()
    slate.broken = False
    reaper.look()
    assert slate.woken == [job.id]


def test_the_reaper_fills_the_queue_no_further_than_it_has_room(board: Board, slate: Slate, database: Database) -> None:
    batch = board.submit("batch", Nap(), children=[Wish("nap", Nap(str(n))) for n in range(30)])
    assert len(slate.woken) == 16
    slate.places = 10
    reaper = Reaper(Upkeep(Journal(database)), slate)
    reaper.look()
    assert len(slate.woken) == 26
    reaper.look()
    assert sorted(slate.woken) == sorted(job.id for job in board.children(batch.id, limit=99).jobs)


def test_more_than_the_queue_takes_is_busy_and_says_when_to_come_again(board: Board) -> None:
    for _ in range(30):
        board.submit("nap", Nap())
    with pytest.raises(Busy) as caught:
        board.submit("nap", Nap())
    assert caught.value.details == {"retry_after": 10}
    with pytest.raises(InvalidInput, match="30 jobs at most"):
        board.submit("batch", Nap(), children=[Wish("nap", Nap())] * 31)
    assert board.page().total == 30
    board.cancel(board.page(1).jobs[0].id)
    board.submit("nap", Nap())


def test_a_limit_beyond_that_of_the_server_is_brought_down_to_it(board: Board) -> None:
    assert board.submit("nap", Nap(), limits=JobLimits(50, 100, 7)).limits == JobLimits(10, 10, 7)
    assert board.submit("nap", Nap(), limits=JobLimits(1, 2, 7)).limits == JobLimits(1, 2, 7)


@pytest.mark.parametrize("limits", [(0, 1, 1), (2, 1, 1), (1, float("nan"), 1), (float("inf"),) * 2 + (1,), (1, 1, 0)])
def test_limits_that_are_none_are_refused(limits: tuple[float, float, int]) -> None:
    with pytest.raises(InvalidInput):
        JobLimits(*limits)


def test_an_unknown_kind_and_a_payload_of_another_kind_are_refused(board: Board) -> None:
    with pytest.raises(InvalidInput, match="no kind of job"):
        board.submit("dream", Nap())
    with pytest.raises(InvalidInput, match="other parameters"):
        board.submit("nap", {"name": "n"})
    with pytest.raises(InvalidInput, match="cannot be read"):
        Kinds(KINDS)["nap"].read({"name": "n", "seconds": "long"})
    assert board.page().total == 0


def test_a_job_is_deleted_whatever_it_does(board: Board) -> None:
    job = board.submit("nap", Nap())
    board.delete(f"task-{job.id}")
    with pytest.raises(JobNotFound):
        board.get(job.id)
    batch = board.submit("batch", Nap(), children=[Wish("nap", Nap())] * 3)
    child = board.children(batch.id).jobs[0]
    with pytest.raises(Conflict):
        board.delete(child.id)
    board.delete(batch.id)
    assert board.health() == {"workers": 0}


def test_a_thousand_pictures_are_one_batch(database: Database, slate: Slate) -> None:
    board = Board(Ledger(Journal(database)), slate, Kinds(KINDS), JobLimits(), queue_length=1000)
    batch = board.submit("batch", Nap(), children=[Wish("nap", Nap(str(n))) for n in range(1000)])
    assert (batch.children, len(slate.woken)) == (1000, 16)
    assert [job.params["name"] for job in board.children(batch.id, 3, 997).jobs] == ["997", "998", "999"]
