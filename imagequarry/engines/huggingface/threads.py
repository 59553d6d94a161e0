"""How many threads a model computes with on the processor, where the answer is not all of them."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from typing import Any

import torch
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]


def alone() -> AbstractContextManager[Any]:
    """Compute on the calling thread only; other threads of the process are as free as before.

    For what is little work, as a line of text is: its layers are too small to share, and on a busy machine threads
    that wait for each other at each of them took ten times as long as one.
    """
    limited: AbstractContextManager[Any] = _pools().limit(limits=1, user_api="openmp")
    return limited


@functools.cache
def _pools() -> Any:
    # The libraries that are loaded by now, PyTorch's among them.
    assert torch.get_num_threads() > 0
    return ThreadpoolController()
