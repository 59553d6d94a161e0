"""The jobs that make models, begun again and called off at every bad moment: nothing is lost, nothing left behind."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from imagequarry.domain.job import Job, JobLimits
from imagequarry.domain.mesh import MeshOptions
from imagequarry.errors import Busy, Cancelled, ImageNotFound, InvalidPicture, JobNotFound, ModelNotFound, NotFound
from imagequarry.jobs import modelling
from imagequarry.jobs.catalogue import KINDS
from imagequarry.jobs.context import Context, LostLease
from imagequarry.jobs.kinds import Kinds
from imagequarry.jobs.model_orders import ModelWish, Upload
from imagequarry.jobs.modelling import ModelOrder
from imagequarry.jobs.runner import Runner
from imagequarry.runtime import assembling
from imagequarry.runtime.parts import Runtime
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_journal import Journal
from imagequarry.stores.tables import images
from tests.fixtures.background import small
from tests.fixtures.server import settings_in

Claim = Callable[[Job], Context]
FEW = ModelWish(options=MeshOptions(face_limit=200))


@pytest.fixture
def parts(tmp_path: Path, database_url: str) -> Iterator[Runtime]:
    """A server without workers in whose queue four jobs may wait."""
    given = {"job_workers": 0, "job_queue_length": 4, "database_url": database_url, "fal_timeout": 1000}
    parts = assembling.assemble(settings_in(tmp_path / "data", **given))
    yield parts
    parts.close()


@pytest.fixture
def claims(parts: Runtime) -> Claims:
    return Claims(Journal(parts.database))


@pytest.fixture
def claim(claims: Claims) -> Claim:
    """Takes a job as a worker does."""

    def take(job: Job) -> Context:
        taken = claims.take("worker", job.id)
        assert taken is not None
        return Context(taken, claims)

    return take


def upload(parts: Runtime, *pictures: bytes, wish: ModelWish = FEW) -> Upload:
    return parts.model_orders.upload([(f"{n}.png", io.BytesIO(data)) for n, data in enumerate(pictures)], wish)


def only_child(parts: Runtime, taken: Upload) -> Job:
    return parts.board.get(taken.files[0].id)


def order_of(job: Job) -> ModelOrder:
    order = modelling.MODEL.read(job.params)
    assert isinstance(order, ModelOrder)
    return order


def work(parts: Runtime, claims: Claims) -> None:
    """Do all that waits."""
    runner = Runner(claims, Kinds(KINDS), parts.tools)
    while runner.run():
        pass


def kept_pictures(parts: Runtime) -> int:
    with parts.database.read() as connection:
        return connection.execute(select(func.count()).select_from(images)).scalar_one()


def files(parts: Runtime) -> set[str]:
    return {path.relative_to(parts.results).as_posix() for path in parts.results.rglob("*") if path.is_file()}


def test_a_file_its_picture_and_its_job_have_one_id(parts: Runtime) -> None:
    taken = upload(parts, small(), small(1))
    children = parts.board.children(taken.job.id).jobs
    assert [child.id for child in children] == [file.id for file in taken.files]
    assert [child.kind for child in children] == ["make-model"] * 2
    assert {child.model for child in children} | {taken.job.model} == {"relief"}
    assert [order_of(child).image_id for child in children] == [child.id for child in children]
    assert parts.archive.image(children[0].id).origin == "image2model"
    assert order_of(children[1]) == ModelOrder(children[1].id, "relief", "1.png", MeshOptions(face_limit=200))


def test_a_model_is_made_and_told_of(parts: Runtime, claims: Claims) -> None:
    taken = upload(parts, small())
    work(parts, claims)
    id = taken.files[0].id
    result = parts.board.result(id)
    assert (result["model"], result["geometry"], result["filename"]) == ("relief", "2.5d", "0.png")
    assert 12 <= result["faces"] <= 200
    assert {f"{id}/{name}" for name in result["files"]} == files(parts)
    log = [event.data for event in parts.board.events_after(id) if event.type == "log"]
    assert log[-1]["message"] == f"The model has {result['faces']} faces."
    assert parts.board.get(taken.job.id).state == "completed"


def test_progress_never_goes_back(parts: Runtime, claims: Claims, claim: Claim) -> None:
    told: list[float] = []

    class Listening(Context):
        """Writes down all that the work tells of itself, also what is too much for the ledger."""

        def progress(self, fraction: float, message: str = "", checkpoint: object = None) -> None:
            told.append(fraction)

    job = only_child(parts, upload(parts, small()))
    modelling.make(Listening(claim(job).job, claims), order_of(job), parts.tools)
    assert len(told) > 3
    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] <= 1


def test_a_second_try_makes_the_same_model_in_the_place_of_the_first(
    parts: Runtime, claims: Claims, claim: Claim
) -> None:
    job = only_child(parts, upload(parts, small()))
    first = claim(job)
    made = modelling.make(first, order_of(job), parts.tools)
    before = files(parts)
    assert claims.postpone(first.job.claim, 0.0)
    assert modelling.make(claim(job), order_of(job), parts.tools) == made
    assert files(parts) == before


def test_a_job_that_is_called_off_leaves_no_files(parts: Runtime, claim: Claim) -> None:
    job = only_child(parts, upload(parts, small()))
    context = claim(job)
    context.hear("unwanted")
    with pytest.raises(Cancelled):
        modelling.make(context, order_of(job), parts.tools)
    assert files(parts) == set()
    assert parts.archive.image(job.id).id == job.id


@pytest.mark.parametrize("whole", [True, False])
def test_a_job_that_is_deleted_while_it_writes_takes_its_files_away(parts: Runtime, claim: Claim, whole: bool) -> None:
    job = parts.model_orders.generate(parts.archive.keep(parts.archive.take(small()), "p", "imgr").id, FEW)

    class Deleted(Context):
        """Its job is deleted after the last look before the files are written: with its row, or not yet."""

        def progress(self, fraction: float, message: str = "", checkpoint: object = None) -> None:
            if "writing" in message:
                modelling.forget(job, order_of(job), parts.tools)
                if whole:
                    parts.board.delete(job.id)

    context = claim(job)
    with pytest.raises((Cancelled, ImageNotFound)):
        modelling.make(Deleted(context.job, context._claims), order_of(job), parts.tools)
    assert files(parts) == set()


def test_who_lost_a_job_to_another_worker_leaves_what_lies_there(parts: Runtime, claims: Claims, claim: Claim) -> None:
    job = only_child(parts, upload(parts, small()))
    first = claim(job)
    assert claims.postpone(first.job.claim, 0.0)
    modelling.make(claim(job), order_of(job), parts.tools)
    with pytest.raises(LostLease):
        modelling.make(first, order_of(job), parts.tools)
    assert len(files(parts)) == 2


def test_a_file_that_is_no_picture_fails_with_its_reason_in_its_turn(parts: Runtime, claims: Claims) -> None:
    taken = upload(parts, b"junk", small())
    assert taken.files[0].fault
    assert not taken.files[1].fault
    work(parts, claims)
    broken = parts.board.get(taken.files[0].id)
    assert broken.error is not None
    assert (broken.state, broken.error.code, broken.error.message) == (
        "failed",
        "INVALID_PICTURE",
        taken.files[0].fault,
    )
    assert parts.board.get(taken.job.id).state == "completed"


def test_an_upload_of_nothing_but_junk_keeps_nothing(parts: Runtime) -> None:
    with pytest.raises(InvalidPicture) as refusal:
        upload(parts, b"junk", b"")
    assert refusal.value.details == {"file": "0.png"}
    assert kept_pictures(parts) == parts.board.page().total == 0


def test_nothing_is_kept_of_what_is_refused(parts: Runtime) -> None:
    with pytest.raises(ModelNotFound):
        upload(parts, small(), wish=ModelWish("nonsense"))
    with pytest.raises(ImageNotFound):
        parts.model_orders.generate("nothing", FEW)
    upload(parts, small(), small(1), small(2))
    with pytest.raises(Busy):
        upload(parts, small(3), small(4))
    parts.archive.keep(parts.archive.take(small()), "p", "imgr")
    parts.model_orders.generate("p", FEW)
    with pytest.raises(Busy):
        parts.model_orders.generate("p", FEW)
    assert kept_pictures(parts) == 5


def test_deleting_an_upload_removes_pictures_and_models_of_it_alone(
    parts: Runtime, claims: Claims, tmp_path: Path
) -> None:
    parts.archive.keep(parts.archive.take(small(7)), "mine", "imgr")
    taken = upload(parts, small(), small(7))
    of_mine = parts.model_orders.generate("mine", FEW)
    of_uploaded = parts.model_orders.generate(taken.files[0].id, FEW)
    work(parts, claims)
    parts.board.delete(taken.job.id)
    with pytest.raises(ImageNotFound):
        parts.archive.image(taken.files[0].id)
    # The job made of the uploaded picture has it still, and so has the surface that took the same picture in.
    assert parts.archive.raster(of_uploaded.id).size == parts.archive.raster("mine").size
    assert {name.partition("/")[0] for name in files(parts)} == {of_mine.id, of_uploaded.id}
    parts.board.delete(of_mine.id)
    parts.board.delete(of_uploaded.id)
    assert files(parts) == set()
    assert kept_pictures(parts) == 1
    assert parts.archive.file("mine")[1] == small(7)
    assert len([file for file in (tmp_path / "data" / "blobs").rglob("*") if file.is_file()]) == 1


def test_what_a_job_keeps_may_be_forgotten_twice_and_a_link_is_not_followed(parts: Runtime, tmp_path: Path) -> None:
    job = only_child(parts, upload(parts, small()))
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"mine")
    parts.results.mkdir(parents=True, exist_ok=True)
    modelling.folder_of(parts.results, job.id).symlink_to(precious)
    for _ in range(2):
        modelling.forget(job, order_of(job), parts.tools)
    assert (precious / "file").read_bytes() == b"mine"
    with pytest.raises(NotFound):
        parts.model_files.one(job.id, "file")


def test_a_retry_of_a_batch_makes_what_failed(parts: Runtime, claims: Claims) -> None:
    taken = upload(parts, small(), small(1))
    parts.board.cancel(taken.job.id)
    assert parts.board.get(taken.job.id).state == "cancelled"
    parts.board.retry(taken.job.id)
    work(parts, claims)
    assert parts.board.get(taken.job.id).children_completed == 2
    assert len(parts.model_files.models(taken.job.id)) == 2


def test_a_job_that_asks_a_service_elsewhere_may_take_as_long_as_it(parts: Runtime) -> None:
    job = only_child(parts, upload(parts, small()))
    assert (job.limits.soft, job.limits.hard) == (540, 600)
    remote = replace(parts.meshes.ready("relief"), name="elsewhere", family="remote")
    limits = parts.model_orders._job_limits(remote)
    assert limits == JobLimits(1120, 1180, 3)
    handed_in = parts.board.submit(modelling.MODEL.name, ModelOrder(None, "elsewhere"), limits=limits)
    assert handed_in.limits == limits


def test_the_time_it_takes_is_learned_from_what_was_made(parts: Runtime, claims: Claims) -> None:
    waiting = only_child(parts, upload(parts, small()))
    assert parts.model_orders.seconds_left(waiting) == 10
    work(parts, claims)
    done = parts.board.get(waiting.id)
    assert parts.model_orders.seconds_left(done) == 0
    assert done.started is not None
    assert done.finished is not None
    took = (done.finished - done.started).total_seconds()
    taken = upload(parts, small(1), small(2))
    assert parts.model_orders.seconds_left(only_child(parts, taken)) == pytest.approx(took)
    assert parts.model_orders.seconds_left(taken.job) == pytest.approx(2 * took)


def test_files_of_a_batch_are_called_after_their_pictures_each_by_a_name_of_its_own(
    parts: Runtime, claims: Claims
) -> None:
    names = ["Cat.jpg", "cat.png", "a:b?.jpg", ".."]
    taken = parts.model_orders.upload([(name, io.BytesIO(small(n))) for n, name in enumerate(names)], FEW)
    assert parts.model_files.models(taken.job.id) == []
    work(parts, claims)
    listed = parts.model_files.models(taken.job.id)
    assert [file.name for file in listed] == ["Cat.glb", "cat-2.glb", "a_b_.glb", "picture.glb"]
    assert [file.preview for file in listed][:2] == ["Cat-preview.png", "cat-2-preview.png"]
    assert parts.model_files.one(taken.job.id, "cat-2.glb").path.parent.name == taken.files[1].id
    assert parts.model_files.one(taken.job.id, "cat-2-preview.png").media_type == "image/png"
    with pytest.raises(JobNotFound):
        parts.model_files.models("nothing")
