"""What is imported before a model is asked for, and what is said when there is no memory for it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from imagequarry.engines.huggingface.memory import bounded
from imagequarry.errors import OutOfMemory


@pytest.mark.parametrize("module", ["sam", "sam.candidates", "sam.families", "sam.grid", "sam.regions"])
def test_naming_the_engine_imports_no_library(module: str) -> None:
    code = (
        f"import sys, imagequarry.engines.huggingface.{module}; print({{'torch', 'transformers'}} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def test_no_memory_for_tensors_or_arrays_is_one_error() -> None:
    with pytest.raises(OutOfMemory), bounded():
        torch.empty(2**60, dtype=torch.uint8)
    with pytest.raises(OutOfMemory), bounded():
        np.empty(2**60, dtype=np.uint8)


@pytest.mark.parametrize(
    "words", ["CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"]
)
def test_a_gpu_s_libraries_are_understood(words: str) -> None:
    with pytest.raises(OutOfMemory), bounded():
        raise RuntimeError(words)


def test_no_memory_on_a_device_is_the_same_error(device: str) -> None:
    with pytest.raises(OutOfMemory), bounded():
        torch.empty(2**55, dtype=torch.uint8, device=device)


def test_float32_is_rounded_to_nothing_less(device: str) -> None:
    import imagequarry.engines.huggingface.folders  # noqa: F401

    draw = torch.Generator().manual_seed(0)
    picture, kernel = (torch.randn(size, generator=draw) for size in ((1, 64, 32, 32), (64, 64, 3, 3)))
    wanted = torch.nn.functional.conv2d(picture.double(), kernel.double())
    found = torch.nn.functional.conv2d(picture.to(device), kernel.to(device)).cpu()
    assert (found - wanted).abs().max() < 1e-3
    a, b = (torch.randn(256, 256, generator=draw) for _ in range(2))
    assert ((a.to(device) @ b.to(device)).cpu() - a.double() @ b.double()).abs().max() < 1e-3


def test_other_faults_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="size"), bounded():
        torch.zeros(2) + torch.zeros(3)
