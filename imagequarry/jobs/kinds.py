"""What jobs there are: a name, the form of its parameters, and the function that does it.

A kind's function takes its context, its payload and the tools of the house, and returns what JSON can hold. It must
bear being run again from the start or from its checkpoint: a worker may be killed at any moment. So it writes files
under a temporary name first, and stores under names that do not depend on the attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.description import Describer
from imagequarry.capabilities.directories import Directories
from imagequarry.capabilities.drive import Drive
from imagequarry.capabilities.meshes import Meshes
from imagequarry.capabilities.pulling import Pulling
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.job import Job, JobLimits
from imagequarry.errors import InvalidInput
from imagequarry.jobs.context import Context
from imagequarry.stores.log_files import LogFiles

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the kinds of this program work with."""

    segmentation: Segmentation
    archive: Archive
    drive: Drive
    results: Path
    describer: Describer
    directories: Directories
    meshes: Meshes
    logs: LogFiles
    # Where exported logs lie: not among the results, which every caller may fetch.
    exports: Path
    pulling: Pulling


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of job. ``payload`` is a frozen dataclass; without ``run`` the kind is that of a batch.

    ``forget`` removes what a job of this kind keeps outside the ledger, before the job is deleted. It may be called
    twice, and while the job runs. ``limits`` are for work of another length than most; how often a job may start is the
    settings' business all the same. ``files`` tells which files the job has outside ``results/{its id}``, the folder
    of every job; a picture that it works on is named ``image_id`` in its parameters.
    """

    name: str
    payload: type[Any]
    run: Callable[[Context, Any, T], Any] | None = None
    forget: Callable[[Job, Any, T], None] | None = None
    limits: JobLimits | None = None
    files: Callable[[Job, Any, T], list[Path]] | None = None

    def write(self, payload: Any) -> dict[str, Any]:
        """The payload as JSON."""
        if not isinstance(payload, self.payload):
            raise InvalidInput(f"A job of kind {self.name} takes other parameters.")
        params: dict[str, Any] = TypeAdapter(self.payload).dump_python(payload, mode="json")
        return params

    def read(self, params: dict[str, Any]) -> Any:
        """The payload again. Raises InvalidInput when it was written by another version and cannot be read."""
        try:
            return TypeAdapter(self.payload).validate_python(params)
        except ValidationError as error:
            raise InvalidInput(f"The parameters of this job of kind {self.name} cannot be read.") from error


class Kinds(Generic[T]):
    """The kinds by name."""

    def __init__(self, kinds: Iterable[Kind[T]]) -> None:
        self._kinds = {kind.name: kind for kind in kinds}

    def __getitem__(self, name: str) -> Kind[T]:
        """The kind of that name. Raises InvalidInput."""
        if name not in self._kinds:
            raise InvalidInput(f"There is no kind of job called {name[:64]!r}.")
        return self._kinds[name]

    def forget(self, job: Job, tools: T) -> None:
        """Remove what the job keeps outside the ledger. A job of another version's kind keeps what it has."""
        kind = self._kinds.get(job.kind)
        if kind is None or kind.forget is None:
            return
        payload = _read_or_none(kind, job)
        if payload is not None:
            kind.forget(job, payload, tools)

    def files(self, job: Job, tools: T) -> list[Path]:
        """The files that the job has outside the folder of its own, as far as they are there and still its own."""
        kind = self._kinds.get(job.kind)
        if kind is None or kind.files is None:
            return []
        payload = _read_or_none(kind, job)
        return [] if payload is None else kind.files(job, payload, tools)

    def with_files(self) -> tuple[str, ...]:
        """The names of the kinds whose jobs have such files."""
        return tuple(name for name, kind in self._kinds.items() if kind.files is not None)


def _read_or_none(kind: Kind[Any], job: Job) -> Any:
    try:
        return kind.read(job.params)
    except InvalidInput as error:
        _log.warning("what an old job keeps is not known", job_id=job.id, reason=error.message)
        return None
