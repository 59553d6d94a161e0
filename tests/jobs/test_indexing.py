"""Folders described in the background, cut off at bad moments, and vectors made anew after a change of model."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagequarry.domain.described import Space
from imagequarry.domain.job import Job, JobLimits
from imagequarry.errors import InvalidInput
from imagequarry.jobs.catalogue import KINDS
from imagequarry.jobs.indexing import AGAIN, INDEX, DirectoryOrder, RenewalOrder, renew
from imagequarry.jobs.machinery import Machinery
from tests.fixtures.describing import Colours, Desk, Letters, Models, Thumbnails
from tests.jobs.indexer import at_work

SECONDS = 90.0


@pytest.fixture
def idle(desk: Desk) -> Iterator[Machinery]:
    """Takes jobs in; does none before it is started."""
    made = at_work(desk)
    yield made
    made.close()


def hand_in(crew: Machinery, desk: Desk, **options: bool) -> Job:
    return crew.board.submit("index-directory", DirectoryOrder(str(desk.folder), **options))


def ended(crew: Machinery, job: Job) -> Job:
    until = time.monotonic() + SECONDS
    while not (now := crew.board.get(job.id)).ended:
        assert time.monotonic() < until, now
        time.sleep(0.02)
    return now


def described(crew: Machinery, desk: Desk, least: int) -> None:
    """Returns when so many are."""
    until = time.monotonic() + SECONDS
    while desk.rows("descriptions") < least:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_both_kinds_are_among_those_of_the_server() -> None:
    assert {INDEX, AGAIN} <= set(KINDS)


def test_a_folder_is_described_in_the_background(desk: Desk, idle: Machinery) -> None:
    for n in range(6):
        desk.draw(f"album/{n}.png", n)
    (desk.folder / "broken.png").write_bytes(b"x")
    job = hand_in(idle, desk, recursive=True)
    idle.start()
    assert ended(idle, job).state == "completed"
    result = idle.board.result(job.id)
    assert (result["total_files"], result["processed"], result["skipped"], result["failed"]) == (7, 6, 0, 1)
    assert set(result["processed_ids"]) == set(desk.descriptions.ids_below(str(desk.folder / "album")))
    assert result["failed_files"] == [str(desk.folder / "broken.png")]
    assert result["processing_time"] >= 0
    messages = [event.data.get("message") for event in idle.board.events_after(job.id) if event.type == "progress"]
    assert "Processing image 5 of 7" in messages


def test_a_folder_that_is_gone_or_elsewhere_fails_with_a_sentence(desk: Desk, idle: Machinery, tmp_path: Path) -> None:
    idle.start()
    for folder in (desk.folder / "missing", tmp_path):
        job = ended(idle, idle.board.submit("index-directory", DirectoryOrder(str(folder))))
        assert job.error is not None
        assert (job.state, job.error.code, job.error.message) == (
            "failed",
            "NOT_FOUND",
            f"Directory not found: {folder}",
        )


def test_a_folder_may_take_days_and_as_many_tries_as_other_jobs(desk: Desk) -> None:
    crew = at_work(desk, tries=5)
    days = 7 * 86_400
    job = hand_in(crew, desk)
    assert (job.limits.hard, job.limits.max_attempts) == (days, 5)
    assert days - 3600 < job.limits.soft < days
    short = crew.board.submit("index-directory", DirectoryOrder("x"), limits=JobLimits(1, 2, 1))
    assert short.limits == JobLimits(1, 2, 1)
    long = crew.board.submit("index-directory", DirectoryOrder("x"), limits=JobLimits(9e6, 9e6, 1))
    assert long.limits == JobLimits(days, days, 1)
    crew.close()


def test_a_job_of_another_version_is_refused_with_a_sentence() -> None:
    with pytest.raises(InvalidInput):
        INDEX.read({"recursive": True})
    assert INDEX.read(INDEX.write(DirectoryOrder("/a", True, False))) == DirectoryOrder("/a", True, False)
    assert AGAIN.read(AGAIN.write(RenewalOrder())) == RenewalOrder()


def test_a_cancelled_folder_keeps_what_is_done_and_can_be_taken_up_again(desk: Desk, tmp_path: Path) -> None:
    for n in range(24):
        desk.draw(f"{n:02}.png", n)
    slow = desk.with_models(Models(Colours(pause=0.1)))
    crew = at_work(slow)
    crew.start()
    job = hand_in(crew, slow)
    described(crew, slow, 4)
    crew.board.cancel(job.id)
    assert ended(crew, job).state == "cancelled"
    done = slow.rows("descriptions")
    assert 4 <= done < 24
    crew.board.retry(job.id)
    assert ended(crew, job).state == "completed"
    result = crew.board.result(job.id)
    assert (result["total_files"], result["processed"], result["skipped"]) == (24, 24, 0)
    assert len(set(result["processed_ids"])) == 24
    assert set(slow.models.speaker.seen.values()) == {1}
    crew.close()


@pytest.mark.parametrize("force", [False, True])
def test_a_worker_killed_in_the_middle_of_a_folder_is_followed_by_one_that_goes_on(
    desk: Desk, idle: Machinery, sqlite_url: str, tmp_path: Path, force: bool
) -> None:
    for n in range(40):
        desk.draw(f"{n:02}.png", n)
    if force:
        desk.directories.process(".")
        with desk.database.write() as connection:
            connection.exec_driver_sql("UPDATE descriptions SET caption = 'old'")
    job = hand_in(idle, desk, force=force)
    worker = subprocess.Popen([sys.executable, "-m", "tests.jobs.indexer", sqlite_url, str(tmp_path)])
    try:
        until = time.monotonic() + SECONDS
        while new(desk) < 8:
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        worker.kill()
        worker.wait()
    before = new(desk)
    assert 8 <= before < 40
    desk.models.speaker.seen.clear()
    idle.start()
    now = ended(idle, job)
    assert (now.state, now.attempt) == ("completed", 2)
    result = idle.board.result(job.id)
    assert (result["total_files"], result["processed"], result["skipped"], result["failed"]) == (40, 40, 0, 0)
    assert len(set(result["processed_ids"])) == 40
    assert desk.models.speaker.seen.total() == 40 - before
    assert desk.rows("images") == desk.rows("descriptions") == new(desk) == 40
    assert desk.rows("vectors") == 80


def new(desk: Desk) -> int:
    """How many were described by the job."""
    with desk.database.read() as connection:
        query = "SELECT count(*) FROM descriptions WHERE caption <> 'old'"
        return int(connection.exec_driver_sql(query).scalar_one())


def test_a_server_that_stops_puts_the_folder_back(desk: Desk) -> None:
    for n in range(24):
        desk.draw(f"{n:02}.png", n)
    slow = desk.with_models(Models(Colours(pause=0.1)))
    crew = at_work(slow)
    crew.start()
    job = hand_in(crew, slow)
    described(crew, slow, 4)
    crew.close()
    left = crew.board.get(job.id)
    assert (left.state, slow.rows("descriptions") < 24) == ("queued", True)
    second = at_work(desk)
    second.start()
    assert ended(second, job).state == "completed"
    assert second.board.result(job.id)["processed"] == 24
    second.close()


def other(desk: Desk) -> Desk:
    """The same pictures, and models that make other vectors."""
    return desk.with_models(Models(pictures=Thumbnails(5), texts=Letters(48), version="2"))


def keys(desk: Desk) -> dict[str, int]:
    return desk.vectors.spaces()


def whole(spaces: tuple[Space, ...], count: int) -> dict[str, int]:
    return {space.key: count for space in spaces}


def test_after_a_change_of_model_vectors_are_made_anew_and_old_ones_go(desk: Desk) -> None:
    for n in range(10):
        desk.draw(f"{n}.png", n)
    assert not desk.describer.renewal.needed()
    desk.directories.process(".")
    assert not desk.describer.renewal.needed()
    later = other(desk)
    crew = at_work(later)
    job = renew(crew.board, later.describer)
    assert job is not None
    assert renew(crew.board, later.describer) is None  # one waits already
    assert keys(later) == whole(desk.spaces(), 10)
    crew.start()
    assert ended(crew, job).state == "completed"
    assert crew.board.result(job.id) == {
        "made": 20,
        "failed": 0,
        "dropped": [space.key for space in desk.spaces()],
    }
    assert keys(later) == whole(later.spaces(), 10)
    assert later.models.speaker.seen.total() == 0  # words stay as they are
    assert renew(crew.board, later.describer) is None
    crew.close()


def test_vectors_made_anew_are_those_that_describing_would_make(desk: Desk) -> None:
    path = desk.draw("a.png", 3)
    id = desk.describer.file(str(path)).image.image.id
    later = other(desk)
    later.describer.renewal.run()
    renewed = [later.vectors.fetch(space, [id])[id].tolist() for space in later.spaces()]
    later.describer.file(str(path), force=True)
    assert renewed == [later.vectors.fetch(space, [id])[id].tolist() for space in later.spaces()]


def test_old_vectors_stay_until_the_new_are_complete(desk: Desk) -> None:
    for n in range(10):
        desk.draw(f"{n}.png", n)
    desk.directories.process(".")
    shutil.move(desk.folder / "3.png", desk.folder / "moved")
    later = other(desk)
    renewed = later.describer.renewal.run()
    assert (renewed.made, renewed.failed) == (19, 1)
    pictures, texts = desk.spaces()
    assert renewed.dropped == (texts.key,)
    assert keys(later)[pictures.key] == 10
    assert later.describer.renewal.needed()
    shutil.move(desk.folder / "moved", desk.folder / "3.png")
    again = later.describer.renewal.run()
    assert (again.made, again.failed, again.dropped) == (1, 0, (pictures.key,))
    assert not later.describer.renewal.needed()


def test_a_model_for_texts_that_comes_later_fills_what_is_missing(desk: Desk) -> None:
    desk.draw("a.png")
    mute = desk.with_models(Models(texts=None))
    mute.directories.process(".")
    assert not mute.describer.renewal.needed()
    assert desk.describer.renewal.needed()
    assert desk.describer.renewal.run().made == 1
    assert keys(desk) == whole(desk.spaces(), 1)
    # And one that goes leaves its vectors for when it comes back.
    assert mute.describer.renewal.run().dropped == ()
    assert keys(mute) == whole(desk.spaces(), 1)
