"""The formats a mesh is written in: their names, endings and media types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from imagequarry.errors import InvalidInput

Format = Literal["glb", "obj", "ply", "stl"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is: the ending of its name and its media type."""

    suffix: str
    media_type: str


KINDS: dict[Format, Kind] = {
    "glb": Kind(".glb", "model/gltf-binary"),
    "obj": Kind(".obj", "model/obj"),
    "ply": Kind(".ply", "application/ply"),
    "stl": Kind(".stl", "model/stl"),
}

# An OBJ with a texture is three files, so it comes as an archive.
ZIPPED = Kind(".zip", "application/zip")


def format_of(name: str) -> Format:
    """The format of that name, upper or lower case. InvalidInput, naming them all, for others."""
    for known in FORMATS:
        if name.lower() == known:
            return known
    raise InvalidInput(
        f"There is no mesh format {name[:32]!r}; there are {', '.join(FORMATS)}.", allowed_formats=list(FORMATS)
    )


def media_type_of(file_name: str) -> str:
    """The media type of a file of ours, by its ending; of an unknown one that of plain bytes."""
    kinds = {kind.suffix: kind.media_type for kind in (*KINDS.values(), ZIPPED)}
    return kinds.get(file_name[file_name.rfind(".") :].lower(), "application/octet-stream")
