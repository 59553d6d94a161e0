"""Pictures from outside: hostile bytes in, an upright sRGB raster out, or one plain sentence why not."""

from __future__ import annotations

from imagequarry.capabilities.intake.limits import JPEG_PNG, PICTURE_FORMATS, Limits
from imagequarry.capabilities.intake.opening import Opened, digest_of, open_picture
from imagequarry.capabilities.intake.text import from_base64

__all__ = ["JPEG_PNG", "PICTURE_FORMATS", "Limits", "Opened", "digest_of", "from_base64", "open_picture"]
