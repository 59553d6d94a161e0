"""Promptable segmentation without weights: a tree of regions from colour, texture and edges alone."""

from imagequarry.engines.embedded.region_tree.engine import CARD, RegionTree

__all__ = ["CARD", "RegionTree"]
