"""Many masks at full size at once, on the device that made their logits.

What ``upscale.py`` computes tile by tile and mask by mask for a processor, in few and large steps for a GPU: the same
products in double precision, in the window that holds the masks. Of a mask only counts of pixels come to the host, and
of one that is stable the places where its runs start and end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from imagequarry.engines.huggingface.sam.preprocess import Frame
from imagequarry.engines.huggingface.sam.upscale import (
    STABILITY_OFFSET,
    Doubles,
    Traced,
    joined,
    matrices,
    nearest,
    reaches,
)

# Full-size values held at a time: 256 MiB in double precision, and half as much again on the way.
_VALUES = 2**25


@dataclass(frozen=True, slots=True)
class _Window:
    """Full-size rows (or columns) [start, stop) and the low-resolution ones [first, last) that they draw from."""

    start: int
    stop: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.stop - self.start


class _Axis:
    """One axis of the enlargement, ``matrix`` (size, side) on the device."""

    def __init__(self, matrix: Doubles, device: torch.device) -> None:
        self.matrix = torch.from_numpy(matrix).to(device)
        self.near = torch.from_numpy(nearest(matrix)).to(device)
        size, side = matrix.shape
        drawn = matrix != 0
        #: by full-size row: the low-resolution ones it draws from
        self._low_first, self._low_last = drawn.argmax(1), side - drawn[:, ::-1].argmax(1)
        #: by low-resolution row: the full-size ones that draw from it, none where it is padding
        self._first = np.where(drawn.any(0), drawn.argmax(0), size)
        self._last = np.where(drawn.any(0), size - drawn[::-1].argmax(0), 0)

    def reached(self, marked: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of (n, side) marked low-resolution rows the first and, excluded, last full-size ones that they reach; where
        they reach none the last is not after the first."""
        first = np.where(marked, self._first, self.matrix.shape[0]).min(1)
        return first, np.where(marked, self._last, 0).max(1)

    def window(self, start: int, stop: int) -> _Window:
        return _Window(start, stop, int(self._low_first[start]), int(self._low_last[stop - 1]))

    def weights(self, window: _Window) -> Tensor:
        return self.matrix[window.start : window.stop, window.first : window.last]


