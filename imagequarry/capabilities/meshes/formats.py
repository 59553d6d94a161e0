"""A GLB in the other formats that models are had in."""

from __future__ import annotations

from imagequarry.capabilities.meshes import wavefront
from imagequarry.capabilities.meshes.received import read
from imagequarry.capabilities.meshes.shape import Shape
from imagequarry.errors import InvalidInput

# A texture and its material are files of their own.
_ARCHIVE = "model.obj.zip"


def names(format: str) -> tuple[str, ...]:
    """The file names that a conversion to the format may have; none for GLB, which is what is converted."""
    return {"obj": (_ARCHIVE, "model.obj"), "ply": ("model.ply",), "stl": ("model.stl",)}.get(format, ())


def convert(glb: bytes, format: str) -> tuple[str, bytes]:
    """The name and bytes of the model in OBJ, PLY or STL. Raises ``ModelFailure`` where the GLB cannot be read."""
    shape = read(glb)
    match format:
        case "obj":
            return ("model.obj", wavefront.text(shape)) if shape.uv is None else (_ARCHIVE, wavefront.archive(shape))
        case "ply":
            return "model.ply", _exported(shape, "ply")
        case "stl":
            return "model.stl", _exported(shape, "stl")
    raise InvalidInput(f"There is no format {format[:32]!r}.")


def _exported(shape: Shape, format: str) -> bytes:
    """The shape by trimesh, with a colour at each vertex where it has any and the format can hold them."""
    import trimesh  # here, since where there is SciPy this takes as long as all else that the server loads

    solid = trimesh.Trimesh(
        shape.vertices, shape.faces, vertex_normals=shape.normals, vertex_colors=shape.painted(), process=False
    )
    data = solid.export(file_type=format)
    assert isinstance(data, bytes)
    return data
