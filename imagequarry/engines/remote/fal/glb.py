"""Whether bytes are a GLB file (glTF 2.0, section 4.4): its head, its chunks, and nothing that it fetches elsewhere."""

from __future__ import annotations

import json
import struct
from typing import Any

_MAGIC, _VERSION = b"glTF", 2
_HEAD, _CHUNK = 12, 8
_JSON, _BIN = 0x4E4F534A, 0x004E4942


def fault_of(data: bytes) -> str:
    """What is wrong with it, to follow "The file"; empty for a GLB."""
    if len(data) < _HEAD + _CHUNK or data[:4] != _MAGIC:
        return "is no GLB"
    version, length = struct.unpack_from("<II", data, 4)
    if version != _VERSION:
        return f"is a GLB of version {version}"
    if length != len(data):
        return f"has {len(data)} bytes and says {length}"
    chunks = _chunks(data)
    if chunks is None or not chunks or chunks[0][0] != _JSON:
        return "is a GLB whose parts do not fit together"
    binary = len(chunks[1][1]) if len(chunks) > 1 and chunks[1][0] == _BIN else None
    try:
        return _scene_fault(json.loads(bytes(chunks[0][1])), binary)
    except (ValueError, RecursionError):
        return "is a GLB whose description is no JSON"


def _chunks(data: bytes) -> list[tuple[int, memoryview]] | None:
    """Type and content of each chunk; None where they do not add up."""
    found, at, view = [], _HEAD, memoryview(data)
    while at < len(data):
        if at + _CHUNK > len(data):
            return None
        size, kind = struct.unpack_from("<II", data, at)
        at += _CHUNK
        if size % 4 or at + size > len(data):
            return None
        found.append((kind, view[at : at + size]))
        at += size
    return found


def _scene_fault(scene: Any, binary: int | None) -> str:
    asset = scene.get("asset") if isinstance(scene, dict) else None
    if not isinstance(asset, dict) or not str(asset.get("version")).startswith("2."):
        return "is a GLB without a description of glTF 2"
    if not _objects(scene, "meshes"):
        return "is a GLB without a mesh"
    buffers = _objects(scene, "buffers")
    for part in (*buffers, *_objects(scene, "images")):
        # A viewer would go there, whoever looks at the model.
        if "uri" in part and not str(part["uri"]).startswith("data:"):
            return "is a GLB that leaves parts of itself elsewhere"
    needed = buffers[0].get("byteLength") if buffers and "uri" not in buffers[0] else None
    if isinstance(needed, int) and needed > (binary or 0):
        return "is a GLB that lacks a part of its data"
    return ""


def _objects(scene: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = scene.get(name)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
