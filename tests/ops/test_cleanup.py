"""What cleaning up removes, what it never does, and that a rehearsal tells exactly what the performance does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagequarry.errors import Conflict, ImageNotFound, JobNotFound
from imagequarry.ops.cleanup import Cleanup
from imagequarry.ops.removing import Tally
from imagequarry.runtime.assembling import assemble
from tests.fixtures.ended_jobs import EndedJobs
from tests.fixtures.server import open_site, photograph, settings_in


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[EndedJobs]:
    with open_site(tmp_path / "data", job_workers=0, job_retention_hours=0) as site:
        yield EndedJobs(site)


@pytest.fixture
def cleanup(jobs: EndedJobs) -> Cleanup:
    return jobs.runtime.cleanup


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_the_folder_of_a_job_that_ended_long_ago_goes_and_a_younger_one_stays(
    jobs: EndedJobs, cleanup: Cleanup
) -> None:
    jobs.made(25, {"model.glb": 700, "preview.png": 300})
    young = jobs.made(23)
    assert cleanup.old(24) == Tally(files=2, folders=1, bytes=1000)
    assert names(jobs.results) == {young, f"{young}/model.glb"}


def test_a_rehearsal_removes_nothing_and_tells_what_is_then_removed(jobs: EndedJobs, cleanup: Cleanup) -> None:
    jobs.made(30, {"model.glb": 500, "deep": 3}, with_picture=True)
    jobs.made(40, {}, with_picture=True)  # the same picture: their file goes once
    jobs.extracted(50, {"cats/object_0.png": 40, "object_1.png": 2})
    jobs.folder(str(uuid.uuid4()), 60, {"model.obj": 9})
    jobs.file(jobs.results / "cats" / ".a1b2c3d4.part", 70)
    before, stored = names(jobs.results), jobs.site.stored()
    told = cleanup.old(24, dry_run=True)
    assert (names(jobs.results), jobs.site.stored()) == (before, stored)
    assert told.files == 2 + 2 + 1 + 1 + 1
    assert told.bytes == 503 + 42 + 9 + 10 + len(photograph("kitten"))
    assert told.folders == 3
    assert cleanup.old(24) == told
    assert names(jobs.results) == {"cats"}
    assert cleanup.old(24) == Tally()


@pytest.mark.parametrize("state", ["queued", "running"])
def test_nothing_of_a_job_that_waits_or_runs_is_touched_however_old(
    state: str, jobs: EndedJobs, cleanup: Cleanup
) -> None:
    id = jobs.made(1000, with_picture=True)
    jobs.set_state(id, state)
    assert cleanup.old(0.001) == Tally()
    assert (jobs.results / id / "model.glb").exists()
    assert jobs.runtime.archive.image(id).id == id
    for remove in (cleanup.of_job, cleanup.whole_job):
        with pytest.raises(Conflict, match="not ended"):
            remove(id)


def test_a_job_that_starts_again_between_plan_and_act_keeps_its_files(jobs: EndedJobs, cleanup: Cleanup) -> None:
    id = jobs.made(48)
    (removal,) = cleanup._old(jobs.runtime.board.get(id).created)
    jobs.set_state(id, "queued")
    assert removal.rehearsed().files == 1
    assert removal.done() == Tally()
    assert (jobs.results / id / "model.glb").exists()


def test_objects_in_the_results_go_only_as_far_as_they_belong_to_old_jobs(jobs: EndedJobs, cleanup: Cleanup) -> None:
    jobs.extracted(48, {"cats/object_0.png": 10, "object_0.png": 10})
    jobs.extracted(2, {"cats/object_1.png": 10})
    jobs.file(jobs.results / "object_5.png", 9999)  # cut out while its caller waited: no job's
    jobs.file(jobs.results / "cats" / "notes.txt", 9999)
    assert cleanup.old(24) == Tally(files=2, bytes=20)
    assert names(jobs.results) == {"cats", "cats/object_1.png", "cats/notes.txt", "object_5.png"}


def test_a_file_that_somebody_put_in_the_place_of_a_job_s_stays(jobs: EndedJobs, cleanup: Cleanup) -> None:
    jobs.extracted(48, {"object_0.png": 10})
    jobs.file(jobs.results / "object_0.png", 1, 11)
    assert cleanup.old(24) == Tally()
    assert (jobs.results / "object_0.png").read_bytes() == b"x" * 11


def test_leftovers_go_when_they_are_old_and_never_within_an_hour(jobs: EndedJobs, cleanup: Cleanup) -> None:
    uploads = jobs.site.folder / "uploads"
    for name, hours in (("young_00", 0.9), ("old_0000", 1.1)):
        jobs.file(uploads / "cats" / f".{name}.part", hours)
        jobs.folder(f"cats/.objects-{name}", hours, {"1": 10})
    jobs.folder(f".gone-{uuid.uuid4()}", 2, {"1": 10, "2": 10})
    for theirs in ("lynx.part", ".video.mp4.part", ".hidden"):
        jobs.file(uploads / "cats" / theirs, 99)
    assert cleanup.old(0.01) == Tally(files=4, folders=2, bytes=40)
    assert names(uploads / "cats") == {".young_00.part", "lynx.part", ".video.mp4.part", ".hidden"}
    assert names(jobs.results) == {"cats", "cats/.objects-young_00", "cats/.objects-young_00/1"}


def test_the_folder_of_a_job_that_is_known_no_more_goes_when_nothing_in_it_is_young(
    jobs: EndedJobs, cleanup: Cleanup
) -> None:
    old, young = (jobs.folder(str(uuid.uuid4()), 48, {"model.glb": 10}) for _ in range(2))
    jobs.file(young / "model.stl", 1)
    jobs.folder("not-an-id", 48, {"model.glb": 10})
    assert cleanup.old(24) == Tally(files=1, folders=1, bytes=10)
    assert not old.exists()
    assert young.exists()
    assert (jobs.results / "not-an-id" / "model.glb").exists()


def test_links_are_removed_and_never_followed(jobs: EndedJobs, cleanup: Cleanup, tmp_path: Path) -> None:
    precious = jobs.file(tmp_path / "precious" / "file", 99)
    id = jobs.made(48)
    (jobs.results / id / "link").symlink_to(precious.parent)
    linked = jobs.results / str(uuid.uuid4())
    linked.symlink_to(precious.parent)
    (jobs.results / ".abcdefgh.part").symlink_to(precious)
    cleanup.old(24)
    assert precious.exists()
    assert not (jobs.results / id).exists()
    assert linked.is_symlink()


def test_a_folder_of_results_that_is_itself_a_link_is_cleaned_where_it_leads(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    real.mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "results").symlink_to(real)
    with open_site(tmp_path / "data", job_workers=0) as site:
        jobs = EndedJobs(site)
        jobs.made(48)
        assert jobs.runtime.cleanup.old(24).files == 1


def test_a_picture_stays_as_long_as_anybody_uses_it(jobs: EndedJobs, cleanup: Cleanup) -> None:
    described, segmented, young, alone = (jobs.made(hours, {}, with_picture=True) for hours in (48, 48, 1, 48))
    jobs.runtime.describer.kept(described)
    raster = jobs.runtime.archive.raster(segmented)
    answer = jobs.runtime.segmentation.everything(raster, None, None)
    jobs.runtime.archive.keep_found(str(uuid.uuid4()), segmented, "everything", answer)
    jobs.picture(other := str(uuid.uuid4()), 48)
    of_other = jobs.made(48, {})
    jobs.change("UPDATE jobs SET state = 'running', params = json_set(params, '$.image_id', ?)", other, of_other)
    own = jobs.site.upload()
    cleanup.old(24)
    for id in (described, segmented, young, other, own):
        assert jobs.runtime.archive.image(id)
    with pytest.raises(ImageNotFound):
        jobs.runtime.archive.image(alone)
    jobs.set_state(of_other, "failed")
    cleanup.old(24)
    with pytest.raises(ImageNotFound):
        jobs.runtime.archive.image(other)


def test_several_who_clean_up_at_once_remove_everything_once(jobs: EndedJobs, cleanup: Cleanup) -> None:
    for _ in range(30):
        jobs.made(48, {"model.glb": 10, "preview.png": 1})
    with ThreadPoolExecutor(4) as threads:
        tallies = list(threads.map(lambda _: cleanup.old(24), range(4)))
    whole = sum(tallies, Tally())
    assert (whole.files, whole.folders, whole.bytes, whole.errors) == (60, 30, 330, ())
    assert names(jobs.results) == set()


def test_cleaning_one_job_keeps_its_record_and_what_others_left(jobs: EndedJobs, cleanup: Cleanup) -> None:
    id, other = jobs.made(0, {"model.glb": 100}, with_picture=True), jobs.made(48)
    tally = cleanup.of_job(f"task-{id}")
    assert tally == Tally(files=2, folders=1, bytes=100 + len(photograph("kitten")))
    assert jobs.runtime.board.get(id).state == "completed"
    assert names(jobs.results) == {other, f"{other}/model.glb"}
    assert cleanup.of_job(id) == Tally()


def test_deleting_a_job_removes_files_picture_and_record(jobs: EndedJobs, cleanup: Cleanup) -> None:
    id = jobs.made(0, {"model.glb": 100}, with_picture=True)
    assert cleanup.whole_job(id) == Tally(files=2, folders=1, bytes=100 + len(photograph("kitten")))
    with pytest.raises(JobNotFound):
        jobs.runtime.board.get(id)
    with pytest.raises(ImageNotFound):
        jobs.runtime.archive.image(id)
    for remove in (cleanup.of_job, cleanup.whole_job):
        with pytest.raises(JobNotFound):
            remove(id)


def test_the_last_cleanup_is_remembered_when_the_server_starts_again(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", job_workers=0, job_retention_hours=0) as site:
        jobs = EndedJobs(site)
        assert jobs.runtime.cleanup.last() is None
        jobs.made(48, {"model.glb": 123})
        jobs.runtime.cleanup.old(24, dry_run=True)
        assert jobs.runtime.cleanup.last() is None
        jobs.runtime.cleanup.old(24)
    parts = assemble(settings_in(tmp_path / "data"))
    last = parts.cleanup.last()
    parts.close()
    assert last is not None
    assert (last.files, last.bytes) == (1, 123)
    assert time.time() - last.at.timestamp() < 60


def test_a_record_that_cannot_be_read_is_no_record(jobs: EndedJobs, cleanup: Cleanup) -> None:
    for text in ("", "[]", '{"at": "noon", "files": 1, "bytes": 1}', '{"at": 5}'):
        (jobs.site.folder / "cleanup.json").write_text(text)
        assert cleanup.last() is None


def test_a_server_that_starts_removes_strays_older_than_its_retention(tmp_path: Path) -> None:
    with open_site(tmp_path / "data", job_workers=0) as site:
        stray = EndedJobs(site).folder(str(uuid.uuid4()), 5, {"model.glb": 10})
    with open_site(tmp_path / "data", job_workers=0, job_retention_hours=6):
        time.sleep(0.5)
        assert stray.exists()
    with open_site(tmp_path / "data", job_workers=0, job_retention_hours=4):
        until = time.monotonic() + 60
        while stray.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
