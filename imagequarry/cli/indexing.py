"""``imagequarry index``: describe the pictures of a folder without a server, on the same database."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from imagequarry.capabilities.directories import Directories, Outcome, Tally
from imagequarry.capabilities.roots import Roots, shown
from imagequarry.errors import Cancelled
from imagequarry.runtime import assembling
from imagequarry.settings import read_settings

console = Console(stderr=True, highlight=False)

# As a shell says it of a program that Ctrl+C ended.
INTERRUPTED = 130


def index(folder: Path, recursive: bool, force: bool) -> int:
    """Describe the folder's pictures; the exit code: 0, 1 when files failed, 130 after Ctrl+C."""
    parts = assembling.assemble(read_settings())
    tally = Tally()
    try:
        # Who has a shell on the machine need not be told which folders he may read.
        describer = parts.describer.below(Roots([folder]))
        with _interruptible() as stop, _Bar(stop, tally) as bar:
            Directories(describer).process(str(folder.resolve()), recursive, force, bar, tally=tally)
    except Cancelled:
        _summarise(tally.outcome())
        console.print("[yellow]Interrupted[/]: what is described is kept; start again to go on.")
        return INTERRUPTED
    finally:
        parts.close()
    outcome = tally.outcome()
    _summarise(outcome)
    return 1 if outcome.failed else 0


def _summarise(outcome: Outcome) -> None:
    for file in outcome.failed_files:
        console.print(f"[red]failed[/] {escape(_one_line(file.path))}: {escape(file.reason)}", soft_wrap=True)
    if unnamed := outcome.failed - len(outcome.failed_files):
        console.print(f"[red]failed[/] and {unnamed} more")
    rate = f", {outcome.processed / outcome.seconds:.1f} a second" if outcome.processed else ""
    console.print(
        f"{outcome.total} files in {outcome.seconds:.1f} s: {outcome.processed} described{rate}, "
        f"{outcome.skipped} known already, {outcome.failed} failed"
    )


def _one_line(path: str) -> str:
    """A path cannot move a terminal's cursor or pretend to be two lines."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in shown(path))


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Set by the first Ctrl+C (or the polite wish to end); the second one ends the program as ever."""
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Bar:
    """Shows how far the work is, in whole files, and passes the wish to end on to it."""

    def __init__(self, stop: threading.Event, tally: Tally) -> None:
        self._stop = stop
        self._tally = tally
        rate = TextColumn("{task.fields[rate]}")
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn()
        self._progress = Progress(*columns, console=console)
        self._task: TaskID = self._progress.add_task("Describing", total=None, rate="")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def progress(self, fraction: float, message: str = "") -> None:
        outcome = self._tally.outcome()
        total = round(outcome.total / fraction) if fraction else None
        rate = f"{outcome.total / outcome.seconds:.1f}/s" if outcome.seconds else ""
        self._progress.update(self._task, completed=outcome.total, total=total, rate=rate)

    def check(self) -> None:
        if self._stop.is_set():
            raise Cancelled
