"""Whose key asks for what, and where."""

from __future__ import annotations

from dataclasses import dataclass, field

KEY_PAGE = "https://fal.ai/dashboard/keys"
PUBLIC_REST_URL = "https://rest.fal.ai"

# A part of a key that is shorter is no secret, and may be a word of any sentence.
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class Account:
    """An account at fal.ai. ``timeout``: seconds that a model may take, from the order to the result."""

    key: str = field(default="", repr=False)
    endpoint: str = "tripo3d/tripo/v2.5/image-to-3d"
    queue_url: str = "https://queue.fal.run"
    rest_url: str = PUBLIC_REST_URL
    timeout: float = 900.0

    @property
    def lacks(self) -> str:
        """What has to be set before anything can be asked, as a sentence; empty where nothing has."""
        if not self.key:
            return f"'tripo3d' needs an account at fal.ai: set FAL_KEY to a key from {KEY_PAGE}."
        if not (self.key.isascii() and self.key.isprintable()) or " " in self.key:
            return f"FAL_KEY is no key: set it to one from {KEY_PAGE}, without spaces or line breaks."
        return ""

    def hide(self, text: str) -> str:
        """The text without the key, or either half of it."""
        for secret in (self.key, *self.key.split(":")):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "[key]")
        return text
