"""Objects cut out of a picture: RGBA with a hard or a feathered edge, in memory or as files."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagequarry.capabilities import png
from imagequarry.capabilities.files import folder_below
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.domain.segmenter import Candidate
from imagequarry.errors import InvalidInput, InvalidPath, StorageFailure

# A lens and a sensor spread an edge over about two pixels, whatever the picture's size; more eats thin parts.
DEFAULT_FEATHER = 2.0
MAX_FEATHER = 100.0

_TILE = 256  # pixels a side: tiles the outline does not run through need no feathering
_OBJECT_NAME = re.compile(r"object_(\d{1,9})\.png")


@dataclass(frozen=True, slots=True)
class Extraction:
    """The files written, in the order of the candidates, and how many candidates were too small."""

    saved: tuple[Path, ...]
    skipped: int


def feathered(raster: Raster, mask: Mask, feather: float = DEFAULT_FEATHER) -> Pixels:
    """The picture with only the masked object left, its alpha edge feathered: (H, W, 4) RGBA, not premultiplied.

    ``feather`` is the width in pixels, 0..100, of the ramp from opaque to transparent, half of it on either side of
    the outline; 0 gives the hard mask exactly. Alpha is the smoothstep 3t^2 - 2t^3 of the signed distance to the
    outline (5 x 5 chamfer distance transform, Borgefors 1986). Outside the outline the ramp takes the colour of the
    nearest pixel inside, so that no halo of background remains; the picture's own alpha is multiplied in. Where
    nothing is left, the colour is black. A mask that reaches the picture's border is not feathered there.
    """
    rows, columns, cut = _cut(raster, mask, feather)
    canvas = np.zeros((*raster.size, 4), dtype=np.uint8)
    canvas[rows, columns] = cut
    return canvas


def feathered_png(raster: Raster, mask: Mask, feather: float = DEFAULT_FEATHER) -> bytes:
    """``feathered`` as a PNG of the picture's size, without the full canvas in memory."""
    rows, columns, cut = _cut(raster, mask, feather)
    band = np.zeros((len(cut), raster.width, 4), dtype=np.uint8)
    band[:, columns] = cut
    return png.with_blank_margins(band, rows.start, raster.height)


def extract_objects(
    raster: Raster, candidates: Sequence[Candidate], min_pixels: int, folder: Path, feather: float = 0.0
) -> Extraction:
    """Writes each candidate of at least ``min_pixels`` pixels as an RGBA PNG, cropped to its box, into the folder.

    The folder is made when there is something to write. Files are named object_0.png, object_1.png and so on, after
    the highest number already there: no call overwrites another's, not even from another process. Files appear whole,
    and all of them or none: when one cannot be written, those of this call are removed. InvalidPath where the folder's
    name is taken by a file, StorageFailure where the disk refuses.
    """
    wanted = [candidate.mask for candidate in candidates if candidate.mask.area >= max(min_pixels, 1)]
    skipped = len(candidates) - len(wanted)
    if not wanted:
        return Extraction((), skipped)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".objects-", dir=folder) as staging:
            staged = [Path(staging, str(number)) for number in range(len(wanted))]
            for file, mask in zip(staged, wanted, strict=True):
                _, _, cut = _cut(raster, mask, feather)
                file.write_bytes(png.with_blank_margins(cut, 0, len(cut)))
            return Extraction(_published(staged, folder), skipped)
    except (FileExistsError, NotADirectoryError) as error:
        raise InvalidPath("There is a file where the folder should be.") from error
    except OSError as error:
        raise StorageFailure("The objects could not be written.") from error


def results_folder(root: Path, save_dir: str) -> Path:
    """The folder below ``root`` that a caller means by ``save_dir``; nothing is created.

    ``./results``, as documented, is the root itself and so is an empty name; ``./results/cats`` and ``cats`` are both
    the folder cats in it. InvalidPath for absolute paths, drive letters, backslashes, ``..``, names that begin or
    end with a dot or a space, control characters, overlong names, and symbolic links that lead out.
    """
    return folder_below(root, save_dir, "results", "save_dir")


def shown(root: Path, file: Path) -> str:
    """How a reply names a file below the results folder: ``./results/cats/object_0.png``."""
    return "./results/" + file.resolve().relative_to(root.resolve()).as_posix()


