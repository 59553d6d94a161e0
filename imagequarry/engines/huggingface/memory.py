"""Running out of memory as an error like any other: said clearly, and survived."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from imagequarry.errors import OutOfMemory

# Those of the CPU's allocator, of CUDA, and of its libraries, which have memory of their own.
_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "STATUS_ALLOC_FAILED")


@contextmanager
def bounded() -> Iterator[None]:
    """Raise OutOfMemory where PyTorch or Python found no memory for what is done inside."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise OutOfMemory() from error
    except RuntimeError as error:
        # These have no error class of their own.
        if any(word in str(error) for word in _WORDS):
            raise OutOfMemory() from error
        raise


def held(model: Any) -> int:
    """Memory held by a model's weights in bytes, shared ones counted once."""
    tensors: list[torch.Tensor] = [*model.parameters(), *model.buffers()]
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in tensors}.values())
