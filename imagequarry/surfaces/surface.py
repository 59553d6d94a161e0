"""A surface: one document's routes and its way of saying that something went wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.routing import Route, compile_path
from starlette.types import Scope

from imagequarry.errors import FileTooLarge, ModelUnavailable, NotFound, QuarryError, RemoteNotSetUp

T = TypeVar("T")


class RouteNotFound(NotFound):
    """There is nothing at this address."""


class MethodNotAllowed(QuarryError):
    """This address does not take that method."""


class BodyTooLarge(FileTooLarge):
    """The request is larger than this server accepts."""


class BadRequest(QuarryError):
    """The request could not be read."""


class Unexpected(QuarryError):
    """Something went wrong inside the server; the log knows more under this request's id."""


@dataclass(frozen=True, slots=True)
class Surface:
    """One document: its name, which is the tag of all its routes, its routers and its error replies.

    ``probes`` are the paths that answer without a key; ``readable`` the templates of paths that may be read without
    one, since whoever knows the random id in them was told it. ``admin`` are the paths below which only those who keep
    the server may ask. Callers of a ``limited`` surface may ask only so often; its probes, and the ``uncounted`` paths
    besides, do not count.
    """

    name: str
    routers: tuple[APIRouter, ...]
    render: Callable[[QuarryError], Response]
    probes: frozenset[str] = field(default_factory=frozenset)
    readable: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()
    limited: bool = False
    uncounted: frozenset[str] = field(default_factory=frozenset)

    @property
    def paths(self) -> list[str]:
        """The templates of all paths, prefix included."""
        return [str(getattr(route, "path", "")) for router in self.routers for route in router.routes]

    @property
    def patterns(self) -> list[tuple[re.Pattern[str], frozenset[str]]]:
        """What the paths of all HTTP routes match, and the methods of each."""
        routes = [route for router in self.routers for route in router.routes if isinstance(route, Route)]
        return [(route.path_regex, frozenset(route.methods or ())) for route in routes]


class Surfaces:
    """All surfaces, and which of them answers for a request."""

    def __init__(self, surfaces: Sequence[Surface]) -> None:
        self.all = tuple(surfaces)
        self._by_name = {surface.name: surface for surface in surfaces}
        # An address below the keepers' paths is its surface's, also where no route is.
        self._templates = [
            (path.split("/")[1:], surface) for surface in surfaces for path in (*surface.paths, *surface.admin)
        ]
        self._patterns = [(*pattern, surface) for surface in surfaces for pattern in surface.patterns]
        self._probes = frozenset[str]().union(*(surface.probes for surface in surfaces))
        self._uncounted = self._probes.union(*(surface.uncounted for surface in surfaces))
        self._readable = [compile_path(path)[0] for surface in surfaces for path in surface.readable]
        self._admin = [path for surface in surfaces for path in surface.admin]

    def of(self, scope: Scope) -> Surface:
        """The surface of the matched route; where none matched, the one whose paths are nearest.

        Two surfaces interleave under /api/v1, so neither a path prefix nor a mounted application could choose.
        """
        tags = getattr(scope.get("route"), "tags", None) or [""]
        return self._by_name.get(str(tags[0])) or self.nearest(str(scope.get("path", "")))

    def foreseen(self, method: str, path: str) -> Surface:
        """The surface that will answer, before any route was matched: what the router and then ``of`` will say."""
        fitting = [(methods, surface) for pattern, methods, surface in self._patterns if pattern.match(path)]
        for methods, surface in fitting:
            if method in methods:
                return surface
        return fitting[0][1] if fitting else self.nearest(path)

    def nearest(self, path: str) -> Surface:
        """The surface that shares the most leading path segments; the first one where several do."""
        wanted = path.split("/")[1:]
        return max(self._templates, key=lambda pair: _shared(wanted, pair[0]))[1]

    def is_probe(self, path: str) -> bool:
        """Whether the path answers without a key."""
        return path in self._probes

    def is_uncounted(self, path: str) -> bool:
        """Whether asking there is free."""
        return path in self._uncounted

    def is_readable(self, path: str) -> bool:
        """Whether the path may be read without a key, by whoever knows the id in it."""
        return any(pattern.match(path) for pattern in self._readable)

    def is_admin(self, path: str) -> bool:
        """Whether only those who keep the server may ask there."""
        return any(path == admin or path.startswith(f"{admin}/") for admin in self._admin)


def _shared(wanted: Sequence[str], template: Sequence[str]) -> tuple[int, bool]:
    """How many leading segments agree, and if any do whether the lengths agree too.

    A parameter agrees with anything but nothing, though never as the first segment.
    """
    count = 0
    for asked, given in zip(wanted, template, strict=False):
        if asked != given and not (given.startswith("{") and asked and count):
            break
        count += 1
    return count, count > 0 and len(wanted) == len(template)


def retry_after(error: QuarryError, status: int) -> dict[str, str]:
    """The header that says when to try again, where waiting helps: it brings no weights and sets nothing up."""
    waits = status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
    if not waits or isinstance(error, (ModelUnavailable, RemoteNotSetUp)):
        return {}
    return {"Retry-After": str(error.details.get("retry_after", 1))}


def words_for(error: QuarryError, table: Mapping[type[QuarryError], T]) -> T:
    """A dialect's entry for the error's class or the nearest class above it."""
    for kind in type(error).__mro__:
        if kind in table:
            return table[kind]
    raise LookupError(f"The dialect has no words for {type(error).__name__}.")
