"""The picture as it leaves the house: its pixels alone, upright, without what a camera wrote beside them."""

from __future__ import annotations

import cv2
import fal_client
from fal_client import StorageSettings, SyncClient

from imagequarry.domain.raster import Pixels, Raster
from imagequarry.engines.remote.fal import wire
from imagequarry.engines.remote.fal.account import Account
from imagequarry.errors import RemoteFailure

LONGEST_SIDE = 2048
"""More than the model looks at, and few enough bytes to go along with the order."""
LARGEST_INLINE = 4 * 2**20
"""Bytes of a file that goes along with the order as a data URL, a third longer; more is uploaded before."""

_TYPE = "image/jpeg"
_QUALITY = 95
_UPLOAD_SECONDS = 60.0
# An upload can be read by whoever has its link, and an order may wait for long.
_UPLOADS_LIVE = StorageSettings(expires_in="1d")


def file_of(raster: Raster) -> bytes:
    """The pixels as a JPEG of at most ``LONGEST_SIDE``. No file of a caller's is passed on, so neither is its EXIF."""
    _, data = cv2.imencode(".jpg", _within(raster.rgb)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()


def link_to(data: bytes, account: Account, largest_inline: int = LARGEST_INLINE) -> str:
    """An address of that JPEG: a data URL, or for a large one that of an upload. Raises ``RemoteFailure``."""
    if len(data) <= largest_inline:
        return fal_client.encode(data, _TYPE)
    try:
        uploader = SyncClient(key=account.key, default_timeout=_UPLOAD_SECONDS)
        link = uploader.upload(data, _TYPE, "picture.jpg", lifecycle=_UPLOADS_LIVE)
    except wire.TROUBLES as error:
        raise RemoteFailure("The picture could not be uploaded to fal.ai.") from error
    if not isinstance(link, str) or not link.startswith(("https://", "http://")):
        raise RemoteFailure("fal.ai took the picture but did not say where it is.")
    return link


def _within(rgb: Pixels) -> Pixels:
    height, width = rgb.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
