"""The edge network: oriented boundary strengths and grouping features of a picture, by OpenCV alone.

A small U-Net (0.5 M weights, `edge_net.onnx` beside this file), fitted on the train part of BSDS500 (Arbelaez, Maire,
Fowlkes, Malik, PAMI 2011) by `training/edge_net`; no other data, no pretrained weights.
"""

import threading
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

ORIENTATIONS = 8
CELL = 4  # side of a grouping cell, pixels
_STRIDE = 16  # the network halves a picture four times


@dataclass(frozen=True, slots=True)
class Perception:
    """What the network sees in a picture of h x w pixels."""

    strength: NDArray[np.float32]
    """(h, w, 8), 0..1: the share of people who would draw a boundary here along (cos(o*pi/8), sin(o*pi/8)), y down."""

    grouping: NDArray[np.float32]
    """(ceil(h/4), ceil(w/4), 12): two cells are one region with probability sigmoid(3 - squared distance)."""


class EdgeNet:
    """The network; one instance serves all threads, one picture at a time."""

    def __init__(self, weights: bytes) -> None:
        """Read the network from the bytes of its ONNX file."""
        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(weights, np.uint8))
        self._lock = threading.Lock()  # a cv2.dnn.Net is not re-entrant

    def __call__(self, rgb: NDArray[np.uint8]) -> Perception:
        """Look at a picture (h, w, 3) of any size; meant for a longest side of at most 500 pixels."""
        height, width = rgb.shape[:2]
        below, right = -height % _STRIDE, -width % _STRIDE
        padded = cv2.copyMakeBorder(rgb, 0, below, 0, right, cv2.BORDER_REFLECT)
        blob = cv2.dnn.blobFromImage(padded, 1 / 255)
        with self._lock:
            self._net.setInput(blob)
            edges, grouping = self._net.forward(["edges", "grouping"])
            # The outputs are the network's own memory: whatever leaves the lock is a copy.
            strength, features = _interleave(edges[0]), grouping[0].transpose(1, 2, 0).copy()
        rows, columns = -(-height // CELL), -(-width // CELL)
        return Perception(np.ascontiguousarray(strength[:height, :width]), features[:rows, :columns])


@cache
def edge_net() -> EdgeNet:
    """The network with its fitted weights, read once."""
    return EdgeNet(files(__package__).joinpath("edge_net.onnx").read_bytes())


def _interleave(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(8*2*2, h/2, w/2) -> (h, w, 8): plane 4*o + 2*dy + dx holds the pixels (2y + dy, 2x + dx) of direction o."""
    height, width = planes.shape[1:]
    split = planes.reshape(ORIENTATIONS, 2, 2, height, width)
    return split.transpose(3, 1, 4, 2, 0).reshape(2 * height, 2 * width, ORIENTATIONS)
