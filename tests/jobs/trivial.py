"""Kinds of jobs that do next to nothing, each in its own bad way; every start leaves a line in a file."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagequarry.domain.job import JobLimits
from imagequarry.errors import InvalidPicture, StorageFailure
from imagequarry.jobs.context import Context
from imagequarry.jobs.kinds import Kind


@dataclass(frozen=True)
class Nap:
    """What to do: for how long, and in which steps."""

    name: str = ""
    seconds: float = 0.0
    steps: int = 1
    folder: str = ""

    def note(self, word: str) -> None:
        """Add a line to the diary: one write of few bytes, which two processes cannot mix up."""
        if self.folder:
            with Path(self.folder, "diary").open("ab", buffering=0) as diary:
                diary.write(f"{self.name} {word}\n".encode())


def diary(folder: Path) -> list[str]:
    """The lines written so far."""
    path = folder / "diary"
    return path.read_text().splitlines() if path.exists() else []


def nap(context: Context, payload: Nap, _tools: None) -> Any:
    """Works in steps and listens between them."""
    payload.note("started")
    for step in range(payload.steps):
        time.sleep(payload.seconds / payload.steps)
        context.progress((step + 1) / payload.steps, f"step {step + 1}")
    payload.note("ended")
    return {"name": payload.name, "attempt": context.job.attempt}


def deaf(context: Context, payload: Nap, _tools: None) -> Any:
    """Never listens."""
    payload.note("started")
    time.sleep(payload.seconds)
    payload.note("ended")
    return {"name": payload.name, "attempt": context.job.attempt}


def poison(_context: Context, payload: Nap, _tools: None) -> Any:
    """Kills the process it runs in."""
    payload.note("started")
    os.kill(os.getpid(), signal.SIGKILL)


def resume(context: Context, payload: Nap, _tools: None) -> Any:
    """Orders something elsewhere once, and waits for it, also after it was killed."""
    if context.checkpoint is None:
        payload.note("ordered")
        context.progress(0.1, "ordered", checkpoint={"order": payload.name})
    payload.note("waited")
    for _ in range(payload.steps):
        time.sleep(payload.seconds / payload.steps)
        context.check()
    return {"checkpoint": context.checkpoint}


def refuse(_context: Context, _payload: Nap, _tools: None) -> Any:
    raise InvalidPicture("That is no picture.")


def stumble(_context: Context, _payload: Nap, _tools: None) -> Any:
    raise ZeroDivisionError("secret of the house")


def leave(_context: Context, _payload: Nap, _tools: None) -> Any:
    raise SystemExit(3)


def no_json(_context: Context, _payload: Nap, _tools: None) -> Any:
    return {"path": Path("x")}


def full(context: Context, _payload: Nap, _tools: None) -> Any:
    """Finds the disk full, the first time."""
    if context.job.attempt == 1:
        raise StorageFailure
    return "stored"


def chatter(context: Context, payload: Nap, _tools: None) -> Any:
    """Tells of every step it takes, thousands a second."""
    for step in range(payload.steps):
        context.progress(step / payload.steps, f"step {step}")
    context.log("half\0 way \ud800")
    return "\0"


KINDS: tuple[Kind[None], ...] = (
    Kind("nap", Nap, nap),
    Kind("deaf", Nap, deaf),
    Kind("patient", Nap, deaf, limits=JobLimits(60, 60)),
    Kind("poison", Nap, poison),
    Kind("resume", Nap, resume),
    Kind("refuse", Nap, refuse),
    Kind("stumble", Nap, stumble),
    Kind("leave", Nap, leave),
    Kind("no_json", Nap, no_json),
    Kind("full", Nap, full),
    Kind("chatter", Nap, chatter),
    Kind("batch", Nap),
)
