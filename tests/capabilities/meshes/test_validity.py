"""Every GLB is one by the letter of the standard, as the Khronos validator reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imagequarry.capabilities.meshes import written
from imagequarry.capabilities.meshes.shape import Shape
from imagequarry.domain.mesh import MeshOptions, Unwatched
from imagequarry.engines.embedded.relief import Relief
from tests.engines.solids.shapes import SHAPES, picture
from tests.fixtures.gltf import check_valid, validated

SUBJECTS = {**SHAPES, "no subject": None}


def test_the_validator_finds_nothing_in_any_model(tmp_path: Path) -> None:
    files = []
    for number, (_, subject) in enumerate(SUBJECTS.items()):
        for limit in (12, 700, 20_000):
            for texture in (True, False):
                options = MeshOptions(limit, texture=texture)
                mesh = Relief().make(picture(), subject, options, Unwatched())
                file = tmp_path / f"{number}-{limit}-{texture}.glb"
                file.write_bytes(written.of_shape(Shape.of(mesh)).glb)
                files.append(file)
    check_valid(*files)


def test_the_validator_would_find_something(tmp_path: Path) -> None:
    file = tmp_path / "bad.glb"
    mesh = Relief().make(picture(), SHAPES["disc"], MeshOptions(100), Unwatched())
    faces = mesh.faces.copy()
    faces[0, 0] = len(mesh.vertices)
    shape = Shape(np.vstack([mesh.vertices, mesh.vertices[:1] * 2]), faces)
    glb = written.of_shape(shape).glb
    file.write_bytes(glb.replace(b'"count":' + str(len(mesh.vertices) + 1).encode(), b'"count":' + b"1" * 2))
    assert validated(file)[file]["numErrors"] > 0
