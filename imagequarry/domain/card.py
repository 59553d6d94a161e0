"""What is known of a model before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imagequarry.domain.segmenter import Everything

Task = Literal["segment", "segment-by-words", "caption", "objects", "image-vectors", "text-vectors", "mesh"]
Family = Literal["embedded", "huggingface", "remote"]
Geometry = Literal["2.5d", "3d"]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model by name: what it does, who made it and how large it is.

    ``version`` changes whenever the same input may give another output: it is part of the key of everything cached.
    ``hub`` is the repository the weights are pulled from, ``checkpoint`` the file name of the original release and
    ``checkpoint_sha256`` its digest; all are empty for models that need no weights. ``gated``: its repository asks for
    a licence to be accepted first. ``shares``: the model whose weights this one uses. ``runs_as``: the model whose
    loaded engine does this task too, so that it is in memory once. ``packaged``: the folder of an installed Python
    package that carries the weights, as "package/folder", and ``packaged_sha256`` their digest. ``everything`` are the
    engine's calibrated defaults for segmenting everything, used where the caller names none. ``geometry`` is what a
    maker of meshes gives: "2.5d" is what the picture shows, without the unseen sides; None for other tasks.
    """

    name: str
    task: Task
    family: Family
    description: str
    version: str
    licence: str
    source: str
    size_mb: int = 0
    hub: str = ""
    checkpoint: str = ""
    checkpoint_sha256: str = ""
    gated: bool = False
    shares: str = ""
    runs_as: str = ""
    packaged: str = ""
    packaged_sha256: str = ""
    geometry: Geometry | None = None
    everything: Everything = field(default_factory=Everything)

    @property
    def folder(self) -> str:
        """The folder of its weights: that of the model it ``shares`` them with or runs as, else its own name."""
        return self.shares or self.runs_as or self.name

    @property
    def engine(self) -> str:
        """The name its engine is held in memory by."""
        return self.runs_as or self.name
