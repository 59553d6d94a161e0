"""Whether the server and what it depends on are well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagequarry.errors import QuarryError
from imagequarry.models.registry import Registry
from imagequarry.stores.database import Database

SERVICE = "image-quarry-api"


@dataclass(frozen=True, slots=True)
class HealthReport:
    """``details`` holds a word for each dependency and the count of models."""

    healthy: bool
    details: dict[str, Any]


class Health:
    """Asks the dependencies how they are."""

    service = SERVICE

    def __init__(self, database: Database, registry: Registry, version: str) -> None:
        self._database = database
        self._registry = registry
        self.version = version

    def report(self) -> HealthReport:
        """All dependencies; Redis counts only where the server is told to use it."""
        database = self.is_ready()
        states = self._registry.states("segment")
        details = {
            "database": "healthy" if database else "unhealthy",
            "redis": "not configured",
            "models": {
                "available": len(states),
                "cached": sum(state.cached for state in states),
                "loaded": sum(state.loaded for state in states),
            },
        }
        return HealthReport(database, details)

    def is_ready(self) -> bool:
        """Whether requests can be served: the database answers."""
        try:
            self._database.ping()
        except QuarryError:
            return False
        return True
