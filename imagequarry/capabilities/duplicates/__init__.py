"""Duplicates: pictures that are the same file, the same picture, or much alike, found, grouped and compared."""

from imagequarry.capabilities.duplicates.comparing import Comparison
from imagequarry.capabilities.duplicates.grouping import Pictures, grouped
from imagequarry.capabilities.duplicates.hashing import SAYS_NOTHING, Transform, perceptual_hash
from imagequarry.capabilities.duplicates.library import Duplicates
from imagequarry.capabilities.duplicates.matches import Group, Groups, Match, Plan, Tier
from imagequarry.capabilities.duplicates.pairs import near_pairs

__all__ = [
    "SAYS_NOTHING",
    "Comparison",
    "Duplicates",
    "Group",
    "Groups",
    "Match",
    "Pictures",
    "Plan",
    "Tier",
    "Transform",
    "grouped",
    "near_pairs",
    "perceptual_hash",
]
