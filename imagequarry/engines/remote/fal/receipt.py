"""What a job keeps of its order, so that no crash, no restart and no doubt has it paid for twice.

nothing kept ─► "sending" ─► one POST ─► "ordered", with the id ─► followed to its end
                    │ outcome unknown, or killed here    │ killed here: the next attempt follows that id
                    └─► never sent again                 └
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import structlog

from imagequarry.domain.mesh import MeshWatch
from imagequarry.errors import Busy, RemoteFailure, StorageFailure

_log = structlog.stdlib.get_logger(__name__)

SENDING: Final = {"fal": "sending"}
"""Stands in the checkpoint while an order may be on its way."""
NOTHING: Final = {"fal": "nothing"}
"""Stands there once it is sure that nothing is owed."""

_NOBODY_KNOWS = (
    "fal.ai may have accepted this picture, and would be paid for it; it was not sent again. To send it all the same, "
    "hand it in anew."
)
# It becomes part of addresses.
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Receipt:
    """An order that fal.ai accepted: its id, and the endpoint it went to, which a setting may have changed since."""

    request_id: str
    endpoint: str

    def written(self) -> dict[str, str]:
        """As a checkpoint."""
        return {"fal": "ordered", "request_id": self.request_id, "endpoint": self.endpoint}


def nobody_knows() -> RemoteFailure:
    """The failure of an order of which nobody knows whether it was accepted."""
    return RemoteFailure(_NOBODY_KNOWS)


def is_id(value: Any) -> bool:
    """Whether that can be the id of a request."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def earlier(checkpoint: Any) -> Receipt | None:
    """The order of an earlier attempt; None where there is none. Raises ``RemoteFailure`` where nobody knows."""
    if not isinstance(checkpoint, dict) or checkpoint.get("fal") in (None, NOTHING["fal"]):
        return None
    if checkpoint["fal"] == "ordered" and is_id(checkpoint.get("request_id")):
        return Receipt(checkpoint["request_id"], str(checkpoint.get("endpoint")))
    raise nobody_knows()


def tell(watch: MeshWatch, receipt: Receipt, fraction: float, message: str) -> None:
    """Say how far the order is, and see to it that its receipt is kept."""
    written = receipt.written()
    try:
        watch.progress(fraction, message, None if watch.checkpoint == written else written)
    except (StorageFailure, Busy) as error:
        # What is paid for is not given up because the database is away: the next call keeps the receipt.
        _log.error("the receipt of an order at fal.ai is not kept yet", id=receipt.request_id, reason=error.message)


def close(watch: MeshWatch, message: str) -> None:
    """Note that nothing is owed any more, for a job that ends: what else it hears meanwhile must not start it anew."""
    try:
        watch.progress(0.0, message, checkpoint=NOTHING)
    except BaseException as error:  # noqa: BLE001 - a wish to stop is none
        _log.warning("an order at fal.ai is over and still noted as open", reason=type(error).__name__)
