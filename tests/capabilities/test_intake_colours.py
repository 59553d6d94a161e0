"""Every way of storing colours comes out as the eye sees it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab

from imagequarry.capabilities.intake import Opened, open_picture
from imagequarry.errors import InvalidPicture
from tests.fixtures.icc import cmyk_profile, grey_profile, rgb_profile
from tests.fixtures.pictures import Pixels, encoded, oriented_jpeg, png_chunk, png_of, quadrants, scene


def opened(data: bytes) -> Opened:
    return open_picture(data)


def rgb_of(data: bytes) -> NDArray[np.int64]:
    return opened(data).raster.rgb.astype(int)


def tiff(samples: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


def ramp(dtype: Any = np.uint16, top: float = 65535) -> NDArray[Any]:
    return np.linspace(0, top, 64 * 32).reshape(32, 64).astype(dtype)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_a_lossless_file_gives_back_its_pixels(format: str) -> None:
    result = opened(encoded(scene(), format))
    assert result.format == format
    assert np.array_equal(result.raster.rgb, scene())
    assert result.raster.alpha is None


def test_a_lossless_webp_gives_back_its_pixels() -> None:
    assert np.array_equal(opened(encoded(scene(), "WEBP", lossless=True)).raster.rgb, scene())


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_a_lossy_file_gives_back_nearly_its_pixels(format: str) -> None:
    assert np.abs(rgb_of(encoded(scene(), format, quality=95)) - scene()).mean() < 8


def test_pixels_are_read_only_and_what_the_file_was_is_told() -> None:
    data = encoded(scene(), "JPEG")
    result = opened(data)
    assert not result.raster.rgb.flags.writeable
    assert (result.media_type, result.suffix, result.size_bytes) == ("image/jpeg", ".jpg", len(data))
    assert result.data == data


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    stored = quadrants()
    turned = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(stored),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.abs(rgb_of(oriented_jpeg(stored, orientation)) - turned).mean() < 3
    for format in ("PNG", "TIFF"):
        assert np.array_equal(rgb_of(encoded(stored, format, exif=exif)), turned)
    assert np.array_equal(rgb_of(encoded(stored, "WEBP", lossless=True, exif=exif)), turned)


def test_alpha_is_turned_with_its_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    alpha = quadrants()[..., 0]
    result = opened(encoded(np.dstack([quadrants(), alpha]), "PNG", exif=exif))
    assert result.raster.alpha is not None
    assert np.array_equal(result.raster.alpha, np.rot90(alpha, -1))


def test_a_palette_comes_out_in_its_colours() -> None:
    image = Image.fromarray(quadrants()).quantize(8)
    assert np.array_equal(opened(encoded(image)).raster.rgb, np.asarray(image.convert("RGB")))


@pytest.mark.filterwarnings("ignore:Palette images with Transparency:UserWarning")
def test_a_palette_with_transparency_keeps_its_alpha_and_lies_on_white() -> None:
    image = Image.fromarray(quadrants()).quantize(4)
    red = int(np.asarray(image)[0, 0])
    for transparency in (red, bytes(128 if index == red else 255 for index in range(4))):
        raster = opened(encoded(image, transparency=transparency)).raster
        assert raster.alpha is not None
        opacity = 0 if transparency == red else 128
        assert raster.alpha[0, 0] == opacity
        assert raster.alpha[0, -1] == 255
        assert raster.rgb[0, 0].tolist() == [255, 255 - opacity, 255 - opacity]


def test_rgba_lies_on_white_and_keeps_its_alpha() -> None:
    alpha = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
    for format, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})):
        raster = opened(encoded(np.dstack([scene(), alpha]), format, **options)).raster
        share = alpha[..., None] / 255
        assert raster.alpha is not None
        assert np.array_equal(raster.alpha, alpha)
        assert np.abs(raster.rgb - (scene() * share + 255 * (1 - share))).max() <= 0.51


def test_an_alpha_that_hides_nothing_is_none() -> None:
    assert opened(encoded(np.dstack([scene(), np.full((48, 64), 255, np.uint8)]))).raster.alpha is None


def test_grey_with_alpha_lies_on_white() -> None:
    raster = opened(encoded(Image.merge("LA", [Image.new("L", (9, 9), 0), Image.new("L", (9, 9), 51)]))).raster
    assert raster.alpha is not None
    assert raster.alpha[0, 0] == 51
    assert raster.rgb[0, 0].tolist() == [204, 204, 204]


def test_a_premultiplied_tiff_is_not_darkened_twice() -> None:
    samples = np.zeros((8, 8, 4), np.uint8)
    samples[...] = 64, 32, 0, 128
    raster = opened(tiff(samples, photometric="rgb", extrasamples=["assocalpha"])).raster
    assert raster.alpha is not None
    assert raster.alpha[0, 0] == 128
    assert np.abs(raster.rgb[0, 0] - np.array([191, 159, 127])).max() <= 1


@pytest.mark.parametrize(
    ("depth", "key", "stored"), [(8, 7, bytes([0, 7, 200])), (4, 7, bytes([0, 0x7F])), (2, 1, b"\0\x70")]
)
def test_a_transparent_grey_is_transparent_at_every_depth(depth: int, key: int, stored: bytes) -> None:
    data = png_of(2, 1, png_chunk(b"tRNS", bytes([0, key])), data=stored, depth=depth, colour=0)
    alpha = opened(data).raster.alpha
    assert alpha is not None
    assert alpha.tolist() == [[0, 255]]


def test_a_transparent_colour_of_16_bits_is_transparent() -> None:
    pixels = b"\0" + bytes.fromhex("123456789abc ffff00000000")
    for colour, key in ((2, "123456789abc"),):
        data = png_of(2, 1, png_chunk(b"tRNS", bytes.fromhex(key)), data=pixels, depth=16, colour=colour)
        alpha = opened(data).raster.alpha
        assert alpha is not None
        assert alpha.tolist() == [[0, 255]]
    grey = png_of(2, 1, png_chunk(b"tRNS", b"\x12\x34"), data=b"\0\x12\x34\x12\x35", depth=16, colour=0)
    alpha = opened(grey).raster.alpha
    assert alpha is not None
    assert alpha.tolist() == [[0, 255]]


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    expected = np.rint(ramp() / 257)
    for data in (encoded(ramp()), tiff(ramp()), tiff(ramp(), compression="deflate"), tiff(ramp(), byteorder=">")):
        assert np.array_equal(rgb_of(data), np.repeat(expected[..., None], 3, axis=2))


def test_white_is_zero_is_turned_round() -> None:
    assert np.array_equal(rgb_of(tiff(ramp(), photometric="miniswhite"))[..., 0], 255 - np.rint(ramp() / 257))
    narrow = ramp(np.uint8, 255)
    assert np.array_equal(rgb_of(tiff(narrow, photometric="miniswhite"))[..., 0], 255 - narrow)


@pytest.mark.parametrize(
    "options", [{}, {"compression": "deflate"}, {"compression": "deflate", "planarconfig": "separate"}]
)
def test_16_bit_colour_is_scaled_and_not_clipped(options: dict[str, Any]) -> None:
    samples = scene().astype(np.uint16) * 257
    stored = np.moveaxis(samples, -1, 0) if "planarconfig" in options else samples
    assert np.array_equal(rgb_of(tiff(stored, photometric="rgb", **options)), scene())


def test_16_bits_in_uncompressed_planes_are_refused_and_not_garbled() -> None:
    samples = np.moveaxis(scene().astype(np.uint16) * 257, -1, 0)
    with pytest.raises(InvalidPicture, match="planes"):
        opened(tiff(samples, photometric="rgb", planarconfig="separate"))


def test_planes_of_8_bits_come_together() -> None:
    data = tiff(np.moveaxis(scene(), -1, 0), photometric="rgb", planarconfig="separate")
    assert np.array_equal(rgb_of(data), scene())


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (ramp(np.float32, 1.0), ramp(float, 255)),
        (ramp(np.float32, 5000), ramp(float, 255)),
        (ramp(np.float32, 2.0) - 1, ramp(float, 255)),
        (ramp(np.uint32), ramp(float, 255)),
        (ramp(np.uint32, 2**32 - 1), ramp(float, 255)),
        ((ramp(np.float32) - 32768).astype(np.int16), ramp(float, 255)),
    ],
    ids=["unit floats", "large floats", "signed floats", "32 bits", "32 bits to the top", "signed 16 bits"],
)
def test_floats_and_long_numbers_are_scaled(samples: NDArray[Any], expected: NDArray[Any]) -> None:
    assert np.abs(rgb_of(tiff(samples))[..., 0] - expected).max() <= 1


def test_a_float_that_is_no_number_is_black() -> None:
    samples = ramp(np.float32, 1.0)
    samples[3, 3] = np.nan
    assert rgb_of(tiff(samples))[3, 3].tolist() == [0, 0, 0]


def test_one_bit_is_black_and_white() -> None:
    bits = quadrants()[..., 0] > 0
    for format in ("PNG", "BMP", "TIFF"):
        assert np.array_equal(rgb_of(encoded(Image.fromarray(bits), format))[..., 1], bits * 255)


def test_grey_jpeg_has_three_equal_bands() -> None:
    rgb = rgb_of(encoded(Image.fromarray(scene()).convert("L"), "JPEG"))
    assert (rgb[..., 0] == rgb[..., 2]).all()
    assert rgb.std() > 20


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile_looks_like_itself(format: str) -> None:
    image = Image.fromarray(quadrants()).convert("CMYK")
    assert np.abs(rgb_of(encoded(image, format)) - quadrants()).mean() < 4


def test_cmyk_follows_its_profile() -> None:
    magenta = Image.new("CMYK", (16, 16), (0, 255, 0, 0))
    plain = rgb_of(encoded(magenta, "TIFF"))[8, 8]
    pressed = rgb_of(encoded(magenta, "TIFF", icc_profile=cmyk_profile()))[8, 8]
    assert plain[0] > 200
    assert plain[1] < 60
    assert pressed[0] < 60
    assert pressed[1] > 100


def test_wide_gamut_colours_become_srgb() -> None:
    grey = np.full((8, 8, 3), 128, np.uint8)
    pale = np.full((8, 8, 3), (200, 100, 100), np.uint8)
    profile = rgb_profile()
    assert np.abs(rgb_of(encoded(grey, icc_profile=profile)) - 128).max() <= 2
    red, green, _ = rgb_of(encoded(pale, icc_profile=profile))[0, 0]
    assert red > 205
    assert green < 97


def test_a_grey_profile_is_followed() -> None:
    mid = Image.new("L", (8, 8), 128)
    assert rgb_of(encoded(mid, icc_profile=grey_profile(1.0)))[0, 0, 0] == pytest.approx(188, abs=2)


@pytest.mark.parametrize("profile", [b"nonsense", rgb_profile()[:200], cmyk_profile(), bytes(5 * 1024 * 1024)])
def test_a_profile_that_is_broken_or_of_another_space_is_ignored(profile: bytes) -> None:
    assert np.array_equal(rgb_of(encoded(scene(), "TIFF", icc_profile=profile)), scene())


def test_lab_comes_out_in_colour() -> None:
    lab = rgb2lab(quadrants())
    samples = np.stack([lab[..., 0] * 2.55, lab[..., 1], lab[..., 2]], axis=-1)
    stored = np.rint(samples).astype(np.int16).astype(np.uint8)
    assert np.abs(rgb_of(tiff(stored, photometric="cielab")) - quadrants()).mean() < 12


def test_a_phones_picture_of_several_frames_is_its_first() -> None:
    frames = [Image.fromarray(frame) for frame in (quadrants(), 255 - quadrants())]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=95)
    assert opened(data).format == "JPEG"
    assert np.abs(rgb_of(data) - quadrants()).mean() < 6


def test_a_tiffs_thumbnail_is_no_second_page() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(scene(), photometric="rgb")
        writer.write(scene()[::4, ::4], photometric="rgb", subfiletype=1)
    assert np.array_equal(rgb_of(file.getvalue()), scene())


def test_a_big_tiff_is_read() -> None:
    assert np.array_equal(rgb_of(tiff(scene(), photometric="rgb", bigtiff=True)), scene())


def test_a_file_is_read_from_where_it_stands() -> None:
    pixels: Pixels = scene()
    assert np.array_equal(open_picture(io.BytesIO(encoded(pixels))).raster.rgb, pixels)
