"""Tripo3D at fal.ai as a maker of models: orders once, follows the order wherever it is, fetches what was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from fal_client import SyncRequestHandle

from imagequarry.domain.card import Geometry
from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import MeshOptions, MeshWatch, ReadyModel
from imagequarry.domain.raster import Raster
from imagequarry.engines.remote.fal import addresses, glb, ordering, picture, tripo3d, wire
from imagequarry.engines.remote.fal import receipt as receipts
from imagequarry.engines.remote.fal.account import Account
from imagequarry.engines.remote.fal.downloading import Downloads
from imagequarry.engines.remote.fal.following import ENDED, FETCHED, Failed, Following, Pace
from imagequarry.engines.remote.fal.receipt import Receipt
from imagequarry.errors import Cancelled, ModelFailure, RemoteFailure, RemoteNotSetUp

_log = structlog.stdlib.get_logger(__name__)

LARGEST_MODEL = 256 * 2**20
"""Bytes; the largest that is known of has some 60 MB."""

_LARGEST_PREVIEW = 16 * 2**20


class Tripo3D:
    """Asks fal.ai's queue. ``pace`` and ``pauses`` are for tests that cannot wait."""

    nbytes = 0
    # The service finds the thing in the picture by itself.
    wants_subject = False
    geometry: Geometry = "3d"

    def __init__(
        self,
        account: Account,
        pace: Pace | None = None,
        pauses: Sequence[float] = ordering.PAUSES,
        largest_model: int = LARGEST_MODEL,
        largest_inline: int = picture.LARGEST_INLINE,
    ) -> None:
        """Raises ``RemoteNotSetUp`` for an account without a key."""
        if account.lacks:
            raise RemoteNotSetUp(account.lacks)
        wire.point_at(account)
        self._account = account
        self._pace = pace or Pace()
        self._pauses = pauses
        self._largest_model = largest_model
        self._largest_inline = largest_inline
        self._http = wire.connection(account)

    def make(self, raster: Raster, subject: Mask | None, options: MeshOptions, watch: MeshWatch) -> ReadyModel:
        """The model that fal.ai makes of the picture. The order of an earlier attempt is followed, not repeated.

        Raises ``RemoteFailure``, ``ModelFailure`` when it takes too long, and what ``watch`` raises.
        """
        receipt = receipts.earlier(watch.checkpoint)
        if receipt is None:
            receipt = self._ordered(raster, options, watch)
        else:
            _log.info("following an earlier order at fal.ai", id=receipt.request_id)
        handle = SyncRequestHandle.from_request_id(self._http, receipt.endpoint, receipt.request_id)
        following = Following(handle, receipt, self._account, watch, self._pace)
        try:
            ended = following.end()
        except (Cancelled, ModelFailure):
            # Nobody waits for it any more: what is not begun then costs nothing.
            _call_off(handle)
            receipts.close(watch, "Called off at fal.ai.")
            raise
        # From here on it is paid for: whoever stops now has it for nothing next time.
        try:
            return self._taken(following.result(ended), receipt, watch)
        except Failed as failure:
            receipts.close(watch, str(failure))
            raise RemoteFailure(str(failure)) from failure

    def _ordered(self, raster: Raster, options: MeshOptions, watch: MeshWatch) -> Receipt:
        watch.progress(0.01, "Preparing the picture.")
        link = picture.link_to(picture.file_of(raster), self._account, self._largest_inline)
        return ordering.order(tripo3d.arguments(options, link), self._account, watch, self._pauses)

    def _taken(self, result: Any, receipt: Receipt, watch: MeshWatch) -> ReadyModel:
        downloads = Downloads(addresses.is_inside(self._account.queue_url), pause=self._pace.seconds)

        def told(share: float) -> None:
            receipts.tell(watch, receipt, ENDED + (FETCHED - ENDED) * share, "Fetching the model from fal.ai.")

        model = downloads.fetch(tripo3d.model_in(result), self._largest_model, watch, told)
        if fault := glb.fault_of(model):
            raise RemoteFailure(f"The file from fal.ai {fault}.")
        return ReadyModel(model, self._preview(result, downloads, watch))

    def _preview(self, result: Any, downloads: Downloads, watch: MeshWatch) -> bytes | None:
        """The picture of the model, not looked at yet; a model without one is a model all the same."""
        link = tripo3d.preview_in(result)
        if link is None:
            return None
        try:
            return downloads.fetch(link, _LARGEST_PREVIEW, watch)
        except RemoteFailure as error:
            watch.log(f"fal.ai's own preview did not come. {error.message}", "warning")
            return None


def _call_off(handle: SyncRequestHandle) -> None:
    """Tell fal.ai, once; whether it was early enough is its business."""
    try:
        handle.cancel()
    except wire.TROUBLES as error:
        _log.info("fal.ai did not call off an order", id=handle.request_id, reason=type(error).__name__)
    else:
        _log.info("called off an order at fal.ai", id=handle.request_id)
