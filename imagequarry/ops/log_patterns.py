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
_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{16,}\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(\.\d+)?")
_LETTER = re.compile(r"[A-Za-z]")
_SPACE = re.compile(r"\s+")


class Words:
    """Counts words; what memory it takes does not depend on how many there are."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, word: str) -> None:
        """Count the word once more."""
        if word not in self._counts and len(self._counts) >= _MOST_WORDS:
            word = OTHERS
        self._counts[word] += 1

    def top(self, most: int) -> dict[str, int]:
        """The most frequent ones, the first first."""
        return dict(self._counts.most_common(most))


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
    parts = [_part(part) for part in path[: 4 * _LONGEST].split("/")]
    return _clean("/".join(parts))


def _part(part: str) -> str:
    if _ID.search(part) or (part and not _LETTER.search(part) and _NUMBER.search(part)):
        return "{id}"
    return part


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """Text of bounded length that any reply can hold."""
    return text[:_LONGEST].encode(errors="replace").decode()
