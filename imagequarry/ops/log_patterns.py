"""What many lines have in common: messages without what differs, paths without their ids, counted in bounded space."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Any

_LONGEST = 200
# Beyond so many different words, further ones are counted together.
_MOST_WORDS = 2000
OTHERS = "(others)"

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_ANY_ID = r"(?<![0-9a-f])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,})(?![0-9a-f])"
_ID = re.compile(_ANY_ID, re.IGNORECASE)
# A part of a path that has an id in it, or a digit and no letter.
_ID_PART = re.compile(rf"(?<=/)(?:(?:[a-z]+[_-])*{_ANY_ID}[^/]*|[^/a-z\d]*+\d[^/a-z]*+(?=/|$))", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(\.\d+)?")
_SPACE = re.compile(r"\s+")


class Words:
    """Counts words; what memory it takes does not depend on how many there are."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, word: str) -> None:
        """Count the word once more."""
        counts = self._counts
        if word in counts or len(counts) < _MOST_WORDS:
            counts[word] = counts.get(word, 0) + 1
        else:
            counts[OTHERS] = counts.get(OTHERS, 0) + 1

    def top(self, most: int) -> dict[str, int]:
        """The most frequent ones, the first first."""
        return dict(Counter(self._counts).most_common(most))


def error_of(entry: dict[str, Any]) -> str:
    """What went wrong, without numbers, ids and quoted words: the same for every line that tells of the same."""
    event = _text(entry.get("event")) or "(no message)"
    why = entry.get("reason")
    if not isinstance(why, str):
        # The last line of a traceback names the error.
        why = _text(entry.get("exception")).rstrip().rpartition("\n")[2]
    return message_pattern(f"{event}: {why}" if why else event)


@lru_cache(maxsize=4096)
def message_pattern(message: str) -> str:
    """The message without what differs from one time to the next."""
    short = _ID.sub("{id}", _QUOTED.sub("{text}", message[: 4 * _LONGEST]))
    return _clean(_SPACE.sub(" ", _NUMBER.sub("#", short)).strip())


@lru_cache(maxsize=4096)
def path_pattern(path: str) -> str:
    """The path with ``{id}`` for every part that is an id: a number, hexadecimal digits, a word with an id in it."""
    return _clean(_ID_PART.sub("{id}", path[: 4 * _LONGEST]))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """Text of bounded length that any reply can hold."""
    return text[:_LONGEST].encode(errors="replace").decode()
