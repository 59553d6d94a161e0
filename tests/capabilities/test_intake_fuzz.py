"""Whatever the bytes, a picture comes out or one of the two errors does."""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from imagequarry.capabilities.intake import from_base64, open_picture
from imagequarry.errors import InvalidPicture
from tests.fixtures.icc import cmyk_profile, rgb_profile
from tests.fixtures.pictures import animated, encoded, oriented_jpeg, png_chunk, png_of, quadrants, scene

SIGNATURES = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 ", b"RIFF\x40\0\0\0WEBPVP8X", b"BM"]
SIGNATURES += [b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0", b"\0\0\0\x18ftypheic"]

pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning:PIL.TiffImagePlugin", "ignore::UserWarning:PIL.PngImagePlugin"
)

fuzzed = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@lru_cache(maxsize=1)
def real_files() -> list[bytes]:
    picture, grey = scene(24, 20), scene(24, 20)[..., 0]
    rgba = np.dstack([picture, grey])
    files = [encoded(picture, format) for format in ("JPEG", "PNG", "WEBP", "BMP", "TIFF")]
    files += [encoded(rgba, format) for format in ("PNG", "WEBP", "TIFF")]
    files += [
        encoded(picture, "TIFF", compression=how) for how in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
    ]
    files += [encoded(grey.astype(np.uint16) * 257, format) for format in ("PNG", "TIFF")]
    files += [encoded(grey.astype(np.float32), "TIFF"), encoded(picture, "WEBP", lossless=True)]
    files += [encoded(Image.fromarray(picture).quantize(16), format) for format in ("PNG", "BMP", "TIFF")]
    files += [encoded(Image.fromarray(picture).convert("CMYK"), "JPEG", icc_profile=cmyk_profile())]
    files += [encoded(picture, format, icc_profile=rgb_profile()) for format in ("PNG", "WEBP")]
    files += [encoded(picture, "JPEG", progressive=True), oriented_jpeg(quadrants(), 6), encoded(grey > 99, "TIFF")]
    files += [animated(format) for format in ("PNG", "WEBP", "TIFF", "MPO")]
    files += [png_of(4, 4, png_chunk(b"tRNS", bytes(6)), png_chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0"))]
    return files


def picture_or_refusal(data: bytes) -> None:
    try:
        opened = open_picture(data)
    except InvalidPicture:
        return
    else:
        assert opened.raster.rgb.dtype == np.uint8
        assert opened.raster.rgb.shape[2] == 3
        assert opened.raster.alpha is None or opened.raster.alpha.shape == opened.raster.size


@fuzzed
@given(st.sampled_from(SIGNATURES), st.binary(max_size=400))
def test_random_bytes_behind_any_signature(signature: bytes, rest: bytes) -> None:
    picture_or_refusal(signature + rest)


@fuzzed
@given(st.data())
def test_real_files_with_bytes_changed(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(real_files())))
    # Most of what can go wrong is said in the first bytes: half of the changes are made there.
    for _ in range(data.draw(st.integers(1, 8))):
        end = min(len(file), data.draw(st.sampled_from([40, 200, len(file)])))
        file[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    picture_or_refusal(bytes(file))


@fuzzed
@given(st.data())
def test_real_files_with_a_number_changed(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(real_files())))
    at = data.draw(st.integers(0, min(len(file), 400) - 4))
    number = data.draw(st.sampled_from([0, 1, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
    file[at : at + 4] = struct.pack(data.draw(st.sampled_from("<>")) + "I", number)
    picture_or_refusal(bytes(file))


@fuzzed
@given(st.data())
def test_real_files_with_a_piece_cut_out_or_doubled(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(real_files()))
    start, end = sorted((data.draw(st.integers(0, len(file))), data.draw(st.integers(0, len(file)))))
    picture_or_refusal(file[:start] + file[end:])
    picture_or_refusal(file[:end] + file[start:])


@pytest.mark.parametrize("index", range(len(real_files())))
def test_a_file_cut_anywhere(index: int) -> None:
    file = real_files()[index]
    for length in range(0, len(file), 7):
        picture_or_refusal(file[:length])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_picture_cut_short_is_never_shown_in_part(format: str, share: float) -> None:
    file = encoded(scene(200, 150), format)
    with pytest.raises(InvalidPicture):
        open_picture(file[: int(len(file) * share)])


@fuzzed
@given(st.text(max_size=80) | st.text("ABCabc012+/-_= \n,;:", max_size=80).map("data:image/png;base64,".__add__))
def test_any_text(text: str) -> None:
    try:
        assert from_base64(text)
    except InvalidPicture:
        return
