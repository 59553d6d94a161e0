"""Engines that need no weights: they work on a fresh machine, without a network and without a GPU."""
