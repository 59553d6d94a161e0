"""Questions to what may never answer: a database that hangs must not hang those who ask how it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from imagequarry.errors import QuarryError

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of a question: its ``value``, or the ``fault`` that there is none; ``seconds`` is how long it took."""

    value: T | None
    fault: str
    seconds: float


class Question(Generic[T]):
    """One question, asked in a thread of its own, never twice at once.

    Who asks while it is under way shares the answer. So what hangs holds one thread, however often it is asked.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: _Asked[T] | None = None

    def begin(self) -> _Asked[T]:
        """Ask, unless somebody did and still waits."""
        with self._lock:
            if self._asked is None or self._asked.is_over:
                self._asked = _Asked(self._ask)
            return self._asked

    def answer(self, patience: float) -> Answer[T]:
        """The answer, or that there was none for ``patience`` seconds."""
        return self.begin().wait(patience)


def answers(questions: Sequence[Question[T]], patience: float) -> list[Answer[T]]:
    """The answers to questions that are asked at the same time; all together take as long as the slowest."""
    return [asked.wait(patience) for asked in [question.begin() for question in questions]]


class _Asked(Generic[T]):
    """A question under way."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._began = time.perf_counter()
        self._answer: Future[Answer[T]] = Future()
        # A thread that hangs must not keep the process from ending.
        threading.Thread(target=self._run, args=(ask,), name="question", daemon=True).start()

    @property
    def is_over(self) -> bool:
        return self._answer.done()

    def wait(self, patience: float) -> Answer[T]:
        # Counted from when it was asked: whoever finds it hanging for that long already does not wait at all.
        left = self._began + patience - time.perf_counter()
        try:
            return self._answer.result(max(0.0, left))
        except TimeoutError:
            return Answer(None, f"No answer within {patience:g} seconds.", time.perf_counter() - self._began)

    def _run(self, ask: Callable[[], T]) -> None:
        value, fault = None, ""
        try:
            value = ask()
        except QuarryError as error:
            fault = error.message
        except Exception:  # noqa: BLE001 - what is asked may raise what it likes, and the asker must hear of it
            _log.exception("a question could not be asked")
            fault = "It could not be asked; the log knows more."
        self._answer.set_result(Answer(value, fault, time.perf_counter() - self._began))