def _cut(raster: Raster, mask: Mask, feather: float) -> tuple[slice, slice, Pixels]:
    """Rows, columns and RGBA pixels of the part of the picture in which anything of the object is left."""
    if not 0 <= feather <= MAX_FEATHER:
        raise InvalidInput(f"feather must be a number of pixels from 0 to {MAX_FEATHER:g}.")
    if mask.size != raster.size:
        raise ValueError("The mask is of a picture of another size.")
    margin = math.ceil(feather / 2)
    rows, columns = mask.window(margin)
    inside = mask.crop(margin)
    if not inside.size:
        return rows, columns, np.zeros((0, 0, 4), dtype=np.uint8)
    rgb = raster.rgb[rows, columns]
    cut = _as_pixels(cv2.copyTo(cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA), inside.view(np.uint8)))
    if feather:
        _feather(cut, rgb, inside, feather, margin + 1)
    if raster.alpha is not None:
        own = cv2.multiply(cut[..., 3], raster.alpha[rows, columns], scale=1 / 255)
        cut = _as_pixels(cv2.copyTo(cv2.merge([*cv2.split(cut)[:3], own]), own))
    return rows, columns, cut


def _as_pixels(array: NDArray[Any]) -> Pixels:
    """For the type checker: OpenCV keeps 8 bits, its stubs do not say so."""
    return np.asarray(array, dtype=np.uint8)


def _feather(cut: Pixels, rgb: Pixels, inside: NDArray[np.bool_], feather: float, reach: int) -> None:
    """Softens the hard edge of ``cut`` tile by tile; nothing further away than ``reach`` pixels has a say in a tile."""
    height, width = inside.shape
    for top, left in product(range(0, height, _TILE), range(0, width, _TILE)):
        y0, x0 = max(top - reach, 0), max(left - reach, 0)
        around = np.s_[y0 : top + _TILE + reach, x0 : left + _TILE + reach]
        part = inside[around]
        if part.all() or not part.any():
            continue
        within = np.s_[top - y0 : top - y0 + _TILE, left - x0 : left - x0 + _TILE]
        cut[top : top + _TILE, left : left + _TILE] = _feathered_tile(rgb[around], part, feather)[within]


def _feathered_tile(rgb: Pixels, inside: NDArray[np.bool_], feather: float) -> Pixels:
    """RGBA of a tile that the outline runs through; see ``feathered``."""
    mask = inside.astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    away, nearest = cv2.distanceTransformWithLabels(1 - mask, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    # Distances are between pixel centres; the outline runs half a pixel before the nearest one across.
    signed = np.where(inside, depth - np.float32(0.5), np.float32(0.5) - away)
    ramp = np.clip(signed / np.float32(feather) + np.float32(0.5), 0, 1)
    alpha = np.rint(255 * ramp * ramp * (3 - 2 * ramp)).astype(np.uint8)
    tile: Pixels = np.dstack((rgb, alpha))
    halo = ~inside & (alpha > 0)
    pixel_of_label = np.zeros(int(nearest.max()) + 1, dtype=np.intp)
    pixel_of_label[nearest[inside]] = np.flatnonzero(inside)
    tile[halo, :3] = rgb[np.unravel_index(pixel_of_label[nearest[halo]], inside.shape)]
    tile[alpha == 0] = 0
    return tile


def _published(staged: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """Gives the staged files their names; all of them or, when that fails, none."""
    taken = [int(match[1]) for entry in os.scandir(folder) if (match := _OBJECT_NAME.fullmatch(entry.name))]
    number = max(taken, default=-1) + 1
    with ExitStack() as undo:
        saved = []
        for file in staged:
            while not _placed(file, target := folder / f"object_{number}.png"):
                number += 1
            undo.callback(target.unlink, missing_ok=True)
            saved.append(target)
            number += 1
        undo.pop_all()
    return tuple(saved)


def _placed(file: Path, target: Path) -> bool:
    """Whether the file could take a name that nobody has: a link is made at once and never over another file."""
    try:
        os.link(file, target)
    except FileExistsError:
        return False
    except OSError:
        # A file system without hard links: claim the name first, then put the file in its place.
        try:
            target.touch(exist_ok=False)
        except FileExistsError:
            return False
        try:
            file.replace(target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
    return True
