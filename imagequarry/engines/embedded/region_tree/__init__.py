"""Promptable segmentation with nothing to fetch: trees of regions from boundaries and colours."""

from imagequarry.engines.embedded.region_tree.engine import CARD, RegionTree

__all__ = ["CARD", "RegionTree"]
