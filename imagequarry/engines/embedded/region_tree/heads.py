"""The fitted heads: small networks that tell from a few dozen figures what overlap to expect with what was meant.

Their numbers were fitted by ``training/region_tree`` on the train part of BSDS500 (Arbelaez and others, PAMI 2011).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Floats

NUMBERS = "heads.json"


Layers = tuple[tuple[Floats, Floats], ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A few networks of dense layers with ReLU between them, averaged; figures are standardised with ``mean`` and
    ``spread`` first."""

    mean: Floats
    spread: Floats
    networks: tuple[Layers, ...]

    @classmethod
    def from_numbers(cls, numbers: dict[str, Any]) -> Head:
        """The head whose numbers are {"mean": [], "spread": [], "networks": [[[weights, bias], ...], ...]}."""

        def array(values: Any) -> Floats:
            return np.asarray(values, np.float32)

        networks = tuple(
            tuple((array(weights), array(bias)) for weights, bias in layers) for layers in numbers["networks"]
        )
        return cls(array(numbers["mean"]), array(numbers["spread"]), networks)

    @property
    def nbytes(self) -> int:
        layers = [layer for network in self.networks for layer in network]
        return self.mean.nbytes + self.spread.nbytes + sum(w.nbytes + b.nbytes for w, b in layers)

    def __call__(self, figures: Floats) -> Floats:
        """The expected intersection over union (k,) for figures (k, f); about 0..1, not clipped."""
        standard = np.clip((figures - self.mean) / self.spread, -6, 6)
        total = np.zeros(len(figures), np.float32)
        for network in self.networks:
            value = standard
            for weights, bias in network[:-1]:
                value = np.maximum(value @ weights + bias, 0)
            weights, bias = network[-1]
            total += (value @ weights + bias)[:, 0]
        return total / np.float32(len(self.networks))


@cache
def heads() -> dict[str, Head]:
    """The heads by the kind of question: click, more, box, region. Their numbers lie beside this file."""
    text = resources.files(__package__).joinpath(NUMBERS).read_text(encoding="utf-8")
    return {name: Head.from_numbers(numbers) for name, numbers in json.loads(text).items()}
