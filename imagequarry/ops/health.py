"""Whether the server and what it depends on are well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from imagequarry.ops import system
from imagequarry.ops.asking import Answer, Question, answers
from imagequarry.ops.components import Check, Finding, Status

SERVICE: Final = "image-quarry-api"

# A probe that gets no answer sooner than that is answered for.
PATIENCE_SECONDS: Final = 2.0

# Without these requests fail; the others are told of and change nothing.
DEPENDENCIES: Final = ("database", "redis", "celery", "disk_space")


@dataclass(frozen=True, slots=True)
class Component:
    """Something the server depends on: how it is, and the seconds that it took to say so."""

    name: str
    status: Status
    seconds: float
    message: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The components in their order."""

    components: tuple[Component, ...]

    @property
    def healthy(self) -> bool:
        """Whether all that requests depend on is well enough."""
        return all(one.status != "unhealthy" for one in self.components)

    @property
    def status(self) -> Status:
        """The word for all together."""
        if not self.healthy:
            return "unhealthy"
        return "degraded" if any(one.status == "degraded" for one in self.components) else "healthy"

    def __getitem__(self, name: str) -> Component:
        return next(one for one in self.components if one.name == name)


class Health:
    """Asks the components how they are, all at once and none for longer than ``patience`` seconds.

    A check that is None belongs to something that this server was told nothing of. ``count`` is how many pictures are
    described, and ``data`` the folder whose disk is told of.
    """

    service = SERVICE

    def __init__(
        self,
        version: str,
        checks: Mapping[str, Check | None],
        count: Callable[[], int],
        data: Path,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.version = version
        self._names = tuple(checks)
        self._questions = {name: Question(check) for name, check in checks.items() if check is not None}
        self._count = Question(count)
        self._machine = Question(lambda: system.report(data))
        self._patience = patience

    def report(self) -> HealthReport:
        """All components."""
        return self._asked(self._names)

    def readiness(self) -> HealthReport:
        """Those without which requests fail."""
        return self._asked([name for name in self._names if name in DEPENDENCIES])

    def is_ready(self) -> bool:
        """Whether requests can be served."""
        return self.readiness().healthy

    def described(self) -> int:
        """How many pictures are described; 0 where the database does not say."""
        return self._count.answer(self._patience).value or 0

    def machine(self) -> Mapping[str, Any]:
        """Processors, memory and disk as ``system.report`` has them; nothing where the disk does not answer."""
        return self._machine.answer(self._patience).value or {}

    def _asked(self, names: Sequence[str]) -> HealthReport:
        known = [name for name in names if name in self._questions]
        asked = dict(zip(known, answers([self._questions[name] for name in known], self._patience), strict=True))
        return HealthReport(tuple(_component(name, asked.get(name)) for name in names))


def _component(name: str, answer: Answer[Finding] | None) -> Component:
    if answer is None:
        return Component(name, "not configured", 0.0, "", {})
    found = answer.value or Finding("unhealthy", answer.fault)
    return Component(name, found.status, answer.seconds, found.message, found.details)
