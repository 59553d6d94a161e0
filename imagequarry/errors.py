"""Everything that can go wrong, in one tree; what it means on a wire is each surface's business.

QuarryError
├── InvalidInput                 what the caller sent cannot be used
│   ├── InvalidPicture           the bytes are not a picture we read
│   │   ├── FileTooLarge         more bytes than allowed
│   │   └── PictureTooLarge      more pixels than allowed
│   ├── InvalidPrompt            points, labels or boxes that make no prompt
│   └── InvalidPath              a folder or file name that leads out of where it must stay
├── NotFound
│   ├── ImageNotFound
│   ├── MaskNotFound
│   ├── JobNotFound
│   └── ModelNotFound
├── Conflict                     what is asked contradicts what is stored
├── AccessDenied
│   ├── KeyMissing
│   └── KeyRefused
├── ModelFailure
│   ├── ModelUnavailable         weights or libraries are missing; the message says how to get them
│   ├── ModelLoadFailed
│   └── OutOfMemory
├── RemoteFailure                a service on the far side of a network failed
│   └── RemoteNotSetUp           this server was never told how to reach it
├── Busy                         the server has as much work as it takes; try again later
├── TooManyRequests              this caller asks more often than it may
├── Cancelled                    the caller, or a time limit, ended the work
└── StorageFailure               the database, the disk or the object store failed

A class's docstring is its default message. ``details`` are data for the reply: JSON values only, never a key and
never a server path.
"""

from __future__ import annotations

from typing import Any


class QuarryError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None, /, **details: Any) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.details = details
        super().__init__(self.message)


class InvalidInput(QuarryError):
    """The request cannot be used as it is."""


class InvalidPicture(InvalidInput):
    """The file is not a picture this server can read."""


class FileTooLarge(InvalidPicture):
    """The file is larger than this server accepts."""


class PictureTooLarge(InvalidPicture):
    """The picture has more pixels than this server accepts."""


class InvalidPrompt(InvalidInput):
    """The points, labels or boxes make no prompt."""


class InvalidPath(InvalidInput):
    """The path leads out of the folder it must stay in."""


class NotFound(QuarryError):
    """There is nothing under that name."""


class ImageNotFound(NotFound):
    """There is no image with that id."""


class MaskNotFound(NotFound):
    """There is no mask with that id."""


class JobNotFound(NotFound):
    """There is no job with that id."""


class ModelNotFound(NotFound):
    """There is no model of that name."""


class Conflict(QuarryError):
    """That contradicts what is stored already."""


class AccessDenied(QuarryError):
    """This needs a key."""


class KeyMissing(AccessDenied):
    """An API key is required."""


class KeyRefused(AccessDenied):
    """The API key is not valid."""


class ModelFailure(QuarryError):
    """The model could not do its work."""


class ModelUnavailable(ModelFailure):
    """The model's weights are not on this machine."""


class ModelLoadFailed(ModelFailure):
    """The model could not be loaded."""


class OutOfMemory(ModelFailure):
    """There is not enough memory for the model to do this."""


class RemoteFailure(QuarryError):
    """A service this server depends on did not answer as it should."""


class RemoteNotSetUp(RemoteFailure):
    """That service is not set up on this server."""


class Busy(QuarryError):
    """The server has as much work as it takes; try again later."""


class TooManyRequests(QuarryError):
    """You ask more often than you may; try again later."""


class Cancelled(QuarryError):
    """The work was cancelled."""


class StorageFailure(QuarryError):
    """The server could not store or read its data."""
