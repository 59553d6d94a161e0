"""Models in space of photographs of one megapixel: ``python -m bench.meshes`` prints the tables and writes them into
docs/benchmarks.md; ``--quick`` takes fewer pictures and prints only.

What is measured against the target is the whole of making a model of 100,000 faces less a search for everything in the
same picture, both with nothing kept from before.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from bench import page
from bench.measuring import cost, machine
from imagequarry.capabilities.meshes import MadeModel, Meshes, formats, preview, received, written
from imagequarry.capabilities.meshes.shape import Shape
from imagequarry.capabilities.meshes.subject import subject_of
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.mesh import MeshOptions, Unwatched
from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.relief import Relief
from imagequarry.runtime.registering import models
from imagequarry.settings import read_settings

FACES, TARGET = 100_000, 0.5

Table = list[tuple[str, ...]]


def photographs() -> dict[str, Raster]:
    """Photographs enlarged to one megapixel."""
    found = {}
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        pixels = getattr(data, name)()
        factor = (1_000_000 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
        large = cv2.resize(np.ascontiguousarray(pixels), None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        rgb = np.asarray(large, np.uint8)
        found[name] = Raster(rgb, hashlib.sha256(rgb.tobytes()).hexdigest())
    return found


def fresh(folder: Path) -> tuple[Meshes, Segmentation]:
    """Makers that have not seen a picture yet."""
    registry, segmentation = models(read_settings(data_dir=folder))
    return Meshes(registry, segmentation), segmentation


def whole(pictures: dict[str, Raster], folder: Path) -> tuple[Table, float]:
    """The table, and the most seconds of processor time on top of a segmentation."""
    most = 0.0
    rows: Table = [("picture", "segmentation alone", "model of 100,000 faces", "on top", "faces")]
    for name, raster in pictures.items():
        alone = cost(partial(_segmented, raster, folder))
        make = partial(_made, raster, folder, name)
        made = cost(make)
        most = max(most, made.work - alone.work)
        rows.append(
            (
                name,
                f"{alone.wall:.2f} s ({alone.work:.2f})",
                f"{made.wall:.2f} s ({made.work:.2f})",
                f"{made.wall - alone.wall:.2f} s ({made.work - alone.work:.2f})",
                f"{make().faces:,}",
            )
        )
    return rows, most


def _segmented(raster: Raster, folder: Path) -> object:
    return fresh(folder)[1].everything(raster)


def _made(raster: Raster, folder: Path, name: str) -> MadeModel:
    return fresh(folder)[0].make(raster, MeshOptions(FACES), "relief", folder / name, Unwatched())


def steps(raster: Raster, folder: Path) -> Table:
    """Each part of the work by itself."""
    _, segmentation = models(read_settings(data_dir=folder))
    subject = subject_of(raster, segmentation, Unwatched())
    assert subject is not None
    mesh = Relief().make(raster, subject, MeshOptions(FACES), Unwatched())
    shape = Shape.of(mesh)
    glb = written.of_shape(shape).glb
    parts: dict[str, Callable[[], object]] = {
        "finding the subject in an embedded picture": lambda: subject_of(raster, segmentation, Unwatched()),
        "building": lambda: Relief().make(raster, subject, MeshOptions(FACES), Unwatched()),
        "building a slab": lambda: Relief().make(raster, None, MeshOptions(FACES), Unwatched()),
        "GLB": lambda: written.of_shape(shape),
        "preview": lambda: preview.of_shape(shape),
        "reading the GLB": lambda: received.read(glb),
        "GLB to OBJ": lambda: formats.convert(glb, "obj"),
        "GLB to PLY": lambda: formats.convert(glb, "ply"),
        "GLB to STL": lambda: formats.convert(glb, "stl"),
    }
    rows: Table = [("step", "time")]
    for name, call in parts.items():
        taken = cost(call, times=5)
        rows.append((name, f"{taken.wall * 1e3:.0f} ms ({taken.work * 1e3:.0f})"))
    return rows


def _markdown(rows: Table) -> str:
    head, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *body)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one picture; nothing is written")
    quick: bool = parser.parse_args().quick
    pictures = photographs()
    chosen = {"coffee": pictures["coffee"]} if quick else pictures
    with tempfile.TemporaryDirectory() as folder:
        parts = [f"On {machine()}. In brackets the seconds of all cores together. Pictures of 1 MP.\n"]
        print(time.strftime("%H:%M"), parts[0], flush=True)
        rows, most = whole(chosen, Path(folder))
        for table in (rows, steps(pictures["coffee"], Path(folder))):
            parts.append(_markdown(table))
            print(parts[-1], flush=True)
    parts.append(
        f"The target is {TARGET} s on top of the segmentation; by processor time it is "
        f"{'met' if most <= TARGET else 'not met'}: {most:.2f} s at most. The subject is looked for at 512 "
        "pixels, which is less work than the segmentation that it is compared with."
    )
    print(parts[-1], flush=True)
    if not quick:
        page.write("Models in space", "\n".join(parts))


if __name__ == "__main__":
    main()
