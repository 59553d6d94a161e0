"""The fitted heads: small networks that tell from a few dozen figures what overlap to expect with what was meant."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from imagequarry.engines.embedded.region_tree.arrays import Floats

NUMBERS = "heads.json"


@dataclass(frozen=True, slots=True)
class Head:
    """A network of dense layers with ReLU between them; figures are standardised with ``mean`` and ``spread`` first."""

    mean: Floats
    spread: Floats
    layers: tuple[tuple[Floats, Floats], ...]

    @classmethod
    def from_numbers(cls, numbers: dict[str, Any]) -> Head:
        """The head whose numbers are {"mean": [], "spread": [], "layers": [[weights, bias], ...]}."""

        def array(values: Any) -> Floats:
            return np.asarray(values, np.float32)

        layers = tuple((array(weights), array(bias)) for weights, bias in numbers["layers"])
        return cls(array(numbers["mean"]), array(numbers["spread"]), layers)

    @property
    def nbytes(self) -> int:
        return self.mean.nbytes + self.spread.nbytes + sum(w.nbytes + b.nbytes for w, b in self.layers)

    def __call__(self, figures: Floats) -> Floats:
        """The expected intersection over union (k,) for figures (k, f); about 0..1, not clipped."""
        value = np.clip((figures - self.mean) / self.spread, -6, 6)
        for weights, bias in self.layers[:-1]:
            value = np.maximum(value @ weights + bias, 0)
        weights, bias = self.layers[-1]
        return np.asarray((value @ weights + bias)[:, 0], np.float32)


@cache
def heads() -> dict[str, Head]:
    """The heads by the kind of question: click, more, box, region. Their numbers lie beside this file."""
    text = resources.files(__package__).joinpath(NUMBERS).read_text(encoding="utf-8")
    return {name: Head.from_numbers(numbers) for name, numbers in json.loads(text).items()}
