"""How surface C speaks: mask ids count from 1, times have no zone, boxes are corner to corner."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Final

from imagequarry.domain.geometry import Box
from imagequarry.domain.records import LONGEST_ID, is_id
from imagequarry.errors import InvalidInput

NAME: Final = "sam2"


def new_image_id() -> str:
    """An id as in img_20250804_123456_abc12345: the time in UTC and 32 random bits."""
    return f"img_{datetime.now(UTC):%Y%m%d_%H%M%S}_{secrets.token_hex(4)}"


def checked_image_id(chosen: str) -> str:
    """An id that a caller chose, if an address can hold it. Raises ``InvalidInput``."""
    if not is_id(chosen) or "/" in chosen or chosen in (".", ".."):
        raise InvalidInput(f"image_id has 1 to {LONGEST_ID} characters, no slash among them, and is not . or ..")
    return chosen


def timestamp(moment: datetime) -> str:
    """UTC without a zone, in whole seconds: 2025-08-04T12:34:56."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def corners(box: Box) -> list[int]:
    """[x_min, y_min, x_max, y_max]: the first and the last column and row that the mask has pixels in."""
    return [int(box.x0), int(box.y0), max(int(box.x1) - 1, int(box.x0)), max(int(box.y1) - 1, int(box.y0))]


def mask_id(position: int) -> int:
    """A mask's number in its picture, from 1."""
    return position + 1


def position(mask_id: int) -> int:
    """The position of the mask with that number."""
    return mask_id - 1
