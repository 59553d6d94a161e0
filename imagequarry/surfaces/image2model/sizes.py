"""Document E's measures: MB and GB of 2^20 and 2^30 bytes, to the byte, so that a small file is not nothing."""

from __future__ import annotations


def mb(size: int) -> float:
    """Bytes as megabytes."""
    return round(size / 2**20, 6)


def gb(size: int) -> float:
    """Bytes as gigabytes."""
    return round(size / 2**30, 9)
