"""Benchmarks: ratios taken side by side in one run, on whatever machine runs them."""
