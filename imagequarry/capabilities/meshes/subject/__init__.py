"""Which thing a picture is of."""

from imagequarry.capabilities.meshes.subject.choosing import subject_of

__all__ = ["subject_of"]
