"""What clients say and what they are told: JSON objects, each with a ``type``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imagequarry.domain.job import WatchedEvent
from imagequarry.errors import InvalidInput, QuarryError
from imagequarry.surfaces import surface
from imagequarry.surfaces.context.dialect import WORDS, timestamp
from imagequarry.surfaces.context.sockets.channels import channel_of

Scalar = str | int | float | bool | None

_LONGEST_QUERY = 1000
_LONGEST_NAME = 256
_MOST_RESULTS = 100
_MOST_OBJECTS = 50

_STATUS = {"queued": "queued", "completed": "completed", "failed": "failed", "cancelled": "failed"}
_SAID = {"queued": "Queued", "started": "Started", "completed": "Completed", "cancelled": "Cancelled"}


@dataclass(frozen=True, slots=True)
class Ping:
    """Is anybody there?"""


@dataclass(frozen=True, slots=True)
class Auth:
    """A key."""

    api_key: bytes


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Follow a channel; with ``since`` also what happened after the event of that number."""

    channel: str
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Follow it no more."""

    channel: str


@dataclass(frozen=True, slots=True)
class SearchWish:
    """Find pictures; ``objects`` () is no filter. The answer carries the ``request_id``."""

    query: str
    limit: int = 10
    objects: tuple[str, ...] = ()
    min_score: float | None = None
    request_id: Scalar = None


Incoming = Ping | Auth | Subscribe | Unsubscribe | SearchWish


class Unreadable(InvalidInput):
    """The message is not a JSON object."""


def read(text: str) -> Incoming:
    """What the client says. Raises InvalidInput, with the ``request_id`` where one was given."""
    fields = _Fields(_object(text))
    match fields.given.get("type"):
        case "ping":
            return Ping()
        case "auth":
            return Auth(fields.text("api_key", 1000).encode(errors="replace"))
        case "subscribe":
            return Subscribe(_channel(fields), fields.whole("since", None, 0, 2**63 - 1))
        case "unsubscribe":
            return Unsubscribe(_channel(fields))
        case "search":
            return _search(fields)
    raise InvalidInput("There is no such type of message; there are ping, subscribe, unsubscribe, search and auth.")


def connected(client_id: str, channels: Sequence[str]) -> str:
    """The first message, once the client is known."""
    return _written(
        "connection", status="connected", client_id=client_id, channels=list(channels), timestamp=timestamp()
    )


def authenticated() -> str:
    return _written("authenticated", timestamp=timestamp())


def pong() -> str:
    return _written("pong", timestamp=timestamp())


def subscribed(channel: str) -> str:
    return _written("subscribed", channel=channel, timestamp=timestamp())


def unsubscribed(channel: str) -> str:
    return _written("unsubscribed", channel=channel, timestamp=timestamp())


def found(wish: SearchWish, results: Sequence[dict[str, Any]], seconds: float) -> str:
    """The answer to a search."""
    return _written(
        "search_results",
        query=wish.query,
        request_id=wish.request_id,
        results=list(results),
        count=len(results),
        search_time=round(seconds, 4),
        timestamp=timestamp(),
    )


def dropped(wish: SearchWish) -> str:
    """The answer to a search that a newer one overtook."""
    return _written("search_dropped", query=wish.query, request_id=wish.request_id, timestamp=timestamp())


def failed(error: QuarryError, **more: Any) -> str:
    """Something went wrong; the connection stays."""
    _, word = surface.words_for(error, WORDS)
    if "request_id" in error.details:
        more = {"request_id": error.details["request_id"], **more}
    return _written("error", error=word, message=error.message, timestamp=timestamp(), **more)


def update(channel: str, watched: WatchedEvent) -> str:
    """Something happened to a job, in document B's words and percent."""
    event = watched.event
    data = {name: value for name, value in event.data.items() if name not in ("progress", "message")}
    return _written(
        "processing_update",
        channel=channel,
        task_id=event.job_id,
        event=event.type,
        status=_STATUS.get(event.type, "processing"),
        progress=_percent(watched),
        message=str(event.data.get("message") or _SAID.get(event.type, "")),
        kind=watched.kind,
        data=data,
        seq=event.seq,
        timestamp=timestamp(event.at),
    )


def _percent(watched: WatchedEvent) -> float:
    match watched.event.type:
        case "queued" | "started":
            # A job that resumes says where it is with its next progress.
            fraction = 0.0
        case "completed":
            fraction = 1.0
        case "progress":
            fraction = float(watched.event.data.get("progress", watched.progress))
        case _:
            fraction = watched.progress
    return round(100 * min(1.0, max(0.0, fraction)), 1)


def _channel(fields: _Fields) -> str:
    task_id = fields.text("task_id", _LONGEST_NAME) if fields.given.get("task_id") is not None else None
    if task_id is not None and "channel" not in fields.given:
        return channel_of("jobs", task_id)
    return channel_of(fields.text("channel", _LONGEST_NAME), task_id)


def _search(fields: _Fields) -> SearchWish:
    request_id = fields.scalar("request_id")
    try:
        query = fields.text("query", _LONGEST_QUERY).strip()
        if not query:
            raise InvalidInput("query is empty.")
        limit = fields.whole("limit", 10, 1, _MOST_RESULTS)
        assert limit is not None
        return SearchWish(query, limit, _objects(fields.given.get("objects")), _score(fields), request_id)
    except InvalidInput as error:
        raise InvalidInput(error.message, request_id=request_id) from error


def _score(fields: _Fields) -> float | None:
    value = fields.given.get("min_score")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidInput("min_score is a number from 0 to 1.")
    return float(value)


def _objects(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput("objects is a list of names, or names with commas between them.")
    names = [_clean("objects", name, _LONGEST_NAME).strip() for name in names]
    if len(names) > _MOST_OBJECTS:
        raise InvalidInput(f"objects are {_MOST_OBJECTS} at most.")
    return tuple(name for name in names if name)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of a message, each checked when it is asked for."""

    given: dict[str, Any]

    def text(self, name: str, longest: int) -> str:
        value = self.given.get(name)
        if not isinstance(value, str):
            raise InvalidInput(f"{name} is a text.")
        return _clean(name, value, longest)

    def whole(self, name: str, default: int | None, least: int, most: int) -> int | None:
        value = self.given.get(name, default)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidInput(f"{name} is a whole number from {least} to {most}.")
        return value

    def scalar(self, name: str) -> Scalar:
        value: Any = self.given.get(name)
        if isinstance(value, str) and len(value) > _LONGEST_NAME:
            raise InvalidInput(f"{name} has {_LONGEST_NAME} characters at most.")
        # Nothing infinite can be written as JSON again, and Python reads NaN.
        if isinstance(value, int | float) and not abs(value) < 2**63:
            raise InvalidInput(f"{name} is too large.")
        if not isinstance(value, str | int | float | None):
            raise InvalidInput(f"{name} is a text, a number, true, false or null.")
        return value


def _clean(name: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise InvalidInput(f"{name} has {longest} characters at most.")
    # Neither a database nor a tokenizer takes these.
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInput(f"{name} holds characters that are no text.")
    return text


def _object(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("The message is not valid JSON.") from error
    if not isinstance(given, dict):
        raise Unreadable("The message is not a JSON object.")
    return given


def _written(type: str, **fields: Any) -> str:
    return json.dumps({"type": type, **fields}, allow_nan=False, separators=(",", ":"))
