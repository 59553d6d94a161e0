"""Tripo3D's own words: what its endpoint takes, and which of the files it answers with is the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagequarry.domain.mesh import MeshOptions
from imagequarry.errors import RemoteFailure

# The best first: with all maps, with colours, bare.
_MODELS = ("pbr_model", "model_mesh", "base_model")
_LONGEST_LINK = 8192


@dataclass(frozen=True, slots=True)
class Link:
    """A file that fal.ai offers; ``size`` is how many bytes it says there are."""

    url: str
    size: int | None = None


def arguments(options: MeshOptions, image_url: str) -> dict[str, Any]:
    """What is asked of the endpoint.

    ``texture`` is a word there, and ``pbr``, true by default, overrules "no". A limit that is not set is left out: the
    endpoint refuses the -1 of older days. ``quad`` is never sent: with it the answer is FBX, and dearer.
    """
    texture = "no" if not options.texture else "HD" if options.quality == "high" else "standard"
    asked: dict[str, Any] = {"image_url": image_url, "texture": texture, "pbr": options.texture}
    if options.face_limit is not None:
        asked["face_limit"] = options.face_limit
    return asked


def model_in(result: Any) -> Link:
    """The model among the files of a result. Raises ``RemoteFailure`` where there is none."""
    for name in _MODELS:
        if link := _link(result, name):
            return link
    raise RemoteFailure("fal.ai says it is done, but its answer names no model.")


def preview_in(result: Any) -> Link | None:
    """The picture of the model, where there is one."""
    return _link(result, "rendered_image")


def _link(result: Any, name: str) -> Link | None:
    file = result.get(name) if isinstance(result, dict) else None
    if not isinstance(file, dict):
        return None
    url, size = file.get("url"), file.get("file_size")
    if not isinstance(url, str) or not 0 < len(url) <= _LONGEST_LINK:
        return None
    return Link(url, size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None)
