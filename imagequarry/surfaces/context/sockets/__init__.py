"""WebSockets of surface B: what happens to jobs, and search while somebody types."""

from imagequarry.surfaces.context.sockets.limits import SocketLimits
from imagequarry.surfaces.context.sockets.routes import router
from imagequarry.surfaces.context.sockets.service import Sockets

__all__ = ["SocketLimits", "Sockets", "router"]
