"""PyTorch kept to one thread, since tiny models lose more by sharing than they gain, and transformers kept quiet.

What depends on the device is tested on the processor, and on a GPU too where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import transformers

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


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
