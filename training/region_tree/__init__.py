"""Fitting and measuring the embedded segmenter on photographs with human outlines."""
