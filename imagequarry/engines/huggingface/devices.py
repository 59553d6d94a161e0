"""Where PyTorch computes."""

from __future__ import annotations

import functools
import sys

from imagequarry.errors import ModelUnavailable


@functools.cache
def chosen(wanted: str) -> str:
    """The device for a wish of "auto", "cpu", "cuda" or "mps".

    "auto" is the best this machine has, and the processor where PyTorch is not installed. A device that is named and
    not there is an error rather than a slower one: ``ModelUnavailable``.
    """
    if wanted == "cpu":
        return wanted
    try:
        import torch
    except ImportError:
        there = {"cuda": False, "mps": False}
    else:
        there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next((device for device, is_there in there.items() if is_there), "cpu")
    if not there.get(wanted, False):
        raise ModelUnavailable(f"DEVICE={wanted} was asked for, but PyTorch finds no such device on this machine.")
    return wanted


def give_back() -> None:
    """Return to the GPU what PyTorch keeps of the memory that nothing uses any more, for other programs to have."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
