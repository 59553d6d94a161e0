"""Folders of pictures: what is in them, and describing all of it."""

from imagequarry.capabilities.directories.outcome import FailedFile, Outcome, Tally
from imagequarry.capabilities.directories.processing import Directories
from imagequarry.capabilities.directories.scanning import SUFFIXES

__all__ = ["SUFFIXES", "Directories", "FailedFile", "Outcome", "Tally"]
