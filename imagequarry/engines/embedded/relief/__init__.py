"""Models in space with nothing to fetch: the subject's outline blown up, or the picture as a relief."""

from imagequarry.engines.embedded.relief.engine import CARD, Relief

__all__ = ["CARD", "Relief"]
