"""Vectors of what pictures look like, with nothing to fetch: layout, edges and colours by fixed rules."""

from imagequarry.engines.embedded.appearance.engine import CARD, Appearance

__all__ = ["CARD", "Appearance"]
