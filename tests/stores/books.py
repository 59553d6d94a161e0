"""One ledger of jobs seen from its three sides, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagequarry.domain.job import Job, JobError, JobLimits, JobOrder
from imagequarry.stores.database import Database
from imagequarry.stores.ledger import Ledger
from imagequarry.stores.ledger_claims import Claims
from imagequarry.stores.ledger_upkeep import Upkeep

FAULT = JobError("INVALID_PICTURE", "That is no picture.")


@dataclass
class Books:
    """One ledger seen from its three sides, and all that it rang for."""

    ledger: Ledger
    claims: Claims
    upkeep: Upkeep
    database: Database
    rung: list[str]

    def add(self, kind: str = "x", children: int = 0, **limits: Any) -> Job:
        orders = [JobOrder("child", {"n": n}) for n in range(children)]
        return self.ledger.add(JobOrder(kind, {"n": -1}, "vit_h"), JobLimits(**limits), orders)[0]

    def take(self, worker: str = "w") -> Job:
        job = self.claims.take(worker)
        assert job is not None
        return job

    def types(self, id: str) -> list[str]:
        return [event.type for event in self.ledger.events(id)]
