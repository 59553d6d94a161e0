"""The jobs that segment, begun again at every bad moment: nothing is kept twice, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagequarry.domain.job import Job
from imagequarry.errors import Cancelled
from imagequarry.jobs import segmenting
from imagequarry.jobs.context import Context, LostLease
from imagequarry.jobs.segmenting import EverythingOrder, ExtractOrder
from imagequarry.runtime import assembling
from imagequarry.runtime.parts import Runtime
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_journal import Journal
from tests.fixtures.background import small
from tests.fixtures.server import settings_in

Claim = Callable[[Job], Context]


@pytest.fixture
def parts(tmp_path: Path, sqlite_url: str) -> Iterator[Runtime]:
    """A server without workers."""
    parts = assembling.assemble(settings_in(tmp_path / "data", job_workers=0, database_url=sqlite_url))
    yield parts
    parts.close()


@pytest.fixture
def claim(parts: Runtime) -> Claim:
    """Takes a job as a worker does."""
    claims = Claims(Journal(parts.database))

    def take(job: Job) -> Context:
        taken = claims.take("worker", job.id)
        assert taken is not None
        return Context(taken, claims)

    return take


@pytest.fixture
def extraction(parts: Runtime) -> Job:
    """A job that cuts objects out."""
    opened = parts.archive.take(small())
    return parts.orders.extract(opened, None, {"pred_iou_thresh": 0.3}, 200, "./results", False, None)


def order_of(job: Job) -> Any:
    return segmenting.EXTRACT.read(job.params)


def names(parts: Runtime) -> list[str]:
    return sorted(file.name for file in parts.results.glob("*"))


def again(context: Context) -> Context:
    """The next attempt at the same job, as it finds its checkpoint."""
    job = context.job
    assert context._claims.postpone(job.claim, 0.0)
    taken = context._claims.take("another", job.id)
    assert taken is not None
    return Context(taken, context._claims)


def test_an_extraction_that_is_begun_again_writes_its_files_once(parts: Runtime, claim: Claim, extraction: Job) -> None:
    context = claim(extraction)
    first = segmenting.extract(context, order_of(extraction), parts.tools)
    kept = {file: file.stat().st_mtime_ns for file in parts.results.glob("*")}
    assert len(kept) == len(first["saved"]) >= 2
    second = segmenting.extract(again(context), order_of(extraction), parts.tools)
    assert second == first
    assert {file: file.stat().st_mtime_ns for file in parts.results.glob("*")} == kept


def test_an_extraction_whose_files_are_gone_writes_them_again(parts: Runtime, claim: Claim, extraction: Job) -> None:
    context = claim(extraction)
    segmenting.extract(context, order_of(extraction), parts.tools)
    (parts.results / "object_0.png").unlink()
    second = segmenting.extract(again(context), order_of(extraction), parts.tools)
    assert all((parts.results / name).exists() for name in second["saved"])


def test_an_extraction_that_lost_its_lease_while_it_wrote_takes_its_files_away(
    parts: Runtime, claim: Claim, extraction: Job
) -> None:
    context = claim(extraction)
    assert context._claims.postpone(context.job.claim, 0.0)
    with pytest.raises(LostLease):
        segmenting.extract(context, order_of(extraction), parts.tools)
    assert names(parts) == []


def test_an_extraction_that_is_called_off_leaves_no_files(parts: Runtime, claim: Claim, extraction: Job) -> None:
    context = claim(extraction)
    context.hear("unwanted")
    with pytest.raises(Cancelled):
        segmenting.extract(context, order_of(extraction), parts.tools)
    assert names(parts) == []


def test_what_an_extraction_saved_goes_only_as_far_as_it_is_still_its_own(
    parts: Runtime, claim: Claim, extraction: Job
) -> None:
    order = order_of(extraction)
    context = claim(extraction)
    saved = segmenting.extract(context, order, parts.tools)["saved"]
    outside = parts.results.parent / "precious.png"
    outside.write_bytes(b"mine")
    (parts.results / saved[0]).unlink()
    (parts.results / saved[0]).symlink_to(outside)
    (parts.results / saved[1]).unlink()
    (parts.results / saved[1]).write_bytes(b"another's")
    stray = {"../precious.png": outside.stat().st_mtime_ns, str(outside): outside.stat().st_mtime_ns}
    context.checkpoint["saved"].update(stray)
    context.progress(0.95, checkpoint=context.checkpoint)
    for _ in range(2):  # it may be called twice
        segmenting.forget_extraction(parts.board.get(extraction.id), order, parts.tools)
    assert names(parts) == sorted(saved[:2])
    assert outside.read_bytes() == b"mine"


def test_a_second_try_replaces_the_masks_of_the_first(parts: Runtime, claim: Claim) -> None:
    job = parts.orders.everything(parts.archive.take(small()), None, {})
    order = EverythingOrder(**job.params)
    context = claim(job)
    first = segmenting.everything(context, order, parts.tools)
    assert segmenting.everything(again(context), order, parts.tools) == first
    assert parts.archive.mask_counts([job.id]) == {job.id: first["total_masks"]}


def test_a_payload_says_which_picture_and_model_it_is_about(extraction: Job) -> None:
    order = order_of(extraction)
    assert isinstance(order, ExtractOrder)
    # The model is settled when the job is handed in: the default of a later day is not the one that was promised.
    assert order.model == extraction.model == "region-tree"
