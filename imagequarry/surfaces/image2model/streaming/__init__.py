"""Event streams of surface E: what happens to a job, told to everybody who watches it."""

from imagequarry.surfaces.image2model.streaming.service import TaskStreams
from imagequarry.surfaces.image2model.streaming.stream import TaskStream

__all__ = ["TaskStream", "TaskStreams"]
