"""The jobs that describe: all pictures of a folder, and vectors anew after a change of model.

Both begin where an earlier try was cut off, because what is described already is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagequarry.capabilities.description import Describer
from imagequarry.domain.job import Job, JobLimits
from imagequarry.jobs.board import Board
from imagequarry.jobs.context import Context
from imagequarry.jobs.kinds import Kind, Tools

_DAY_SECONDS = 86_400.0
# A large folder takes as long as it takes; who does not want to wait cancels.
_LONG = JobLimits(soft=7 * _DAY_SECONDS - 60, hard=7 * _DAY_SECONDS)


@dataclass(frozen=True, slots=True)
class DirectoryOrder:
    """Describe the pictures in a folder of the server, which must still lie below the roots when the job runs."""

    directory: str
    recursive: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class RenewalOrder:
    """Make the vectors that today's models lack."""


def index(context: Context, order: DirectoryOrder, tools: Tools) -> dict[str, Any]:
    """Describe a folder. A try after the first counts what an earlier one described as its own."""
    since = context.job.created if context.job.attempt > 1 else None
    outcome = tools.directories.process(order.directory, order.recursive, order.force, context, since)
    return outcome.reply()


def again(context: Context, _order: RenewalOrder, tools: Tools) -> dict[str, Any]:
    """Make vectors by today's models, then forget those of yesterday's."""
    renewed = tools.describer.renewal.run(context)
    return {"made": renewed.made, "failed": renewed.failed, "dropped": list(renewed.dropped)}


def renew(board: Board, describer: Describer) -> Job | None:
    """Hand the second job in when there is something to do and nobody is at it; may read weights for their digest."""
    if not describer.renewal.needed():
        return None
    if board.page(1, states=("queued", "running"), kinds=(AGAIN.name,)).total:
        return None
    return board.submit(AGAIN.name, RenewalOrder())


INDEX = Kind("index-directory", DirectoryOrder, index, limits=_LONG)
AGAIN = Kind("describe-again", RenewalOrder, again, limits=_LONG)
