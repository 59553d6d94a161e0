"""The lines of a file, a block at a time: a gigabyte without a line break takes no more memory than any other file."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

_BLOCK = 1 << 20
LONGEST = 1 << 20
"""Bytes of the longest line that is read; a longer one is passed over."""

UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a file that is gone, or packed and damaged, raises."""


def opened(path: Path) -> BinaryIO:
    """The file for reading, unpacked where something else has packed it. Raises OSError."""
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def lines(file: BinaryIO, wanted: Callable[[bytes], bool] = lambda _: True) -> Iterator[bytes | None]:
    """Each line without its end; None for one that is too long, and for the rest of a packed file that is damaged.

    ``wanted`` is asked about each block of the file; lines that end in one that is not wanted are left out.
    """
    rest = b""
    is_too_long = False
    try:
        while block := file.read(_BLOCK):
            head, line_break, tail = block.partition(b"\n")
            if not line_break:
                rest += block
            else:
                if wanted(block):
                    yield None if is_too_long else rest + head
                    *whole, rest = tail.split(b"\n")
                    yield from whole
                else:
                    rest = tail[tail.rfind(b"\n") + 1 :]
                is_too_long = False
            if len(rest) > LONGEST:
                rest, is_too_long = b"", True
    except UNREADABLE:
        yield None
        return
    if rest or is_too_long:
        yield None if is_too_long else rest
