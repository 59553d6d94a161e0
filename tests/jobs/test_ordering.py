"""Handing segmentation in: the picture and its job come and go together, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from imagequarry.capabilities.fractions import FractionPrompts
from imagequarry.domain.geometry import Box
from imagequarry.domain.segmenter import Prompt
from imagequarry.errors import Busy, InvalidPath, InvalidPrompt, JobNotFound, ModelUnavailable, StorageFailure
from imagequarry.runtime import assembling
from imagequarry.runtime.parts import Runtime
from imagequarry.stores.tables import images, job_events, jobs, masks, segmentations
from tests.fixtures.background import base64_of, small
from tests.fixtures.server import settings_in

CLICK = FractionPrompts(((0.5, 0.5, 1),))


@pytest.fixture
def parts(tmp_path: Path, database_url: str) -> Iterator[Runtime]:
    """A server without workers in whose queue three jobs may wait."""
    given = {"job_workers": 0, "job_queue_length": 3, "job_retention_hours": 1}
    parts = assembling.assemble(settings_in(tmp_path / "data", database_url=database_url, **given))
    yield parts
    parts.close()


def kept(parts: Runtime) -> list[int]:
    """How many rows there are in each table."""
    with parts.database.read() as connection:
        tables = (images, segmentations, masks, jobs, job_events)
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def test_nothing_is_kept_of_what_is_refused(parts: Runtime, tmp_path: Path) -> None:
    opened = parts.archive.take(small())
    outside = Prompt(box=Box(0, 0, 1000, 1000))
    with pytest.raises(ModelUnavailable):
        parts.orders.everything(opened, "vit_h", {})
    with pytest.raises(ModelUnavailable):
        parts.orders.batch([base64_of(small())], [CLICK], "vit_h", {})
    with pytest.raises(InvalidPrompt):
        parts.orders.box(opened, None, outside, 3)
    with pytest.raises(InvalidPath):
        parts.orders.extract(opened, None, {}, 1, "..", False, None)
    parts.orders.batch([base64_of(small(n)) for n in range(3)], [CLICK] * 3, None, {})
    before = kept(parts)
    with pytest.raises(Busy):
        parts.orders.everything(opened, None, {})
    with pytest.raises(Busy):
        parts.orders.batch([base64_of(small())] * 2, [CLICK] * 2, None, {})
    assert kept(parts) == before
    assert len([file for file in (tmp_path / "data" / "blobs").rglob("*") if file.is_file()]) == 3


def test_a_segmentation_is_not_kept_when_its_job_cannot_be(parts: Runtime) -> None:
    with parts.database.write() as connection:
        connection.execute(text("DROP TABLE job_events"))
    with pytest.raises(StorageFailure):
        parts.orders.single(parts.archive.take(small()), CLICK, None)
    with parts.database.read() as connection:
        left = [connection.execute(select(func.count()).select_from(t)).scalar_one() for t in (images, masks, jobs)]
    assert left == [0, 0, 0]


def test_a_job_that_is_done_at_once_is_told_by_one_event_and_has_its_result(parts: Runtime) -> None:
    found = parts.orders.single(parts.archive.take(small()), CLICK, None)
    job = parts.board.get(found.id)
    assert (job.state, job.progress, job.attempt, job.model) == ("completed", 1.0, 0, "region-tree")
    assert job.finished is not None
    assert [event.type for event in parts.board.events_after(found.id)] == ["completed"]
    assert parts.board.result(found.id) == {"model": "region-tree", "total_masks": 3, "complete": True}
    assert parts.board.health().get("queued", 0) == 0
    assert parts.archive.mask_counts([found.id]) == {found.id: 3}


def test_deleting_a_batch_removes_its_pictures_and_counts_no_mask_of_others(parts: Runtime) -> None:
    other = parts.orders.single(parts.archive.take(small(0)), CLICK, None)
    batch = parts.orders.batch([base64_of(small(n)) for n in range(2)] + ["aaaa"], [CLICK] * 3, None, {})
    for child in parts.board.children(batch.id).jobs[:2]:
        answer = parts.segmentation.prompted(parts.archive.raster(child.params["image_id"]), [CLICK.placed(64, 48)[0]])
        parts.archive.keep_found(child.id, child.params["image_id"], "single", answer)
    assert parts.archive.mask_counts_of_batches([batch.id]) == {batch.id: 6}
    assert kept(parts)[:4] == [3, 3, 9, 5]
    parts.board.delete(batch.id)
    assert kept(parts)[:4] == [1, 1, 3, 1]
    assert parts.archive.segmentation(other.id).candidates


def test_old_jobs_are_forgotten_with_what_they_keep(parts: Runtime) -> None:
    old = parts.orders.single(parts.archive.take(small(1)), CLICK, None)
    young = parts.orders.single(parts.archive.take(small(2)), CLICK, None)
    waiting = parts.orders.everything(parts.archive.take(small(3)), None, {})
    with parts.database.write() as connection:
        long_ago = select(jobs.c.created).where(jobs.c.id == young.id).scalar_subquery()
        created = connection.execute(select(long_ago)).scalar_one().replace(year=2020)
        connection.execute(jobs.update().where(jobs.c.id == old.id).values(finished=created))
        connection.execute(jobs.update().where(jobs.c.id == waiting.id).values(created=created))
    parts._machinery.reaper.look()
    with pytest.raises(JobNotFound):
        parts.board.get(old.id)
    assert parts.board.get(young.id).state == "completed"
    assert parts.board.get(waiting.id).state == "queued"
    assert kept(parts)[:4] == [2, 1, 3, 2]
