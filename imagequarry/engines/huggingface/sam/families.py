"""What differs between the families of SAM before any layer runs: sizes, colours and how a picture is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fit = Literal["pad", "stretch"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Family:
    """One architecture.

    ``fit``: SAM scales the longest side and pads on the right and below; its successors stretch to a square.
    ``mean`` and ``std`` are of red, green and blue in 0..1. ``model_types`` are the words for it in ``config.json``.
    """

    name: str
    model_class: str
    model_types: tuple[str, ...]
    fit: Fit
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


SAM = Family("sam", "SamModel", ("sam",), "pad")
SAM2 = Family("sam2", "Sam2Model", ("sam2", "sam2_video"), "stretch")
EDGETAM = Family("edgetam", "EdgeTamModel", ("edgetam", "edgetam_video"), "stretch")
SAM3 = Family(
    "sam3",
    "Sam3TrackerModel",
    ("sam3_tracker", "sam3_tracker_video", "sam3_video"),
    "stretch",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)

FAMILIES = (SAM, SAM2, EDGETAM, SAM3)


def family_of(model_type: str) -> Family | None:
    """The family that a ``model_type`` of ``config.json`` names, None where it is no SAM."""
    return next((family for family in FAMILIES if model_type in family.model_types), None)
