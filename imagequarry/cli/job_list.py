"""``imagequarry jobs``: what was asked for in the background, how far it is, calling it off and starting it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from imagequarry.domain.job import STATES, Job, JobState
from imagequarry.errors import InvalidInput

if TYPE_CHECKING:
    from imagequarry.jobs.board import Board

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Job or batch; 'list' names them.")]
_COLOURS = {"queued": "yellow", "running": "cyan", "completed": "green", "failed": "red", "cancelled": "magenta"}
_MOST_CHILDREN = 50


@app.command("list")
def list_jobs(
    state: Annotated[list[str] | None, typer.Option(help="queued, running, completed, failed, cancelled.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="A kind of job, such as segment-batch.")] = None,
    model: Annotated[str | None, typer.Option(help="Jobs of that model.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="How many of the newest to leave out.")] = 0,
) -> None:
    """The newest jobs; those of a batch are shown with it."""
    with _board() as board:
        page = board.page(limit, offset, states=_states(state or []), kinds=kind or [], model=model)
    table = Table(Column("job", no_wrap=True), "kind", "model", "state", "done", "created", "why")
    for job in page.jobs:
        table.add_row(*_cells(job))
    Console().print(table)
    typer.echo(f"{len(page.jobs)} of {page.total}")


@app.command()
def show(id: Id) -> None:
    """All that is known of a job, and what became of each job of a batch."""
    with _board() as board:
        job = board.get(id)
        page = board.children(job.id, _MOST_CHILDREN) if job.is_batch else None
    table = Table("what", Column("", overflow="fold"), show_header=False)
    for what, told in _facts(job).items():
        table.add_row(what, told)
    Console().print(table)
    if page is None:
        return
    children = Table("picture", Column("job", no_wrap=True), "state", "done", "why")
    for child in page.jobs:
        name, _, _, state, done, _, why = _cells(child)
        children.add_row(str(child.position), name, state, done, why)
    Console().print(children)
    if page.total > len(page.jobs):
        typer.echo(f"{len(page.jobs)} of {page.total}")


@app.command()
def cancel(id: Id) -> None:
    """Call a job off, or what is left of a batch."""
    with _board() as board:
        job = board.cancel(id)
    typer.echo(f"{job.id}: {job.state if job.ended else 'is asked to stop'}")


@app.command()
def retry(id: Id) -> None:
    """Start a job again that failed or was cancelled, or such jobs of a batch."""
    with _board() as board:
        job = board.retry(id)
    typer.echo(f"{job.id}: {job.state}")


@contextmanager
def _board() -> Iterator[Board]:
    from imagequarry.runtime import assembling
    from imagequarry.settings import read_settings

    parts = assembling.assemble(read_settings())
    try:
        yield parts.board
    finally:
        parts.close()


def _states(words: list[str]) -> list[JobState]:
    known = [state for state in STATES if state in words]
    if unknown := sorted(set(words) - set(known)):
        raise InvalidInput(f"There is no state {unknown[0]!r}; there are {', '.join(sorted(STATES))}.")
    return known


def _cells(job: Job) -> tuple[str, ...]:
    done = f"{job.progress:.0%}"
    if job.is_batch:
        done += f" ({job.children_completed + job.children_failed}/{job.children})"
    state = f"[{_COLOURS[job.state]}]{job.state}[/]"
    why = escape(job.error.message) if job.error else ""
    return job.id, escape(job.kind), escape(job.model or "-"), state, done, _time(job.created), why


def _facts(job: Job) -> dict[str, str]:
    facts = {
        "job": job.id,
        "kind": escape(job.kind),
        "model": escape(job.model or "-"),
        "state": job.state + (", asked to stop" if job.cancel and not job.ended else ""),
        "progress": f"{job.progress:.0%} {escape(job.message)}".strip(),
        "created": _time(job.created),
        "started": _time(job.started),
        "ended": _time(job.finished),
        "tries": f"{job.attempt} of {job.limits.max_attempts}",
        "worker": escape(job.worker or "-"),
    }
    if job.is_batch:
        facts["pictures"] = f"{job.children}: {job.children_completed} completed, {job.children_failed} failed"
    if job.parent_id is not None:
        facts["batch"] = job.parent_id
    if job.error is not None:
        facts["why"] = escape(f"{job.error.code}: {job.error.message}")
    return facts


def _time(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"
