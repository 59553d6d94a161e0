"""What the commands that work on pictures share: each file in turn, with progress, and what failed at the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from imagequarry.capabilities.intake import Limits, Opened, open_picture
from imagequarry.errors import QuarryError
from imagequarry.settings import Settings

_console = Console(stderr=True, highlight=False)


def each_picture(title: str, files: Sequence[Path], settings: Settings, work: Callable[[Opened, str], str]) -> None:
    """Call ``work(opened, stem)`` for each file and print what it answers.

    ``stem`` is what the file's results are called. A file that fails does not keep the others from being worked on:
    it is named at the end, and the exit code is 1.
    """
    limits = Limits(max_bytes=settings.max_image_mb * 2**20, max_side=settings.max_image_side)
    failed: list[tuple[Path, str]] = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=_console) as progress:
        task = progress.add_task(title, total=len(files))
        for file, stem in zip(files, _stems(files), strict=True):
            try:
                with file.open("rb") as source:
                    opened = open_picture(source, limits)
                progress.console.print(f"{file}: {work(opened, stem)}")
            except (QuarryError, OSError) as error:
                failed.append((file, str(error)))
            progress.advance(task)
    for file, why in failed:
        _console.print(f"[red]failed[/] {file}: {why}")
    if failed:
        raise SystemExit(1)


def _stems(files: Sequence[Path]) -> list[str]:
    """Each file's name without the ending, numbered where several share it."""
    stems: list[str] = []
    for file in files:
        names = itertools.chain([file.stem], (f"{file.stem}-{number}" for number in itertools.count(2)))
        stems.append(next(name for name in names if name not in stems))
    return stems
