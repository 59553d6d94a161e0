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


def test_other_faults_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="size"), bounded():
        torch.zeros(2) + torch.zeros(3)
