"""Engines on the far side of a network."""
