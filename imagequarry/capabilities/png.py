"""PNG files written quickly: only the rows that hold something are compressed, the blank ones come ready-made."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 4: 6}  # grey, RGBA
_NO_FILTER, _LEFT_FILTER = 0, 1
_ADLER_MODULUS = 65521


def with_blank_margins(rows: NDArray[np.uint8], top: int, height: int) -> bytes:
    """A PNG of that height whose rows from ``top`` on are those given, and all others zero.

    ``rows`` is (h, W) for a grey picture or (h, W, 4) for RGBA, 8 bits each. Deflate streams may be cut at whole
    bytes and joined again, so zeros are compressed once for all pictures; the checksum of a run of zeros is a sum.
    """
    width = rows.shape[1]
    channels = 1 if rows.ndim == 2 else rows.shape[2]
    stride = 1 + width * channels
    body = _filtered(rows, channels)
    above, below = top * stride, (height - top - len(rows)) * stride
    compressor = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, 8, zlib.Z_RLE)
    checksum = _checksum_of_zeros(zlib.adler32(body, _checksum_of_zeros(1, above)), below)
    data = b"".join(
        (
            b"\x78\x01",
            _zeros(above),
            compressor.compress(body),
            compressor.flush(zlib.Z_FULL_FLUSH),
            _zeros(below),
            b"\x03\x00",  # an empty last block
            struct.pack(">I", checksum),
        )
    )
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _filtered(rows: NDArray[np.uint8], channels: int) -> bytes:
    """The rows' bytes, each row led by its filter: colours as the difference from the pixel to the left."""
    height, width = rows.shape[:2]
    body = np.empty((height, 1 + width * channels), dtype=np.uint8)
    flat = rows.reshape(height, width * channels)
    if channels == 1:
        body[:, 0] = _NO_FILTER
        body[:, 1:] = flat
    else:
        body[:, 0] = _LEFT_FILTER
        body[:, 1 : 1 + channels] = flat[:, :channels]
        np.subtract(flat[:, channels:], flat[:, :-channels], out=body[:, 1 + channels :])
    return body.tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _deflated_zeros(count: int) -> bytes:
    """Zeros as a piece of a deflate stream that ends with a whole byte and refers to nothing before it."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(bytes(count)) + compressor.flush(zlib.Z_FULL_FLUSH)


_PIECES = [(count, _deflated_zeros(count)) for count in (1 << 20, 1 << 15)]


def _zeros(count: int) -> bytes:
    parts = []
    for size, piece in _PIECES:
        whole, count = divmod(count, size)
        parts.append(piece * whole)
    return b"".join((*parts, _deflated_zeros(count) if count else b""))


def _checksum_of_zeros(checksum: int, count: int) -> int:
    """Adler-32 goes on over that many zero bytes: the low half stays, the high half gains it each time."""
    low, high = checksum & 0xFFFF, checksum >> 16
    return (high + count * low) % _ADLER_MODULUS << 16 | low
