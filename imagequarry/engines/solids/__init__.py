"""Closed surfaces from a picture's outline and heights: what every engine shares that raises pictures into solids."""
