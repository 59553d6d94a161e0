"""What is no acceptable picture is refused in one sentence, quickly and in little memory."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from imagequarry.capabilities.intake import JPEG_PNG, Limits, digest_of, open_picture
from imagequarry.errors import FileTooLarge, InvalidPicture, PictureTooLarge
from tests.fixtures.pictures import (
    HOSTILE,
    animated,
    deflated_tiff,
    encoded,
    exif_of_overlapping_tags,
    hostile_files,
    png_chunk,
    png_of,
    scene,
    with_jpeg_segments,
)

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_file_is_refused_quickly_and_in_plain_words(name: str) -> None:
    data = hostile_files()[name]
    started = time.perf_counter()
    with pytest.raises(InvalidPicture) as refusal:
        open_picture(data)
    assert time.perf_counter() - started < 3
    assert refusal.value.message.endswith(".")
    assert "0x" not in refusal.value.message


def peak_growth(statements: str, folder: Path) -> int:
    """Bytes by which a fresh process's memory grew at most while it ran ``statements`` on the files in ``folder``."""
    script = f"""
import resource, sys
from pathlib import Path
def peak_memory():
    # Linux hands the parent's ru_maxrss down to a child; VmHWM is the process's own.
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from imagequarry.capabilities.intake import open_picture
from imagequarry.errors import FileTooLarge, InvalidPicture
from tests.fixtures.pictures import encoded, scene
open_picture(encoded(scene(), "JPEG")), open_picture(encoded(scene(), "WEBP"))
files = [path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir())]
before = peak_memory()
{statements}
print(peak_memory() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "Warning" not in done.stderr
    return int(done.stdout)


def test_hostile_files_take_little_memory_and_write_no_warnings(tmp_path: Path) -> None:
    for index, data in enumerate(hostile_files().values()):
        (tmp_path / str(index)).write_bytes(data)
    refuse = "for data in files:\n    try: open_picture(data)\n    except InvalidPicture: pass"
    assert peak_growth(refuse, tmp_path) < 64 * 2**20


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_4096_picture_is_held_in_at_most_three_copies(format: str, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(encoded(np.tile(scene(512, 512), (8, 8, 1))[:4090], format))
    assert peak_growth("open_picture(files[0])", tmp_path) < 3 * 4096 * 4096 * 3


@pytest.mark.parametrize("name", [name for name in sorted(HOSTILE) if name.startswith("pixel bomb")])
def test_a_pixel_bomb_is_too_large_and_says_by_how_much(name: str) -> None:
    with pytest.raises(PictureTooLarge) as refusal:
        open_picture(hostile_files()[name])
    assert refusal.value.details["max_side"] == 4096
    assert refusal.value.details["width"] > 4096


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_several_pictures_in_one_file_are_refused(format: str) -> None:
    with pytest.raises(InvalidPicture, match="several pictures"):
        open_picture(animated(format))


def test_an_animation_of_one_frame_is_a_picture() -> None:
    control = png_chunk(b"acTL", bytes([0, 0, 0, 1, 0, 0, 0, 0]))
    assert open_picture(png_of(4, 4, control)).raster.size == (4, 4)


@pytest.mark.parametrize(("width", "height"), [(4097, 2), (2, 4097)])
def test_a_side_of_4097_pixels_is_refused_and_one_of_4096_is_not(width: int, height: int) -> None:
    for format in ("JPEG", "PNG", "WEBP", "BMP", "TIFF"):
        with pytest.raises(PictureTooLarge, match="no side may be longer than 4096"):
            open_picture(encoded(np.zeros((height, width, 3), np.uint8), format))
        fits = encoded(np.zeros((min(height, 4096), min(width, 4096), 3), np.uint8), format)
        assert max(open_picture(fits).raster.size) == 4096


def test_a_file_of_too_many_bytes_is_refused_before_it_is_read_whole() -> None:
    limits = Limits(max_bytes=1000)
    file = io.BytesIO(bytes(5000))
    for source in (file, bytes(5000)):
        with pytest.raises(FileTooLarge, match="1000 bytes"):
            open_picture(source, limits)
    assert file.tell() == 1001


def test_the_limit_in_bytes_is_told_in_megabytes() -> None:
    with pytest.raises(FileTooLarge, match="larger than the 50 MB allowed"):
        Limits().check_bytes(51 * 1024 * 1024)


def test_a_surface_may_take_fewer_formats() -> None:
    limits = replace(Limits(), formats=JPEG_PNG)
    assert open_picture(encoded(scene(), "JPEG"), limits).format == "JPEG"
    with pytest.raises(InvalidPicture, match=r"WebP files are not accepted here; send JPEG or PNG\.") as refusal:
        open_picture(encoded(scene(), "WEBP"), limits)
    assert refusal.value.details == {"format": "WEBP", "formats": ["JPEG", "PNG"]}


def test_the_content_decides_what_a_file_is() -> None:
    file = io.BytesIO(encoded(scene(), "JPEG"))
    file.name = "picture.png"
    assert open_picture(file).format == "JPEG"


def test_overlapping_exif_costs_nothing_and_the_picture_is_read() -> None:
    for data in (
        with_jpeg_segments(encoded(scene(), "JPEG"), (0xE1, exif_of_overlapping_tags(65_000))),
        png_of(4, 4, png_chunk(b"eXIf", exif_of_overlapping_tags(1 << 20)[6:])),
    ):
        tracemalloc.start()
        open_picture(data)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
        tracemalloc.stop()


@pytest.mark.parametrize("lie", [(278, 0xFFFFFFFF), (256, 60_000)], ids=["an endless strip", "a second width"])
def test_a_tiff_that_inflates_to_more_than_it_shows_gives_what_it_shows(lie: tuple[int, int]) -> None:
    data = deflated_tiff((273, 200), (279, 2000), lie)
    tracemalloc.start()
    assert open_picture(data).raster.size == (8, 8)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_pillows_own_settings_stay_as_they_were() -> None:
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    for data in hostile_files().values():
        with pytest.raises(InvalidPicture):
            open_picture(data)
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    assert before[0] is not None


def test_the_digest_is_sha_256_of_the_file() -> None:
    data = encoded(scene())
    assert open_picture(data).raster.digest == digest_of(data)
    assert digest_of(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
