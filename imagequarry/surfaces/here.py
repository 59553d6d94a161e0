"""What every route may ask for: the runtime of the application that serves it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from imagequarry.runtime.parts import Runtime


def runtime_of(request: Request) -> Runtime:
    """The runtime that ``create_app`` put together.

    Health probes call this themselves: as a dependency it would wait for one of the threads that all others share.
    """
    runtime: Runtime = request.app.state.runtime
    return runtime


Here = Annotated[Runtime, Depends(runtime_of)]
