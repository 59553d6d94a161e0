"""Follows an order to its end: where it stands in the queue, what its log says, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx
import structlog
from fal_client import Completed, FalClientHTTPError, InProgress, Queued, Status, SyncRequestHandle

from imagequarry.domain.mesh import MeshWatch
from imagequarry.engines.remote.fal import receipt as receipts
from imagequarry.engines.remote.fal import wire
from imagequarry.engines.remote.fal.account import Account
from imagequarry.engines.remote.fal.receipt import Receipt
from imagequarry.errors import ModelFailure, RemoteFailure

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

ACCEPTED: Final = 0.04
QUEUED: Final = 0.05
ENDED: Final = 0.7
FETCHED: Final = 0.79
"""How far a job is once its order is taken, while it waits, when it is done, and when its model is here."""

_TURNED_AWAY = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
_NO_ANSWER = (*_TURNED_AWAY, httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
# Half of the way is shown after that many seconds of work; the rest ever slower.
_HALF_SECONDS = 40.0
_MOST_LINES = 500
_LEVELS = {"debug": "info", "info": "info", "warning": "warning", "warn": "warning", "error": "error"}


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks, at first and after ``later``; and of silence until we give up asking."""

    seconds: float = 1.0
    slower: float = 2.0
    later: float = 60.0
    patience: float = 120.0


class Failed(Exception):
    """The model failed at fal.ai, which is over with it; its text is a sentence."""


@dataclass(slots=True)
class Following:
    """One order, followed by one attempt of a job."""

    handle: SyncRequestHandle
    receipt: Receipt
    account: Account
    watch: MeshWatch
    pace: Pace = field(default_factory=Pace)
    _began: float = field(default_factory=time.monotonic)
    _working_since: float | None = None
    _silent_since: float | None = None
    _lines: int = 0

    def end(self) -> Completed:
        """Return when fal.ai is done, with a model or without.

        Raises ``RemoteFailure`` when it cannot be asked, ``ModelFailure`` when the time is over, and what the watch
        raises.
        """
        receipts.tell(self.watch, self.receipt, ACCEPTED, "fal.ai has the picture.")
        while True:
            self.watch.check()
            status = self._asked(lambda: self.handle.status(with_logs=True))
            if isinstance(status, Completed):
                self._repeat(status.logs)
                return status
            if status is not None:
                self._tell(status)
            if self._is_late():
                raise ModelFailure(f"fal.ai did not make the model within {self.account.timeout:g} seconds.")
            self._pause()

    def result(self, status: Completed) -> Any:
        """What came of it: JSON, not looked at yet. Raises ``Failed`` in fal.ai's words, and what ``end`` raises."""
        receipts.tell(self.watch, self.receipt, ENDED, "fal.ai is done.")
        while (answer := self._asked(lambda: self._outcome(status))) is None:
            self._pause()
            self.watch.check()
        # Nothing marks a failure but the status of this answer, or an error beside the word COMPLETED.
        if not answer.is_success or status.error:
            words = wire.words_of(answer, self.account) or wire.clean(str(status.error or ""), self.account)
            raise Failed(f"fal.ai could not make the model: {words or f'status {answer.status_code}'}")
        try:
            return answer.json()
        except (ValueError, RecursionError) as error:
            raise RemoteFailure("fal.ai says it is done, but its answer is no JSON.") from error

    def _outcome(self, status: Completed) -> httpx.Response:
        """The answer that tells of the model or of its failure. Raises ``httpx.HTTPStatusError`` for any other."""
        # Not ``handle.get``: that asks for the status again, ten times a second and without end.
        answer = self.handle.client.get(self.handle.response_url)
        told = answer.is_client_error and wire.words_of(answer, self.account)
        if answer.status_code in _NO_ANSWER or not (answer.is_success or told or status.error):
            raise httpx.HTTPStatusError("This is not about the model.", request=answer.request, response=answer)
        return answer

    def _asked(self, ask: Callable[[], T]) -> T | None:
        """The answer, or None where there is none this time. Raises ``RemoteFailure`` when patience is at its end."""
        try:
            answer = ask()
        except wire.TROUBLES as error:
            self._bear(error)
            return None
        self._silent_since = None
        return answer

    def _bear(self, error: Exception) -> None:
        words = ""
        if isinstance(error, FalClientHTTPError | httpx.HTTPStatusError):
            words = wire.words_of(error.response, self.account)
            if error.response.status_code in _TURNED_AWAY:
                raise wire.turned_away(words) from error
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now
            reason = words or type(error).__name__
            _log.warning("fal.ai gave no answer of use", id=self.receipt.request_id, reason=reason)
        # Who is silent when the time is over may be done with it all the same: that order is not called off.
        if now - self._silent_since >= self.pace.patience or self._is_late():
            raise RemoteFailure(
                "fal.ai has the picture but does not answer for it. To ask again for the same model, retry the job."
            ) from error

    def _is_late(self) -> bool:
        return time.monotonic() - self._began >= self.account.timeout

    def _pause(self) -> None:
        early = time.monotonic() - self._began < self.pace.later
        time.sleep(self.pace.seconds if early else self.pace.slower)

    def _tell(self, status: Status) -> None:
        if isinstance(status, Queued):
            before = status.position if isinstance(status.position, int) else 0
            where = f"{before} before it in fal.ai's queue." if before > 0 else "Next in fal.ai's queue."
            receipts.tell(self.watch, self.receipt, QUEUED, where)
        elif isinstance(status, InProgress):
            self._repeat(status.logs)
            now = time.monotonic()
            self._working_since = self._working_since or now
            worked = now - self._working_since
            share = worked / (worked + _HALF_SECONDS)
            receipts.tell(self.watch, self.receipt, QUEUED + (ENDED - QUEUED) * share, "fal.ai makes the model.")

    def _repeat(self, lines: Any) -> None:
        """Tell the lines of the log that are new: each status brings all of them."""
        if not isinstance(lines, list):
            return
        for line in lines[self._lines : _MOST_LINES]:
            text = line.get("message") if isinstance(line, dict) else None
            if isinstance(text, str) and (text := wire.clean(text, self.account)):
                self.watch.log(text, _LEVELS.get(str(line.get("level", "")).lower(), "info"))
        self._lines = max(self._lines, len(lines))
