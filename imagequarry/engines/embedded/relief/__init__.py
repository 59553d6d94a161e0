"""Meshes with nothing to fetch: the outline blown up, the picture's light and shade as relief on it."""

from imagequarry.engines.embedded.relief.engine import CARD, Relief

__all__ = ["CARD", "Relief"]
