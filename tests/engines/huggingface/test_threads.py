"""Small work stays on the thread that asks for it, and takes nothing from others."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from imagequarry.engines.huggingface.threads import alone


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_only_the_thread_that_asks_computes_alone(three_threads: None) -> None:
    others: list[int] = []
    with alone():
        assert torch.get_num_threads() == 1
        other = threading.Thread(target=lambda: others.append(torch.get_num_threads()))
        other.start()
        other.join()
        with alone():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert others == [3]
    assert torch.get_num_threads() == 3


def test_it_is_so_until_an_error_too(three_threads: None) -> None:
    with pytest.raises(ValueError, match="fault"), alone():
        raise ValueError("fault")
    assert torch.get_num_threads() == 3
