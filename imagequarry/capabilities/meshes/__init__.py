"""Models in space of what pictures show: which makers there are, making one, and having it in other formats."""

from imagequarry.capabilities.meshes.making import Available, Meshes
from imagequarry.capabilities.meshes.results import MadeModel

__all__ = ["Available", "MadeModel", "Meshes"]
