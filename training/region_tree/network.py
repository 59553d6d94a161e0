"""Fitting a small dense network to expected overlaps, with NumPy alone: Adam on squared error, averaged weights."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


HIDDEN = (24, 12)
EPOCHS = 8
NETWORKS = 3
DECAY = 1e-4
BATCH = 512


def fit_head(figures: list[Floats], targets: list[Floats]) -> dict[str, Any]:
    """The numbers of a head, in the form of heads.json.

    ``figures`` (k, f) and ``targets`` (k,) 0..1 come in groups, one for each question asked; a group of many
    hypotheses weighs more than one of few, but less than in proportion.
    """
    x, y = np.concatenate(figures), np.concatenate(targets).astype(np.float32)
    weight = np.concatenate([np.full(len(group), len(group) ** -0.5) for group in targets])
    weight = (weight / weight.mean()).astype(np.float32)
    mean, spread = x.mean(0), x.std(0) + 1e-3
    x = np.clip((x - mean) / spread, -6, 6).astype(np.float32)
    networks = [_fit_network(x, y, weight, seed) for seed in range(NETWORKS)]
    return {"mean": mean.round(4).tolist(), "spread": spread.round(4).tolist(), "networks": networks}


def _fit_network(x: Floats, y: Floats, weight: Floats, seed: int) -> list[Any]:
    """The layers of one network."""
    rng = np.random.default_rng(seed)
    parameters: list[Floats] = []
    for one, two in pairwise((x.shape[1], *HIDDEN, 1)):
        parameters += [rng.normal(0, np.sqrt(2 / one), (one, two)).astype(np.float32), np.zeros(two, np.float32)]
    parameters[-2] *= 0.1
    parameters[-1][:] = y.mean()
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    average = [p.copy() for p in parameters]
    total = EPOCHS * (len(y) // BATCH + 1)
    step = 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(y))
        for start in range(0, len(y), BATCH):
            rows = order[start : start + BATCH]
            step += 1
            rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * step / total)) * min(1, step / 200)
            for i, slope in enumerate(_slopes(parameters, x[rows], y[rows], weight[rows])):
                first[i] += 0.1 * (slope - first[i])
                second[i] += 0.001 * (slope * slope - second[i])
                move = first[i] / (1 - 0.9**step) / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
                shrink = DECAY * parameters[i] if parameters[i].ndim > 1 else 0
                parameters[i] -= np.float32(rate) * (move + shrink)
                average[i] += np.float32(0.002 if step > 1000 else 0.02) * (parameters[i] - average[i])
    return [[average[i].round(4).tolist(), average[i + 1].round(4).tolist()] for i in range(0, len(average), 2)]


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
