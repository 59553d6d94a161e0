"""Running out of memory as an error like any other: said clearly, and survived."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from imagequarry.errors import OutOfMemory

_WORDS = ("can't allocate memory", "not enough memory", "out of memory")


@contextmanager
def bounded() -> Iterator[None]:
    """Raise OutOfMemory where PyTorch or Python found no memory for what is done inside."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise OutOfMemory() from error
    except RuntimeError as error:
        # PyTorch's allocator for the CPU has no error class of its own.
        if any(word in str(error) for word in _WORDS):
            raise OutOfMemory() from error
        raise


def held(model: Any) -> int:
    """Memory held by a model's weights in bytes, shared ones counted once."""
    tensors: list[torch.Tensor] = [*model.parameters(), *model.buffers()]
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in tensors}.values())
