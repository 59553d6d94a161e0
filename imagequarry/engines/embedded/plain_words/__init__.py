"""Captions and tags with nothing to fetch, that say only what can be seen: colours, light, layout, faces."""

from imagequarry.engines.embedded.plain_words.engine import CAPTION_CARD, OBJECTS_CARD, PlainWords

__all__ = ["CAPTION_CARD", "OBJECTS_CARD", "PlainWords"]
