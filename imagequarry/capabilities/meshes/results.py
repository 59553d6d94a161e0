"""What is told of a model that was made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from imagequarry.domain.card import Geometry

MODEL, PREVIEW = "model.glb", "preview.png"


@dataclass(frozen=True, slots=True)
class MadeModel:
    """A model in its folder.

    ``model`` is the name of what made it, ``geometry`` "2.5d" where the unseen sides are not invented.
    ``face_limit_applied``: whether it has no more faces than were asked for (True where nobody asked); ``notes`` are
    sentences for people, on what is not as it was asked for.
    """

    model: str
    geometry: Geometry
    faces: int
    vertices: int
    face_limit_applied: bool
    textured: bool
    files: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def told(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {**asdict(self), "files": list(self.files), "notes": list(self.notes)}
