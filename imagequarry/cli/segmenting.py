"""``imagequarry segment``: pictures in, masks and cut-outs out, without a server."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from imagequarry.capabilities import cutouts, mask_formats
from imagequarry.capabilities.files import write_atomically
from imagequarry.capabilities.intake import Opened
from imagequarry.capabilities.segmentation import Answer, Segmentation
from imagequarry.capabilities.visualization import Region, drawn_over
from imagequarry.cli.pictures import each_picture
from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.segmenter import Prompt
from imagequarry.errors import InvalidPrompt
from imagequarry.runtime import registering
from imagequarry.settings import read_settings


def prompt_of(points: Sequence[str], background: Sequence[str], box: str | None, everything: bool) -> Prompt | None:
    """The options as a prompt, None for everything. Raises ``InvalidPrompt``."""
    if not (points or background or box):
        return None
    if everything:
        raise InvalidPrompt("--everything takes no points and no box.")
    placed = [Point(*_numbers(text, 2)) for text in (*points, *background)]
    labels = (1,) * len(points) + (0,) * len(background)
    return Prompt(tuple(placed), labels, Box.of_size(*_numbers(box, 4)) if box else None)


def segment(files: Sequence[Path], out: Path, prompt: Prompt | None, model: str | None, feather: float) -> None:
    """Segment each file into ``out``; a file that fails is named at the end, with exit code 1."""
    settings = read_settings()
    _, segmentation = registering.models(settings)

    def cut(opened: Opened, stem: str) -> str:
        answer = _ask(segmentation, opened, prompt, model)
        _write(out, stem, opened, answer, feather)
        return f"{len(answer.candidates)} masks by {answer.model}"

    each_picture("Segmenting", files, settings, cut)


def _ask(segmentation: Segmentation, opened: Opened, prompt: Prompt | None, model: str | None) -> Answer:
    if prompt is None:
        return segmentation.everything(opened.raster, model=model)
    return segmentation.prompted(opened.raster, [prompt], model)


def _remove_older(out: Path, stem: str, count: int) -> None:
    """Remove the masks beyond ``count`` that an earlier run left under this name."""
    for file in out.glob("*.png"):
        match = re.fullmatch(rf"{re.escape(stem)}_(\d+)(_mask)?\.png", file.name)
        if match and int(match[1]) >= count:
            file.unlink()


def _write(out: Path, stem: str, opened: Opened, answer: Answer, feather: float) -> None:
    """``STEM_0.png`` (cut-out) and ``STEM_0_mask.png`` per mask, ``STEM.json`` and ``STEM.svg`` for all together."""
    raster = opened.raster
    lines = []
    for number, candidate in enumerate(answer.candidates):
        write_atomically(out / f"{stem}_{number}.png", cutouts.feathered_png(raster, candidate.mask, feather))
        write_atomically(out / f"{stem}_{number}_mask.png", mask_formats.png_bytes(candidate.mask))
        box = candidate.mask.box
        lines.append(
            {
                "segmentation": mask_formats.encode(candidate.mask, "rle"),
                "area": candidate.mask.area,
                "bbox": [int(box.x0), int(box.y0), int(box.width), int(box.height)],
                "predicted_iou": round(candidate.predicted_iou, 6),
                "stability_score": round(candidate.stability_score, 6),
                "point": asdict(candidate.point),
            }
        )
    _remove_older(out, stem, len(answer.candidates))
    found = {"model": answer.model, "width": raster.width, "height": raster.height, "masks": lines}
    write_atomically(out / f"{stem}.json", json.dumps(found).encode())
    regions = [Region(c.mask, c.predicted_iou, f"mask {number}") for number, c in enumerate(answer.candidates)]
    write_atomically(out / f"{stem}.svg", drawn_over(raster, regions).encode())


def _numbers(text: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise InvalidPrompt(f"{text!r} is not {count} numbers with commas between them.")
    return numbers
