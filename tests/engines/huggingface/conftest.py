"""PyTorch kept to one thread, since tiny models lose more by sharing than they gain, and transformers kept quiet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import transformers

from tests.engines.huggingface.devices import DEVICES


@pytest.fixture(scope="session", params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """Each device that this machine has."""
    found: str = request.param
    return found


@pytest.fixture(autouse=True, scope="session")
def one_quiet_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    yield
    torch.set_num_threads(threads)