class Tracer:
    """Enlarges (side, side) logits of a model for one frame; shared by threads."""

    def __init__(self, frame: Frame, side: int, device: torch.device, *, twice: bool) -> None:
        self.height, self.width = frame.height, frame.width
        self._device = device
        rows, columns = matrices(frame, side, twice=twice)
        self._rows, self._columns = _Axis(rows, device), _Axis(columns, device)

    @torch.inference_mode()
    def stable(self, logits: Tensor, wanted: NDArray[np.bool_], threshold: float) -> list[Traced | None]:
        """The masks of the wanted ones among (n, 3, side, side) logits in their order, None for the unstable."""
        chosen = torch.from_numpy(np.flatnonzero(wanted)).to(self._device)
        low = logits.flatten(0, 1)[chosen]
        found: list[Traced | None] = [None] * len(low)
        places = np.arange(len(low))
        if threshold > 0:
            places = np.flatnonzero(self.stability_bounds(low).cpu().numpy() >= threshold)
            low = low[torch.from_numpy(places).to(self._device)]
        for place, traced in zip(places.tolist(), self._all(low, threshold), strict=True):
            found[place] = traced
        return found

    @torch.inference_mode()
    def stability_bounds(self, logits: Tensor) -> Tensor:
        """(n,) what the stability of each mask cannot exceed; see ``Upscaler.stability_bound``."""
        low = logits[:, : len(self._rows.near), : len(self._columns.near)]
        marked = torch.stack([low > STABILITY_OFFSET, low <= -STABILITY_OFFSET], dim=1).float()
        spread = functional.max_pool2d(marked, 3, 1, 1).double()
        spread[:, 1].neg_().add_(1)
        sure, likely = (spread @ self._columns.near @ self._rows.near).unbind(1)
        return torch.where(sure < likely, sure / likely, 1.0)

    @torch.inference_mode()
    def trace(self, logits: Tensor) -> list[Traced]:
        """The masks of (n, side, side) logits in their order."""
        return [traced for traced in self._all(logits, 0.0) if traced is not None]

    def _all(self, logits: Tensor, threshold: float) -> Iterator[Traced | None]:
        """The same, None where the stability is below the threshold."""
        likely = logits > -STABILITY_OFFSET
        reached = torch.stack([likely.any(2), likely.any(1)]).cpu().numpy()
        top, bottom = self._rows.reached(reached[0])
        left, right = self._columns.reached(reached[1])
        for part in self._parts(top, bottom, left, right):
            y0, y1 = int(top[part].min()), int(bottom[part].max())
            x0, x1 = int(left[part].min()), int(right[part].max())
            if y0 < y1 and x0 < x1:
                rows, columns = self._rows.window(y0, y1), self._columns.window(x0, x1)
                yield from self._traced(logits[part], rows, columns, threshold)
            else:
                empty = Traced(0, 0, 0, *joined([], []), self.height, self.width)
                yield from [empty if reaches(0.0, threshold) else None] * (part.stop - part.start)

    def _parts(self, *sides: NDArray[np.intp]) -> Iterator[slice]:
        """Neighbours whose common window is small enough to be held for all of them."""
        start, around = 0, [self.height, 0, self.width, 0]
        for i, (top, bottom, left, right) in enumerate(zip(*(side.tolist() for side in sides), strict=True)):
            wider = [min(around[0], top), max(around[1], bottom), min(around[2], left), max(around[3], right)]
            if i > start and (i + 1 - start) * (wider[1] - wider[0]) * (wider[3] - wider[2]) > _VALUES:
                yield slice(start, i)
                start, wider = i, [top, bottom, left, right]
            around = wider
        if start < len(sides[0]):
            yield slice(start, len(sides[0]))

    def _traced(self, logits: Tensor, rows: _Window, columns: _Window, threshold: float) -> Iterator[Traced | None]:
        low = logits[:, rows.first : rows.last, columns.first : columns.last].double().mT
        # Columns first, as run lengths are read: (n, columns, rows).
        values = self._columns.weights(columns) @ low @ self._rows.weights(rows).mT
        levels = (STABILITY_OFFSET, 0.0, -STABILITY_OFFSET)
        counts = torch.stack([(values > level).sum((1, 2)) for level in levels]).cpu().numpy()
        sure, area, likely = counts.tolist()
        passing = [reaches(s / m if m else 0.0, threshold) for s, m in zip(sure, likely, strict=True)]
        kept = [i for i, passes in enumerate(passing) if passes]
        inside = values > 0
        if len(kept) < len(passing):
            inside = inside[torch.tensor(kept, dtype=torch.int64).to(self._device)]
        runs = iter(self._runs(inside, rows, columns))
        for i, passes in enumerate(passing):
            yield Traced(sure[i], area[i], likely[i], *next(runs), self.height, self.width) if passes else None

    def _runs(
        self, inside: Tensor, rows: _Window, columns: _Window
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Starts and ends of the runs of each of (n, columns, rows) pixels, as positions in the whole frame."""
        if not len(inside):
            return []
        # A column starts and ends outside, so that every run does inside it.
        changes = functional.pad(inside, (1, 0)) != functional.pad(inside, (0, 1))
        edges = changes.flatten().nonzero()[:, 0]
        per_mask, per_column = changes[0].numel(), len(rows) + 1
        place = edges % per_mask
        position = (place // per_column + columns.start) * self.height + place % per_column + rows.start
        ends = torch.searchsorted(edges, torch.arange(1, len(inside), device=self._device) * per_mask)
        parts = np.split(position.cpu().numpy(), ends.cpu().numpy())
        return [joined([part[::2]], [part[1::2]]) for part in parts]
