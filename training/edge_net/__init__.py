"""Fitting of the edge network on the train part of BSDS500."""
