"""What comes from elsewhere is checked whole, simplified only where nothing is lost, and never clamped in silence."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from PIL import Image

from imagequarry.capabilities.meshes import received, written
from imagequarry.capabilities.meshes.shape import Shape
from imagequarry.domain.mesh import MeshOptions, ReadyModel, Unwatched
from imagequarry.engines.embedded.relief import Relief
from imagequarry.errors import ModelFailure
from tests.engines.solids.shapes import SHAPES, picture
from tests.fixtures.pictures import encoded, scene


def glb(limit: int = 2000, *, texture: bool = True) -> bytes:
    mesh = Relief().make(picture(), SHAPES["disc"], MeshOptions(limit, texture=texture), Unwatched())
    return written.of_shape(Shape.of(mesh)).glb


GOOD = glb()


def with_json(change: Callable[[dict[str, object]], object]) -> bytes:
    """The good file with its JSON changed."""
    (size,) = struct.unpack_from("<I", GOOD, 12)
    tree = json.loads(GOOD[20 : 20 + size])
    change(tree)
    head = json.dumps(tree).encode()
    head += b" " * (-len(head) % 4)
    rest = GOOD[20 + size :]
    total = 20 + len(head) + len(rest)
    return b"glTF" + struct.pack("<II", 2, total) + struct.pack("<I", len(head)) + b"JSON" + head + rest


BAD: dict[str, bytes] = {
    "nothing": b"",
    "a web page": b"<!doctype html><title>expired</title>" * 20,
    "version 1": GOOD[:4] + struct.pack("<I", 1) + GOOD[8:],
    "cut short": GOOD[:-500],
    "with something behind": GOOD + b"more",
    "a part longer than the file": GOOD[:12] + struct.pack("<I", 2**31) + GOOD[16:],
    "no JSON first": GOOD[:16] + b"BIN\0" + GOOD[20:],
    "JSON that is none": with_json(lambda tree: tree.clear()).replace(b"{}  ", b"{[] "),
    "JSON that is a list": b"glTF" + struct.pack("<IIII", 2, 24, 4, 0x4E4F534A) + b"[]  ",
    "more numbers than memory": with_json(lambda tree: tree["accessors"][0].update(count=10**12)),  # type: ignore[index]
    "an accessor beyond its buffer": with_json(lambda tree: tree["accessors"][0].update(count=10**6)),  # type: ignore[index]
    "a view that is not there": with_json(lambda tree: tree["accessors"][0].update(bufferView=99)),  # type: ignore[index]
    "no meshes": with_json(lambda tree: tree.update(meshes=[], nodes=[], scenes=[{"nodes": []}])),
    "compressed": with_json(lambda tree: tree.update(extensionsRequired=["KHR_draco_mesh_compression"])),
    "too many nodes": with_json(lambda tree: tree.update(nodes=[{}] * 20_000)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_whole_model_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(ModelFailure) as refusal:
        received.of_ready(ReadyModel(BAD[name]), MeshOptions())
    assert refusal.value.message.endswith(".")


def test_a_good_model_is_kept_to_the_byte_and_drawn() -> None:
    file, preview = received.of_ready(ReadyModel(GOOD), MeshOptions(2000))
    assert file.glb == GOOD
    assert (file.textured, file.notes) == (True, ())
    drawn = Image.open(io.BytesIO(preview))
    assert drawn.size == (512, 512)
    assert np.asarray(drawn)[..., 3].any()


def test_a_textured_model_of_too_many_faces_is_kept_and_that_is_said() -> None:
    file, _ = received.of_ready(ReadyModel(GOOD), MeshOptions(500))
    assert file.glb == GOOD
    assert file.faces > 500
    assert "500" in file.notes[0]
    assert "kept as it came" in file.notes[0]


def test_an_untextured_model_is_simplified_to_the_limit() -> None:
    many = glb(20_000, texture=False)
    file, _ = received.of_ready(ReadyModel(many), MeshOptions(500))
    assert 400 < file.faces <= 500
    assert "simplified" in file.notes[0]
    whole, small = received.read(many), received.read(file.glb)
    solids = [trimesh.Trimesh(shape.vertices, shape.faces) for shape in (whole, small)]
    assert solids[1].volume == pytest.approx(solids[0].volume, rel=0.05)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_preview_that_comes_along_becomes_a_small_png(format: str) -> None:
    _, preview = received.of_ready(ReadyModel(GOOD, encoded(scene(900, 600), format)), MeshOptions())
    drawn = Image.open(io.BytesIO(preview))
    assert (drawn.format, drawn.size) == ("PNG", (512, 341))


def test_a_preview_that_cannot_be_read_is_drawn_anew() -> None:
    _, preview = received.of_ready(ReadyModel(GOOD, b"<html>"), MeshOptions())
    assert Image.open(io.BytesIO(preview)).size == (512, 512)


def test_colours_at_vertices_are_kept() -> None:
    box = trimesh.creation.box()
    box.visual.vertex_colors = np.array([[200, 10, 10, 255]] * 8, np.uint8)
    data = box.export(file_type="glb")
    assert isinstance(data, bytes)
    shape = received.read(data)
    assert shape.colours is not None
    assert (shape.colours == (200, 10, 10)).all()
    file, _ = received.of_ready(ReadyModel(data), MeshOptions(12))
    assert (file.faces, file.textured, file.notes) == (12, False, ())
