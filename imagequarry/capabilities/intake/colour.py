"""Colours as the eye sees them: whatever samples a file stores become 8-bit sRGB, and opacity apart from it."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from imagequarry.capabilities.intake.grey_levels import grey_of, is_many_levelled
from imagequarry.domain.raster import Pixels

# Colour space names in an ICC header -> the Pillow mode whose samples such a profile describes.
PROFILED_MODES = {"RGB ": "RGB", "CMYK": "CMYK", "GRAY": "L"}
MAX_PROFILE_BYTES = 4 * 1024 * 1024
BAND_ROWS = 256


def colours_and_alpha(stored: Image.Image, depth: int) -> tuple[Image.Image, Image.Image | None]:
    """``stored`` as an RGB image in sRGB, and its opacity as an L image or None where all is opaque.

    ``depth`` is the bits of a stored sample, by which a transparent colour is given in a PNG. ICC profiles of RGB,
    CMYK and grey pictures are followed (perceptual intent); a broken one, or one for another colour space, is ignored.
    """
    profile = stored.info.get("icc_profile")
    alpha = _alpha(stored, depth)
    if stored.mode == "LAB":
        return _applied(stored, _from_lab()), alpha
    base = _without_alpha(stored)
    if isinstance(profile, bytes) and 0 < len(profile) <= MAX_PROFILE_BYTES:
        transform = _to_srgb(profile, base.mode)
        if transform is not None:
            return _applied(base, transform), alpha
    return base if base.mode == "RGB" else base.convert("RGB"), alpha


def pixels_of(image: Image.Image) -> Pixels:
    """The samples of an RGB or L image as an array, copied in bands so that no second whole copy is ever held."""
    shape = (image.height, image.width, 3) if image.mode == "RGB" else (image.height, image.width)
    samples = np.empty(shape, np.uint8)
    for top in range(0, image.height, BAND_ROWS):
        bottom = min(top + BAND_ROWS, image.height)
        samples[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return samples


def lay_on_white(rgb: Pixels, alpha: Pixels) -> None:
    """Blend ``rgb`` (H, W, 3) in place with white by ``alpha`` (H, W), 0 transparent to 255 opaque."""
    for top in range(0, len(rgb), BAND_ROWS):
        band = rgb[top : top + BAND_ROWS]
        clear = 255 - alpha[top : top + BAND_ROWS, :, None].astype(np.uint16)
        if clear.any():
            # White is 255, so c*a + 255*(255 - a) = 255*255 - a*(255 - c); rounded to the nearest level.
            band[:] = 255 - ((255 - clear) * (255 - band) + 127) // 255


def _alpha(stored: Image.Image, depth: int) -> Image.Image | None:
    """The opacity of every pixel as an L image; None where the file has none or every pixel is opaque."""
    key = stored.info.get("transparency")
    if stored.mode in ("RGBA", "LA", "PA"):
        alpha = stored.getchannel("A")
    elif stored.mode in ("RGBa", "La") or (stored.mode == "P" and key is not None):
        alpha = stored.convert("RGBA").getchannel("A")
    elif isinstance(key, int | tuple):
        alpha = _alpha_by_key(stored, key, depth)
    else:
        return None
    return None if alpha.getextrema() == (255, 255) else alpha


def _alpha_by_key(stored: Image.Image, key: int | tuple[int, ...], depth: int) -> Image.Image:
    """Transparent where the sample is ``key``, given in the file's own ``depth`` while Pillow scaled the samples."""
    levels = [key] if isinstance(key, int) else list(key)
    if stored.mode in ("L", "RGB"):
        levels = [level >> 8 if depth == 16 else level * 255 // (2**depth - 1) for level in levels]
    opaque = np.zeros((stored.height, stored.width), bool)
    for band, level in zip(stored.split(), levels, strict=False):
        opaque |= np.asarray(band.convert("L") if band.mode == "1" else band) != level
    return Image.fromarray(opaque.astype(np.uint8) * np.uint8(255))


def _without_alpha(stored: Image.Image) -> Image.Image:
    """``stored`` in a mode that a profile may describe: L, RGB or CMYK."""
    if is_many_levelled(stored):
        return Image.fromarray(grey_of(stored))
    if stored.mode in ("L", "RGB", "CMYK"):
        return stored
    if stored.mode == "LA":
        return stored.getchannel("L")
    if stored.mode == "1":
        return stored.convert("L")
    # Premultiplied colours come back undivided through RGBA; palettes through their own colours.
    return (stored.convert("RGBA") if stored.mode in ("RGBa", "La", "PA") else stored).convert("RGB")


@lru_cache(maxsize=16)
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from ``profile`` to sRGB for samples of ``mode``; None where none is needed or possible."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if PROFILED_MODES.get(source.profile.xcolor_space) != mode:
            return None
        # Most cameras and editors embed sRGB itself; running it would cost more than decoding the picture.
        if (source.profile.profile_description or "").startswith("sRGB"):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None


@lru_cache(maxsize=1)
def _from_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise ValueError("the colour transform gave no picture")
    return converted
