"""Questions to what may never answer."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from imagequarry.errors import StorageFailure
from imagequarry.ops.asking import Question, answers

SECONDS = 60.0


class Hanging:
    """Something that answers only when it is let go; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.let_go = threading.Event()

    def __call__(self) -> str:
        self.asked += 1
        assert self.let_go.wait(SECONDS)
        return "here"


def test_an_answer_comes_with_the_time_it_took() -> None:
    def slow() -> int:
        time.sleep(0.05)
        return 7

    answer = Question(slow).answer(SECONDS)
    assert (answer.value, answer.fault) == (7, "")
    assert 0.05 <= answer.seconds < 5


@pytest.mark.alone
def test_what_hangs_is_waited_for_once_and_asked_once() -> None:
    hanging = Hanging()
    question = Question(hanging)
    began = time.monotonic()
    first = question.answer(0.2)
    assert 0.2 <= time.monotonic() - began < 5
    assert first.value is None
    assert first.fault == "No answer within 0.2 seconds."
    began = time.monotonic()
    assert question.answer(0.2).value is None
    assert time.monotonic() - began < 0.1
    assert hanging.asked == 1
    hanging.let_go.set()
    assert question.answer(SECONDS).value == "here"


def test_who_asks_meanwhile_shares_the_answer() -> None:
    hanging = Hanging()
    question = Question(hanging)
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(question.answer, SECONDS) for _ in range(20)]
        time.sleep(0.1)
        hanging.let_go.set()
        assert [future.result().value for future in waiting] == ["here"] * 20
    assert hanging.asked == 1
    assert question.answer(SECONDS).value == "here"
    assert hanging.asked == 2


@pytest.mark.alone
def test_all_together_take_as_long_as_the_slowest() -> None:
    def slow() -> None:
        time.sleep(0.2)

    began = time.monotonic()
    assert [answer.fault for answer in answers([Question(slow) for _ in range(10)], SECONDS)] == [""] * 10
    assert time.monotonic() - began < 1.5


def test_a_fault_is_told_as_a_sentence_and_what_was_not_foreseen_goes_to_the_log() -> None:
    def away() -> None:
        raise StorageFailure("The database is away.")

    def broken() -> None:
        raise RuntimeError("a secret")

    with capture_logs() as logged:
        first, second = answers([Question(away), Question(broken)], SECONDS)
    assert first.fault == "The database is away."
    assert second.fault == "It could not be asked; the log knows more."
    assert [line["event"] for line in logged] == ["a question could not be asked"]
