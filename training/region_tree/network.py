"""Fitting a small dense network to expected overlaps, with NumPy alone: Adam on squared error, averaged weights."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fit_head(
    figures: Floats,
    target: Floats,
    weight: Floats | None = None,
    hidden: tuple[int, ...] = (40, 16),
    epochs: int = 24,
    decay: float = 1e-4,
    seed: int = 0,
) -> dict[str, Any]:
    """The numbers of a head that predicts ``target`` (k,) 0..1 from ``figures`` (k, f), in the form of heads.json."""
    rng = np.random.default_rng(seed)
    mean, spread = figures.mean(0), figures.std(0) + 1e-3
    x = np.clip((figures - mean) / spread, -6, 6).astype(np.float32)
    y = target.astype(np.float32)
    w = np.ones(len(y), np.float32) if weight is None else (weight / weight.mean()).astype(np.float32)
    sizes = (x.shape[1], *hidden, 1)
    parameters: list[Floats] = []
    for one, two in pairwise(sizes):
        parameters += [rng.normal(0, np.sqrt(2 / one), (one, two)).astype(np.float32), np.zeros(two, np.float32)]
    parameters[-2] *= 0.1
    parameters[-1][:] = y.mean()
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    average = [p.copy() for p in parameters]
    batch = 512
    total = epochs * (len(y) // batch + 1)
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for start in range(0, len(y), batch):
            rows = order[start : start + batch]
            step += 1
            rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * step / total)) * min(1, step / 200)
            slopes = _slopes(parameters, x[rows], y[rows], w[rows])
            for i, slope in enumerate(slopes):
                first[i] += 0.1 * (slope - first[i])
                second[i] += 0.001 * (slope * slope - second[i])
                move = first[i] / (1 - 0.9**step) / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
                parameters[i] -= np.float32(rate) * (move + decay * (parameters[i] if parameters[i].ndim > 1 else 0))
                average[i] += np.float32(0.002 if step > 1000 else 0.02) * (parameters[i] - average[i])
    layers = [[average[i].round(4).tolist(), average[i + 1].round(4).tolist()] for i in range(0, len(average), 2)]
    return {"mean": mean.round(4).tolist(), "spread": spread.round(4).tolist(), "layers": layers}


def _slopes(parameters: list[Floats], x: Floats, y: Floats, w: Floats) -> list[Floats]:
    """The gradient of the mean squared error by every parameter."""
    values = [x]
    for i in range(0, len(parameters) - 2, 2):
        values.append(np.maximum(values[-1] @ parameters[i] + parameters[i + 1], 0))
    error = ((values[-1] @ parameters[-2] + parameters[-1])[:, 0] - y) * w
    slope = (2 / len(y) * error)[:, None].astype(np.float32)
    found: list[Floats] = []
    for i in range(len(parameters) - 2, -1, -2):
        found = [values[i // 2].T @ slope, slope.sum(0), *found]
        slope = (slope @ parameters[i].T) * (values[i // 2] > 0)
    return found
