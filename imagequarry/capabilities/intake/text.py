"""Pictures that come as text: plain base64 and data URLs."""

from __future__ import annotations

import base64
import binascii

from imagequarry.capabilities.intake.limits import DEFAULT_LIMITS, Limits, megabytes
from imagequarry.errors import FileTooLarge, InvalidPicture

STANDARD_ALPHABET = str.maketrans("-_", "+/", " \t\r\n\f\v")


def from_base64(text: str, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes behind base64 ``text``, with or without a ``data:…;base64,`` head.

    White space inside, the URL-safe alphabet and missing padding are tolerated; the media type is not believed. The
    length of the text is checked before anything is decoded. Raises InvalidPicture and FileTooLarge.
    """
    if len(text) > limits.max_base64_chars:
        raise FileTooLarge(
            f"The picture is larger than the {megabytes(limits.max_bytes)} allowed.", max_bytes=limits.max_bytes
        )
    encoded = _without_head(text).translate(STANDARD_ALPHABET).rstrip("=")
    if not encoded:
        raise InvalidPicture("The text holds no picture.")
    try:
        data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidPicture("The text is not base64.") from error
    limits.check_bytes(len(data))
    return data


def _without_head(text: str) -> str:
    """What follows the comma of a data URL; the text itself where it is none."""
    start = text[:256].lstrip()
    if start[:5].lower() != "data:":
        return text
    head, comma, payload = text.partition(",")
    if not comma or not head.rstrip().lower().endswith(";base64"):
        raise InvalidPicture("The data URL holds no base64.")
    return payload
