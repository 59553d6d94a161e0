"""A picture becomes a model in a folder, whole or not at all, and other formats of it are made once."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from PIL import Image
from skimage import data

from imagequarry.capabilities.meshes import Meshes
from imagequarry.domain.mesh import FORMATS, MeshOptions, Unwatched
from imagequarry.domain.raster import Raster
from imagequarry.errors import Cancelled, InvalidInput, ModelNotFound, NotFound
from imagequarry.runtime.registering import models
from imagequarry.settings import read_settings
from tests.fixtures.pictures import scene


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Meshes:
    return Meshes(*models(read_settings(data_dir=tmp_path_factory.mktemp("data"))))


@pytest.fixture
def raster() -> Raster:
    return Raster(scene(320, 240), "5" * 64)


@pytest.fixture(scope="module")
def folder(meshes: Meshes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model."""
    folder = tmp_path_factory.mktemp("results") / "a"
    meshes.make(Raster(scene(320, 240), "5" * 64), MeshOptions(3000), None, folder, Unwatched())
    return folder


def test_a_model_and_its_picture_are_in_the_folder_and_told(meshes: Meshes, raster: Raster, tmp_path: Path) -> None:
    made = meshes.make(raster, MeshOptions(5000), None, tmp_path / "new", Unwatched())
    assert (made.model, made.geometry, made.face_limit_applied, made.textured) == ("relief", "2.5d", True, True)
    assert sorted(made.files) == sorted(file.name for file in (tmp_path / "new").iterdir())
    solid = trimesh.load_scene(tmp_path / "new" / "model.glb").to_mesh()
    assert (len(solid.faces), len(solid.vertices)) == (made.faces, made.vertices)
    assert 4900 < made.faces <= 5000
    assert solid.is_watertight
    with Image.open(tmp_path / "new" / "preview.png") as preview:
        assert preview.size == (512, 512)
        assert np.asarray(preview)[..., 3].mean() > 60
    assert made.told()["model"] == "relief"


def test_a_second_attempt_replaces_what_the_first_left(meshes: Meshes, raster: Raster, tmp_path: Path) -> None:
    meshes.make(raster, MeshOptions(5000), None, tmp_path, Unwatched())
    first = meshes.converted(tmp_path, "stl").read_bytes()
    meshes.make(raster, MeshOptions(500), None, tmp_path, Unwatched())
    assert len(meshes.converted(tmp_path, "stl").read_bytes()) < len(first) / 5


def test_every_format_holds_the_same_solid(meshes: Meshes, folder: Path) -> None:
    whole = trimesh.load_scene(meshes.converted(folder, "glb")).to_mesh()
    for format in ("ply", "stl"):
        found = trimesh.load(meshes.converted(folder, format), process=True)
        assert isinstance(found, trimesh.Trimesh)
        assert len(found.faces) == len(whole.faces)
        assert found.is_watertight
        assert found.volume == pytest.approx(whole.volume, rel=1e-3)


def test_an_obj_with_a_texture_is_a_zip_that_names_its_parts(meshes: Meshes, folder: Path, tmp_path: Path) -> None:
    path = meshes.converted(folder, "obj")
    assert path.name == "model.obj.zip"
    with zipfile.ZipFile(path) as packed:
        assert set(packed.namelist()) == {"model.obj", "model.mtl", "texture.jpg"}
        assert "Kd 1.0" in packed.read("model.mtl").decode()
        packed.extractall(tmp_path)
        Image.open(io.BytesIO(packed.read("texture.jpg"))).load()
    found = trimesh.load_scene(tmp_path / "model.obj").to_mesh()
    whole = trimesh.load_scene(folder / "model.glb").to_mesh()
    assert len(found.faces) == len(whole.faces)
    assert found.volume == pytest.approx(whole.volume, rel=1e-3)
    assert found.visual.material.image.size == whole.visual.material.baseColorTexture.size
    assert np.allclose(found.visual.uv[0], whole.visual.uv[0], atol=1e-5)


def test_without_a_texture_an_obj_is_a_file_of_its_own(meshes: Meshes, raster: Raster, tmp_path: Path) -> None:
    made = meshes.make(raster, MeshOptions(500, texture=False), None, tmp_path, Unwatched())
    assert made.textured is False
    path = meshes.converted(tmp_path, "obj")
    assert path.name == "model.obj"
    assert trimesh.load_scene(path).to_mesh().is_watertight


def test_a_conversion_is_done_once_for_all_who_ask_at_once(meshes: Meshes, folder: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        paths = list(threads.map(lambda _: meshes.converted(folder, "ply"), range(8)))
    assert len(set(paths)) == 1
    written = paths[0].stat().st_mtime_ns
    assert meshes.converted(folder, "PLY").stat().st_mtime_ns == written
    assert not list(folder.glob(".*"))


def test_a_model_takes_little_longer_than_a_segmentation(tmp_path: Path) -> None:
    """Both of the same picture, side by side and with nothing kept: what else goes on slows both."""
    pixels = cv2.resize(data.coffee(), (1224, 816), interpolation=cv2.INTER_CUBIC)
    raster = Raster(np.asarray(pixels, np.uint8), "6" * 64)

    def seconds(call: Callable[[], object]) -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    alone, whole = [], []
    for _ in range(3):
        registry, segmentation = models(read_settings(data_dir=tmp_path))
        alone.append(seconds(partial(segmentation.everything, raster)))
        registry, segmentation = models(read_settings(data_dir=tmp_path))
        make = Meshes(registry, segmentation).make
        whole.append(seconds(partial(make, raster, MeshOptions(100_000), "relief", tmp_path / "new", Unwatched())))
    # On a quiet machine the model takes about as long as the segmentation alone.
    assert min(whole) < 2.2 * min(alone)


def test_another_format_is_refused_with_those_there_are(meshes: Meshes, folder: Path) -> None:
    with pytest.raises(InvalidInput, match="glb, obj, ply, stl"):
        meshes.converted(folder, "fbx")


def test_a_folder_without_a_model_is_not_found(meshes: Meshes, tmp_path: Path) -> None:
    for format in FORMATS:
        with pytest.raises(NotFound):
            meshes.converted(tmp_path / "nowhere", format)


def test_a_maker_that_does_not_exist_is_refused_before_anything_is_kept(
    meshes: Meshes, raster: Raster, tmp_path: Path
) -> None:
    with pytest.raises(ModelNotFound):
        meshes.ready("clay")
    with pytest.raises(ModelNotFound):
        meshes.make(raster, MeshOptions(), "region-tree", tmp_path / "new", Unwatched())
    assert not (tmp_path / "new").exists()


def test_who_cancels_gets_no_files(meshes: Meshes, raster: Raster, tmp_path: Path) -> None:
    class Unwanted(Unwatched):
        def check(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        meshes.make(raster, MeshOptions(), None, tmp_path / "new", Unwanted())
    assert not (tmp_path / "new").exists()


def test_the_makers_are_told_with_what_they_give(meshes: Meshes) -> None:
    relief = meshes.available()[-1]
    assert (relief.card.name, relief.ready, relief.geometry, relief.reason) == ("relief", True, "2.5d", "")
    assert relief.formats == ("glb", "obj", "ply", "stl")
