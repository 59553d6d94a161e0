"""What is said of duplicates: matches, groups of them, and a plan for their removal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from imagequarry.capabilities.duplicates.hashing import Transform
from imagequarry.errors import InvalidInput

Tier = Literal["identical", "re-encoded", "similar"]
"""Why two pictures are duplicates: the same file; hashes that agree; vectors alone."""


@dataclass(frozen=True, slots=True)
class Match:
    """A duplicate: how like it is, 0..1, why, and what was done to the picture asked about to make this one."""

    image_id: str
    score: float
    tier: Tier
    transform: Transform = "none"


@dataclass(frozen=True, slots=True)
class Group:
    """A picture and its duplicates, the most like first; each score is that to the representative."""

    representative: str
    members: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups found among so many pictures, the largest first. No picture is in two."""

    total_images: int
    groups: tuple[Group, ...]

    @property
    def duplicates(self) -> int:
        """How many pictures are members of groups, representatives not counted."""
        return sum(len(group.members) for group in self.groups)


@dataclass(frozen=True, slots=True)
class Plan(Groups):
    """What a removal would do: representatives stay, members go. Planning removes nothing."""

    @property
    def stays(self) -> tuple[str, ...]:
        return tuple(group.representative for group in self.groups)

    @property
    def goes(self) -> tuple[str, ...]:
        return tuple(member.image_id for group in self.groups for member in group.members)


def best_first(match: Match) -> tuple[bool, float, str]:
    """A key to sort matches by: identical ones first, then by score, then by id."""
    return match.tier != "identical", -match.score, match.image_id


def check(threshold: float) -> None:
    """Raise ``InvalidInput`` for a threshold that no similarity can be compared with."""
    if not (math.isfinite(threshold) and 0 <= threshold <= 1):
        raise InvalidInput("A similarity threshold is a number from 0 to 1.")
