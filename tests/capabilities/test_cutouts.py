"""Cut-outs keep the object's pixels, soften its edge without a halo, and go to files that nobody loses."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from imagequarry.capabilities import cutouts
from imagequarry.capabilities.cutouts import extract_objects, feathered, feathered_png, results_folder, shown
from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.domain.segmenter import Candidate
from imagequarry.errors import InvalidInput, InvalidPath, StorageFailure


def photograph(alpha: Pixels | None = None) -> Raster:
    rgb = data.astronaut()
    rgb.flags.writeable = False
    return Raster(rgb, "a" * 64, alpha)


def disc(y: int, x: int, radius: float, size: tuple[int, int] = (512, 512)) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[: size[0], : size[1]]
    inside: NDArray[np.bool_] = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
    return inside


def candidate(array: NDArray[np.bool_]) -> Candidate:
    return Candidate(Mask.from_array(array), 0.9, 0.9, Point(0, 0), Box(0, 0, array.shape[1], array.shape[0]))


def opened(file: bytes | Path) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGBA")
        return np.array(picture)


@pytest.mark.parametrize("feather", [0.0, 2.0, 9.5])
@pytest.mark.parametrize("centre", [(200, 260), (0, 500), (511, 0)])
def test_the_png_is_the_array(feather: float, centre: tuple[int, int]) -> None:
    mask = Mask.from_array(disc(*centre, 60))
    assert np.array_equal(opened(feathered_png(photograph(), mask, feather)), feathered(photograph(), mask, feather))


def test_no_feather_gives_the_hard_mask_and_the_pictures_own_pixels() -> None:
    inside = disc(250, 250, 100)
    cut = feathered(photograph(), Mask.from_array(inside), 0)
    assert np.array_equal(cut[..., 3], inside * np.uint8(255))
    assert np.array_equal(cut[inside, :3], photograph().rgb[inside])
    assert not cut[~inside].any()


@pytest.mark.parametrize("feather", [1.0, 2.0, 6.0, 20.0])
def test_alpha_falls_smoothly_across_the_outline_and_no_further(feather: float) -> None:
    rows, columns = np.mgrid[:512, :512]
    distance = np.hypot(rows - 250, columns - 250) - 100.5
    alpha = feathered(photograph(), Mask.from_array(disc(250, 250, 100)), feather)[..., 3]
    assert (alpha[distance < -feather / 2 - 1] == 255).all()
    assert (alpha[distance > feather / 2 + 1] == 0).all()
    along = alpha[250, 250:].astype(int)
    assert (np.diff(along) <= 0).all()
    assert along[100] > 127 > along[101], "half is reached at the outline"
    t = np.clip(0.5 - distance / feather, 0, 1)
    assert np.abs(alpha - 255 * t * t * (3 - 2 * t)).mean() < 1


def test_a_feathered_edge_across_many_tiles_is_that_of_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = Mask.from_array(disc(250, 250, 200) & ~disc(300, 200, 40))
    tiled = feathered(photograph(), mask, 31)
    monkeypatch.setattr(cutouts, "_TILE", 4096)
    whole = feathered(photograph(), mask, 31)
    assert np.array_equal(tiled[..., 3], whole[..., 3])
    # Where two pixels inside are equally near, either may give its colour.
    assert (tiled != whole).any(axis=2).mean() < 0.01


def test_no_background_colour_remains_in_the_feathered_edge() -> None:
    inside = disc(100, 100, 50, (200, 200))
    rgb = np.where(inside[..., None], [200, 30, 30], [0, 255, 0]).astype(np.uint8)
    cut = feathered(Raster(rgb, "b" * 64), Mask.from_array(inside), 8)
    assert (cut[cut[..., 3] > 0, :3] == [200, 30, 30]).all()
    assert (cut[~inside, 3] > 0).any()


def test_a_mask_that_fills_the_picture_stays_opaque_to_its_border() -> None:
    cut = feathered(photograph(), Mask.from_array(np.ones((512, 512), dtype=np.bool_)), 10)
    assert (cut[..., 3] == 255).all()


@pytest.mark.parametrize("feather", [0.0, 4.0])
def test_the_pictures_own_alpha_is_multiplied_in(feather: float) -> None:
    mask = Mask.from_array(disc(250, 250, 100))
    own = np.zeros((512, 512), dtype=np.uint8)
    own[:, 200:] = 100
    opaque = feathered(photograph(), mask, feather)[..., 3].astype(float)
    cut = feathered(photograph(own), mask, feather)
    assert (np.abs(cut[..., 3] - opaque * own / 255) <= 0.51).all()
    assert not cut[cut[..., 3] == 0].any()


def test_an_empty_mask_leaves_nothing() -> None:
    assert not opened(feathered_png(photograph(), Mask.empty(512, 512))).any()


@pytest.mark.parametrize("feather", [-1.0, 101.0, float("nan"), float("inf")])
def test_a_feather_that_makes_no_sense_is_refused(feather: float) -> None:
    with pytest.raises(InvalidInput):
        feathered(photograph(), Mask.empty(512, 512), feather)


def test_objects_are_cropped_to_their_box_and_small_ones_skipped(tmp_path: Path) -> None:
    large, small = disc(200, 300, 50), disc(50, 50, 3)
    done = extract_objects(photograph(), [candidate(large), candidate(small)], 1000, tmp_path / "new" / "folder")
    assert done.skipped == 1
    assert [file.name for file in done.saved] == ["object_0.png"]
    cut = opened(done.saved[0])
    assert cut.shape == (101, 101, 4)
    assert np.array_equal(cut[..., 3] == 255, large[150:251, 250:351])
    assert os.listdir(done.saved[0].parent) == ["object_0.png"]


def test_an_object_of_exactly_the_minimum_is_saved(tmp_path: Path) -> None:
    array = np.zeros((512, 512), dtype=np.bool_)
    array[:10, :10] = True
    assert extract_objects(photograph(), [candidate(array)], 100, tmp_path).skipped == 0
    assert extract_objects(photograph(), [candidate(array)], 101, tmp_path).skipped == 1


def test_nothing_to_save_makes_no_folder(tmp_path: Path) -> None:
    assert extract_objects(photograph(), [candidate(disc(9, 9, 2))], 500, tmp_path / "none").saved == ()
    assert not (tmp_path / "none").exists()


def test_a_second_call_goes_on_counting(tmp_path: Path) -> None:
    wanted = [candidate(disc(200, 300, 9)), candidate(disc(300, 200, 9))]
    first = extract_objects(photograph(), wanted, 1, tmp_path)
    before = first.saved[0].read_bytes()
    second = extract_objects(photograph(), wanted, 1, tmp_path)
    assert [file.name for file in (*first.saved, *second.saved)] == [f"object_{n}.png" for n in range(4)]
    assert first.saved[0].read_bytes() == before


def test_many_calls_at_once_lose_nothing(tmp_path: Path) -> None:
    wanted = [candidate(disc(200, 300, 9)), candidate(disc(300, 200, 9))]
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(extract_objects, photograph(), wanted, 1, tmp_path) for _ in range(16)]
    names = [file.name for call in calls for file in call.result().saved]
    assert len(names) == len(set(names)) == len(list(tmp_path.iterdir())) == 32


def test_files_of_a_call_that_fails_midway_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "object_0.png").write_bytes(b"older")
    link = os.link
    linked: list[Path] = []

    def full_disk(source: Path, target: Path) -> None:
        if len(linked) == 2:
            raise OSError(28, "No space left on device")
        link(source, target)
        linked.append(target)

    monkeypatch.setattr(os, "link", full_disk)
    monkeypatch.setattr(Path, "touch", lambda *_, **__: full_disk(tmp_path, tmp_path))
    with pytest.raises(StorageFailure) as caught:
        extract_objects(photograph(), [candidate(disc(200, 300, 9))] * 3, 1, tmp_path)
    assert len(linked) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["object_0.png"]
    assert str(tmp_path) not in caught.value.message


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    for _ in range(2):
        extract_objects(photograph(), [candidate(disc(200, 300, 9))], 1, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["object_0.png", "object_1.png"]
    assert opened(tmp_path / "object_1.png").shape == (19, 19, 4)


def test_a_file_where_the_folder_should_be_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("here")
    for folder in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(InvalidPath):
            extract_objects(photograph(), [candidate(disc(200, 300, 9))], 1, folder)


@pytest.mark.parametrize("save_dir", ["./results", "results", "./results/", "", ".", "./"])
def test_the_documented_default_is_the_results_folder_itself(tmp_path: Path, save_dir: str) -> None:
    assert results_folder(tmp_path, save_dir) == tmp_path.resolve()
    assert shown(tmp_path, tmp_path / "object_0.png") == "./results/object_0.png"


@pytest.mark.parametrize("save_dir", ["./results/cats", "cats", "./cats/", "results//cats"])
def test_other_names_are_folders_below_it(tmp_path: Path, save_dir: str) -> None:
    folder = results_folder(tmp_path, save_dir)
    assert folder == tmp_path.resolve() / "cats"
    assert not folder.exists()
    assert shown(tmp_path, folder / "object_0.png") == "./results/cats/object_0.png"


@pytest.mark.parametrize(
    "save_dir",
    [
        "/etc",
        "//etc",
        "..",
        "../up",
        "./results/../..",
        "cats/../..",
        "a\x00b",
        "a\nb",
        "C:",
        "C:/Windows",
        "C:\\Windows",
        "\\\\server\\share",
        "cats\\..\\..",
        "...",
        ".hidden",
        "cats ",
        "\ud800",
        "a" * 256,
        "ü" * 128,
        "a/" * 600,
        "file?",
        "\u202egnp",
    ],
)
def test_a_save_dir_that_leads_elsewhere_is_refused(tmp_path: Path, save_dir: str) -> None:
    with pytest.raises(InvalidPath) as caught:
        results_folder(tmp_path, save_dir)
    assert str(tmp_path) not in caught.value.message


def test_symbolic_links_do_not_lead_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "out").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    (root / "real").mkdir()
    (root / "in").symlink_to(root / "real")
    for save_dir in ("out", "out/deeper"):
        with pytest.raises(InvalidPath):
            results_folder(root, save_dir)
    assert results_folder(root, "in") == root.resolve() / "real"


def test_a_results_folder_that_is_itself_a_link_works(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    folder = results_folder(tmp_path / "results", "cats")
    assert folder == (tmp_path / "disk" / "cats").resolve()
    assert shown(tmp_path / "results", folder / "object_0.png") == "./results/cats/object_0.png"
