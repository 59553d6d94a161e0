"""From a file to what is known of it: once for each content, whole or not at all, whoever asks at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from imagequarry.capabilities.description import Described, Settled
from imagequarry.capabilities.intake import open_picture
from imagequarry.capabilities.roots import Roots
from imagequarry.domain.describing import Tag
from imagequarry.domain.records import StoredImage
from imagequarry.errors import (
    FileTooLarge,
    ImageNotFound,
    InvalidPicture,
    ModelFailure,
    ModelUnavailable,
    NotFound,
    PictureTooLarge,
)
from tests.fixtures.describing import Colours, Desk, Models, Thumbnails, drawing
from tests.fixtures.pictures import encoded, scene


def captioned(desk: Desk, path: Path) -> int:
    """How often the captioner saw the content of that file."""
    return desk.models.speaker.seen[open_picture(path.read_bytes()).raster.digest]


def test_a_file_is_described_with_words_vectors_and_hash(any_desk: Desk) -> None:
    path = any_desk.draw("holiday \U0001f334.png", 3)
    done = any_desk.describer.file(str(path))
    image, file, said = done.image.image, done.image.file, done.image.description
    assert not done.was_duplicate
    assert done.seconds > 0
    assert (image.filename, image.format, image.width, image.height) == ("holiday \U0001f334.png", "PNG", 32, 24)
    assert (image.origin, image.size_bytes) == ("context", path.stat().st_size)
    assert file is not None
    assert (file.path, file.modified_ns) == (str(path), path.stat().st_mtime_ns)
    assert said is not None
    assert said.caption.startswith("A picture that is mostly ")
    assert said.objects == (Tag(said.caption.split()[-1], 0.9), Tag("colour", 0.5))
    assert (said.captioned_by, said.tagged_by) == ("small-caption", "small-objects")
    assert said.perceptual_hash is not None
    assert len(said.perceptual_hash) == 32
    raster = open_picture(path.read_bytes()).raster
    assert any_desk.models.texts is not None
    expected = (
        any_desk.models.pictures.encode([raster])[0],
        any_desk.models.texts.encode([f"{said.caption}. {said.objects[0].name}, colour"])[0],
    )
    for space, vector in zip(any_desk.spaces(), expected, strict=True):
        np.testing.assert_allclose(any_desk.vectors.fetch(space, [image.id])[image.id], vector, atol=1e-6)


def test_a_file_that_did_not_change_is_not_described_again(desk: Desk) -> None:
    path = desk.draw("a.png")
    first = desk.describer.file(str(path))
    again = desk.describer.file(str(path))
    assert again.was_duplicate
    assert again.image == first.image
    assert captioned(desk, path) == 1


def test_force_asks_the_models_again_and_keeps_the_id(desk: Desk) -> None:
    path = desk.draw("a.png")
    first = desk.describer.file(str(path))
    again = desk.describer.file(str(path), force=True)
    assert again.image.image == first.image.image
    assert captioned(desk, path) == 2
    assert desk.rows("images") == desk.rows("descriptions") == 1


def test_a_touched_file_keeps_what_was_said_and_takes_the_new_time(desk: Desk) -> None:
    path = desk.draw("a.png")
    first = desk.describer.file(str(path))
    os.utime(path, ns=(1, 1))
    again = desk.describer.file(str(path))
    assert again.was_duplicate
    assert again.image.image.id == first.image.image.id
    assert again.image.file is not None
    assert again.image.file.modified_ns == 1
    assert captioned(desk, path) == 1


def test_a_file_with_new_content_is_described_anew_under_its_id(any_desk: Desk) -> None:
    path = any_desk.draw("a.png", 1)
    first = any_desk.describer.file(str(path))
    any_desk.draw("a.png", 2)
    again = any_desk.describer.file(str(path))
    assert not again.was_duplicate
    assert again.image.image.id == first.image.image.id
    assert again.image.image.digest != first.image.image.digest
    assert captioned(any_desk, path) == 1
    assert any_desk.rows("images") == 1
    assert any_desk.rows("vectors") == 2


def test_a_copy_elsewhere_is_a_picture_of_its_own_with_the_same_words(any_desk: Desk) -> None:
    first = any_desk.describer.file(str(any_desk.draw("a.png", 1)))
    copy = any_desk.describer.file(str(any_desk.draw("copies/b.png", 1)))
    assert copy.was_duplicate
    assert copy.image.image.id != first.image.image.id
    assert copy.image.description is not None
    assert first.image.description is not None
    assert copy.image.description.caption == first.image.description.caption
    assert any_desk.models.speaker.seen.total() == 1
    for space in any_desk.spaces():
        both = any_desk.vectors.fetch(space, [first.image.image.id, copy.image.image.id])
        np.testing.assert_array_equal(both[first.image.image.id], both[copy.image.image.id])


def test_other_models_describe_again_what_did_not_change(desk: Desk) -> None:
    path = desk.draw("a.png")
    first = desk.describer.file(str(path))
    later = desk.with_models(Models(pictures=Thumbnails(5), version="2"))
    again = later.describer.file(str(path))
    assert again.image.image.id == first.image.image.id
    assert captioned(later, path) == 1
    assert all(later.vectors.count(space) == 1 for space in later.spaces())
    assert later.describer.file(str(path)).was_duplicate
    assert captioned(later, path) == 1


def test_without_a_model_for_texts_a_picture_has_no_text_vector(desk: Desk) -> None:
    mute = desk.with_models(Models(texts=None))
    path = desk.draw("a.png")
    done = mute.describer.file(str(path))
    pictures, texts = mute.spaces()
    assert (mute.vectors.count(pictures), mute.vectors.count(texts)) == (1, 0)
    assert mute.describer.file(str(path)).image == done.image
    # One that comes later fills it in.
    assert desk.describer.file(str(path)).image.image.id == done.image.image.id
    assert desk.vectors.count(texts) == 1


def test_a_picture_that_another_surface_keeps_is_described_in_its_place(any_desk: Desk) -> None:
    data = drawing(7)
    raster = open_picture(data).raster
    image = StoredImage("mine", raster.digest, "", "PNG", 32, 24, len(data), origin="imgr")
    any_desk.library.add(image, data)
    done = any_desk.describer.kept("mine")
    assert (done.image.image.id, done.image.file, done.was_duplicate) == ("mine", None, False)
    assert done.image.description is not None
    assert any_desk.describer.kept("mine").was_duplicate
    copy = any_desk.describer.file(str(any_desk.draw("a.png", 7)))
    assert copy.was_duplicate
    assert any_desk.models.speaker.seen.total() == 1
    with pytest.raises(ImageNotFound):
        any_desk.describer.kept("nobody")


def test_a_file_is_described_again_by_its_id_as_it_is_now(desk: Desk, tmp_path: Path) -> None:
    id = desk.describer.file(str(desk.draw("a.png", 1))).image.image.id
    assert desk.describer.kept(id).was_duplicate
    desk.draw("a.png", 2)
    again = desk.describer.kept(id)
    assert (again.image.image.id, again.was_duplicate) == (id, False)
    elsewhere = desk.describer.below(Roots([tmp_path / "elsewhere"]))
    with pytest.raises(NotFound):
        elsewhere.kept(id)


def test_an_upload_is_registered_first_or_described_at_once(desk: Desk) -> None:
    path = desk.draw("a.png", 1)
    opened = open_picture(path.read_bytes())
    known = desk.describer.registered(opened, str(path))
    assert known.description is None
    done = desk.describer.uploaded(opened, str(path))
    assert done.image.image.id == known.image.id
    assert not done.was_duplicate
    assert done.image.description is not None
    desk.draw("a.png", 2).write_bytes(drawing(3, "BMP"))  # replaced before we came
    changed = desk.describer.uploaded(opened, str(path))
    assert changed.image.image.format == "BMP"
    with pytest.raises(NotFound):
        desk.describer.uploaded(opened, str(desk.folder / "elsewhere.png"))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", InvalidPicture),
        (b"no picture", InvalidPicture),
        (drawing()[:-40], InvalidPicture),
        (encoded(scene(520, 8)), PictureTooLarge),
        (bytes(200_001), FileTooLarge),
    ],
    ids=["empty", "text", "cut short", "wide", "large"],
)
def test_what_is_no_picture_leaves_nothing_behind(desk: Desk, data: bytes, error: type[Exception]) -> None:
    path = desk.folder / "a.png"
    path.write_bytes(data)
    with pytest.raises(error):
        desk.describer.file(str(path))
    assert desk.rows("images") == desk.rows("image_files") == 0


def test_names_for_people_hold_no_control_characters(desk: Desk) -> None:
    path = desk.draw("two\nlines\x7f.png")
    done = desk.describer.file(str(path))
    assert done.image.image.filename == "two lines .png"
    assert done.image.file is not None
    assert done.image.file.path == str(path)


def test_a_picture_that_breaks_a_model_fails_alone(desk: Desk) -> None:
    paths = [desk.draw(f"{n}.png", n) for n in range(4)]
    digest = open_picture(paths[2].read_bytes()).raster.digest
    frail = desk.with_models(Models(Colours(broken=frozenset([digest]))))
    outcomes = frail.describer.describe([frail.describer.take(str(path)) for path in paths])
    assert [isinstance(outcome, Settled) for outcome in outcomes] == [True, True, False, True]
    assert isinstance(outcomes[2], ModelFailure)
    assert frail.rows("images") == 3
    with pytest.raises(ModelFailure, match="could not describe"):
        frail.describer.file(str(paths[2]))


def test_no_model_at_all_is_said_and_nothing_is_kept(desk: Desk) -> None:
    registry = desk.with_models(Models()).models.registry(desk.folder)
    registry._entries.clear()
    desk.describer._models._registry = registry
    with pytest.raises(ModelUnavailable):
        desk.describer.file(str(desk.draw("a.png")))
    assert desk.rows("images") == 0


def test_pictures_of_one_batch_with_one_content_cost_one_look(desk: Desk) -> None:
    paths = [desk.draw(f"{n}.png", n // 2) for n in range(4)]
    outcomes = desk.describer.describe([desk.describer.take(str(path)) for path in paths])
    assert [isinstance(one, Settled) and one.was_duplicate for one in outcomes] == [False, True, False, True]
    assert desk.models.speaker.batches == [2]
    assert desk.rows("descriptions") == 4


def test_two_who_ask_for_one_picture_at_once_get_one_record_and_one_answer(any_desk: Desk) -> None:
    slow = any_desk.with_models(Models(Colours(pause=0.2)))
    path = str(slow.draw("a.png"))
    done = at_once(8, lambda n: slow.describer.file(path))
    assert len({one.image.image.id for one in done}) == 1
    assert sorted(one.was_duplicate for one in done) == [False] + [True] * 7
    assert slow.models.speaker.seen.total() == 1
    assert slow.rows("images") == slow.rows("image_files") == slow.rows("descriptions") == 1


def test_two_processes_that_describe_one_picture_at_once_keep_one_record(any_desk: Desk) -> None:
    desks = [any_desk.with_models(Models(Colours(pause=0.1))) for _ in range(4)]
    path = str(any_desk.draw("a.png"))
    done = at_once(4, lambda n: desks[n].describer.file(path))
    assert len({one.image.image.id for one in done}) == 1
    assert any_desk.rows("images") == any_desk.rows("descriptions") == 1
    assert any_desk.rows("vectors") == 2


def test_who_waits_for_a_picture_that_failed_tries_for_himself(desk: Desk) -> None:
    path = desk.draw("a.png")
    digest = open_picture(path.read_bytes()).raster.digest
    frail = desk.with_models(Models(Colours(pause=0.05, broken=frozenset([digest]))))
    with ThreadPoolExecutor(3) as pool:
        errors = [pool.submit(frail.describer.file, str(path)).exception() for _ in range(3)]
    assert all(isinstance(error, ModelFailure) for error in errors)


def at_once(times: int, ask: Callable[[int], Described]) -> list[Described]:
    """The answers to who all ask in the same moment."""
    gate = threading.Barrier(times)

    def one(n: int) -> Described:
        gate.wait()
        return ask(n)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))
