"""/ws: three sockets that speak alike and differ in what they follow from the start, and a count of what is open."""

from __future__ import annotations

from fastapi import APIRouter, Request, WebSocket

from imagequarry.surfaces.context.dialect import NAME
from imagequarry.surfaces.context.sockets.channels import PROCESSING
from imagequarry.surfaces.context.sockets.service import Sockets, SocketStats

router = APIRouter(prefix="/ws", tags=[NAME])


@router.websocket("")
async def general(websocket: WebSocket) -> None:
    """Follows nothing until told to."""
    await sockets_of(websocket).serve(websocket)


@router.websocket("/processing")
async def processing(websocket: WebSocket) -> None:
    """Follows the processing of pictures."""
    await sockets_of(websocket).serve(websocket, (PROCESSING,))


@router.websocket("/search")
async def search(websocket: WebSocket) -> None:
    """For search while somebody types."""
    await sockets_of(websocket).serve(websocket)


@router.get("/stats")
def stats(request: Request) -> SocketStats:
    """How many sockets are open, what they follow, and how much went through them."""
    return sockets_of(request).stats()


def sockets_of(asked: Request | WebSocket) -> Sockets:
    """The sockets of the application."""
    sockets: Sockets = asked.app.state.sockets
    return sockets
