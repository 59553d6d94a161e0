"""How surface D speaks: errors are ``{detail}``, pictures are data URLs."""

from __future__ import annotations

import base64
from typing import Final

NAME: Final = "imgr"


def data_url(png: bytes) -> str:
    """PNG bytes as a data URL."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
