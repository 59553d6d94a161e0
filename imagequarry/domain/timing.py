"""How long the steps of models take, for whoever counts it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

Stage = Literal[
    "load",
    "embed",
    "prompt",
    "words",
    "everything",
    "caption",
    "objects",
    "picture-vectors",
    "text-vectors",
    "mesh",
]
"""``prompt`` answers clicks, ``words`` finds what words name, ``everything`` searches a whole picture."""

Observe = Callable[[Stage, str, float], None]
"""Takes the stage, the model's name and the seconds; may be called from any thread, and costs microseconds."""


def unobserved(stage: Stage, model: str, seconds: float) -> None:
    """Nobody counts."""


@contextmanager
def timed(observe: Observe, stage: Stage, model: str) -> Iterator[None]:
    """Tell how long the block took, also when it raised."""
    began = time.perf_counter()
    try:
        yield
    finally:
        observe(stage, model, time.perf_counter() - began)
