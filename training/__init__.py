"""Fitting of the numbers the engines ship with; no part of the installed package."""
