"""The job that brings a model's weights to this machine; a try after the first goes on where that one ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagequarry.domain.card import ModelCard
from imagequarry.domain.job import Job, JobLimits
from imagequarry.jobs.board import Board
from imagequarry.jobs.context import Context
from imagequarry.jobs.kinds import Kind, Tools

_DAY_SECONDS = 86_400.0
# Some weights have gigabytes, and some lines are slow.
_LONG = JobLimits(soft=_DAY_SECONDS - 60, hard=_DAY_SECONDS)


@dataclass(frozen=True, slots=True)
class PullOrder:
    """Get the weights of that model."""

    model: str


def pull(context: Context, order: PullOrder, tools: Tools) -> dict[str, Any]:
    """Get the weights."""
    return {"model": order.model, "pulled": tools.pulling.pull(order.model, context)}


def submit(board: Board, card: ModelCard) -> Job:
    """Hand it in, or the job that is at it already. Raises ``Busy``."""
    for job in board.page(100, states=("queued", "running"), kinds=(PULL.name,)).jobs:
        if job.params.get("model") == card.name:
            return job
    return board.submit(PULL.name, PullOrder(card.name), model=card.name)


PULL = Kind("pull-model", PullOrder, pull, limits=_LONG)
