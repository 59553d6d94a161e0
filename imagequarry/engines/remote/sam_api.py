"""Any SAM HTTP API in surface C's words, as a segmenter.

``POST url`` with ``Authorization: Bearer token`` and ``{"image": base64}`` answers ``{"processed_masks": [{"id",
"mask_b64", "bbox", "area"}], "width", "height"}``. Whatever else comes back is a ``RemoteFailure``: what the far side
says is checked like anything else from outside.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import time
from dataclasses import dataclass, field
from typing import Any

import cv2
import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.mask import Mask
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate, Everything, Found, Prompt
from imagequarry.domain.watch import Watch
from imagequarry.errors import RemoteFailure

_LARGEST_REPLY = 512 * 2**20
_MOST_MASKS = 10_000
# What a mask may be; others that Pillow reads start programs of their own.
_FORMATS = ("PNG", "WEBP", "JPEG", "BMP")


@dataclass(frozen=True, slots=True)
class RemoteMasks:
    """All masks the API found in a picture, in its own order."""

    height: int
    width: int
    masks: tuple[Mask, ...] = field(repr=False)

    @property
    def nbytes(self) -> int:
        """Memory held by the run lengths, in bytes."""
        return sum(len(mask.counts) + 100 for mask in self.masks)


class SamApi:
    """Asks the API once per picture; prompts are answered from the masks it found."""

    nbytes = 0

    def __init__(self, url: str, token: str, timeout: float, max_bytes: int = _LARGEST_REPLY) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._client = httpx.Client(headers=headers, timeout=timeout, follow_redirects=False)

    def embed(self, image: Raster) -> RemoteMasks:
        """Every mask the API finds. Raises ``RemoteFailure``."""
        # The upright pixels rather than the file: a service that ignores EXIF would answer for another picture.
        _, png = cv2.imencode(".png", image.rgb[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        reply = self._ask({"image": base64.b64encode(png.tobytes()).decode("ascii")})
        masks = reply.get("processed_masks")
        if (reply.get("width"), reply.get("height")) != (image.width, image.height):
            raise RemoteFailure("The SAM API answered for a picture of another size.")
        if not isinstance(masks, list) or len(masks) > _MOST_MASKS:
            raise RemoteFailure("The SAM API did not answer with a list of masks.")
        return RemoteMasks(image.height, image.width, tuple(_mask(one, image.width, image.height) for one in masks))

    def predict(self, embedding: RemoteMasks, prompt: Prompt) -> list[Candidate]:
        """The three masks that obey most clicks, smallest first among equals, or that overlap the box best."""
        ranked = sorted(embedding.masks, key=lambda mask: _disagreement(mask, prompt))
        return [_candidate(mask) for mask in ranked[:3] if mask.area]

    def everything(self, image: Raster, embedding: RemoteMasks, wish: Everything, watch: Watch) -> Found:
        """All masks, in the API's order."""
        watch.check()
        return Found([_candidate(mask) for mask in embedding.masks if mask.area and mask.area >= wish.min_area])

    def _ask(self, body: dict[str, str]) -> dict[str, Any]:
        deadline = time.monotonic() + self._timeout
        try:
            with self._client.stream("POST", self._url, json=body) as response:
                if response.status_code != httpx.codes.OK:
                    raise RemoteFailure(f"The SAM API answered with status {response.status_code}.")
                reply = json.loads(self._read(response, deadline))
        except httpx.TimeoutException as error:
            raise RemoteFailure("The SAM API did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RemoteFailure("The SAM API could not be reached.") from error
        except (ValueError, RecursionError) as error:
            raise RemoteFailure("The SAM API did not answer with JSON.") from error
        if not isinstance(reply, dict):
            raise RemoteFailure("The SAM API did not answer with a JSON object.")
        return reply

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self._max_bytes:
                raise RemoteFailure("The SAM API answered with more than can be taken.")
            # The client's own limit is for each silence, and drops could come for ever.
            if time.monotonic() > deadline:
                raise RemoteFailure("The SAM API did not answer in time.")
            parts.append(part)
        return b"".join(parts)


def _mask(one: Any, width: int, height: int) -> Mask:
    text = one.get("mask_b64") if isinstance(one, dict) else None
    if not isinstance(text, str):
        raise RemoteFailure("The SAM API sent a mask without mask_b64.")
    try:
        # A data URL's prefix is no part of the base64.
        data = io.BytesIO(base64.b64decode(text.rpartition(",")[2], validate=True))
        with Image.open(data, formats=_FORMATS) as image:
            # The header tells the size: nothing larger than the picture is ever decoded.
            if image.size != (width, height):
                raise RemoteFailure("The SAM API sent a mask of another size than the picture's.")
            pixels = _brightness(image)
    except (OSError, ValueError, binascii.Error, SyntaxError, Image.DecompressionBombError) as error:
        raise RemoteFailure("The SAM API sent a mask that is no picture.") from error
    return Mask.from_array(pixels > 127)


def _brightness(image: Image.Image) -> NDArray[np.uint8]:
    """(H, W): the opacity where there is some, else the grey value."""
    if image.mode in ("RGBA", "LA") and image.getchannel("A").getextrema() != (255, 255):
        return np.asarray(image.getchannel("A"), dtype=np.uint8)
    return np.asarray(image.convert("L"), dtype=np.uint8)


def _disagreement(mask: Mask, prompt: Prompt) -> tuple[float, int]:
    clicks = sum(mask.contains(point) != bool(label) for point, label in zip(prompt.points, prompt.labels, strict=True))
    overlap = _box_iou(mask.box, prompt.box) if prompt.box else 0.0
    return clicks - overlap, mask.area


def _box_iou(a: Box, b: Box) -> float:
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a.width * a.height + b.width * b.height - shared)


def _candidate(mask: Mask) -> Candidate:
    return Candidate(mask, 1.0, 1.0, _inner(mask), Box(0, 0, mask.width, mask.height))


def _inner(mask: Mask) -> Point:
    """The most interior pixel."""
    rows, columns = mask.window(1)
    depth = cv2.distanceTransform(mask.crop(1).astype(np.uint8), cv2.DIST_L2, 3)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return Point(float(columns.start + x), float(rows.start + y))
