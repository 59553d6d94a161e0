"""One stream of events for each job, for server-sent events and WebSockets alike: what was missed comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from imagequarry.domain.job import JobEvent, plain_id
from imagequarry.jobs.bells import Bell
from imagequarry.stores.ledger import Ledger

# A bell can be lost, so the ledger is looked at this often.
LOOK_SECONDS = 0.5


class Events:
    """Reads the events of jobs from the ledger, woken by the bell.

    A surface that is asynchronous listens with ``listening`` (its call sets an ``asyncio.Event`` through
    ``call_soon_threadsafe``), waits for that or for ``LOOK_SECONDS``, and reads with ``after`` in the thread pool: so
    an open stream holds no thread, and no event waits for a reader.
    """

    def __init__(self, ledger: Ledger, bell: Bell) -> None:
        self._ledger = ledger
        self._bell = bell

    def after(self, job_id: str, seq: int = 0, limit: int = 500) -> list[JobEvent]:
        """The events after that one, in order, those of a job that ended too. Raises JobNotFound."""
        return self._ledger.events(plain_id(job_id), seq, limit)

    def listening(self, job_id: str, call: Callable[[], None]) -> AbstractContextManager[None]:
        """Have ``call`` called from some thread whenever there may be more to read."""
        return self._bell.listening(plain_id(job_id), call)

    def follow(self, job_id: str, seq: int = 0, closing: threading.Event | None = None) -> Iterator[JobEvent]:
        """The events after that one as they come, until the job's last. Raises JobNotFound, also when it is deleted.

        With ``closing`` set it ends early.
        """
        rung = threading.Event()
        with self.listening(job_id, rung.set):
            while not (closing is not None and closing.is_set()):
                rung.clear()  # before reading: what comes in between rings again
                over = self._ledger.get(plain_id(job_id)).ended  # before reading too: then nothing follows what is read
                found = self.after(job_id, seq)
                for event in found:
                    seq = event.seq
                    yield event
                if not found:
                    if over:
                        return
                    rung.wait(LOOK_SECONDS)
