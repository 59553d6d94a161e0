"""/api/v1/health: how the server is, for people and for probes; and its metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from imagequarry.ops import system
from imagequarry.ops.health import Component
from imagequarry.ops.metrics import CONTENT_TYPE
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces import probing
from imagequarry.surfaces.here import runtime_of
from imagequarry.surfaces.image2model.dialect import NAME, timestamp
from imagequarry.surfaces.probing import ServiceHealth

router = APIRouter(prefix="/api/v1/health", tags=[NAME])


class Liveness(BaseModel):
    """The process answers."""

    status: str
    timestamp: str


class ComponentHealth(BaseModel):
    """What the server depends on. ``message`` is a sentence where it is not well."""

    name: str
    status: str
    response_time_ms: float
    message: str
    details: dict[str, Any]


class Readiness(BaseModel):
    """Whether requests can be served, and what they depend on."""

    status: str
    timestamp: str
    components: list[ComponentHealth]


class Machine(BaseModel):
    """The machine; shares in percent, None where they are not known."""

    platform: str | None
    cpu_usage_percent: float | None
    memory_usage_percent: float | None
    disk_usage_percent: float | None


class DetailedHealth(BaseModel):
    """Everything about the server and what it depends on."""

    status: str
    service: str
    version: str
    timestamp: str
    system: Machine
    components: list[ComponentHealth]
    uptime_seconds: float


@router.head("/", include_in_schema=False)
@router.get("/")
async def health(request: Request, response: Response) -> ServiceHealth:
    """Whether the server and what it depends on are well; 503 when something is not."""
    return await probing.service_health(runtime_of(request), response, timestamp())


@router.head("/detailed", include_in_schema=False)
@router.get("/detailed")
async def detailed(request: Request, response: Response) -> DetailedHealth:
    """The machine and each component, with the time that it took to answer; 503 when one is not well."""
    here = runtime_of(request)
    told = await probing.probed(lambda: _detailed(here))
    response.status_code = 503 if told.status == "unhealthy" else 200
    return told


@router.head("/liveness", include_in_schema=False)
@router.get("/liveness")
async def liveness() -> Liveness:
    """Whether the process answers at all; it depends on nothing."""
    return await probing.probed(lambda: Liveness(status="alive", timestamp=timestamp()), alone=True)


@router.head("/readiness", include_in_schema=False)
@router.get("/readiness")
async def readiness(request: Request, response: Response) -> Readiness:
    """Whether requests can be served: all that they depend on is asked; 503 when one of it is not well."""
    report = await probing.probed(runtime_of(request).health.readiness)
    response.status_code = 200 if report.healthy else 503
    return Readiness(
        status="ready" if report.healthy else "not ready",
        timestamp=timestamp(),
        components=[_reply(component) for component in report.components],
    )


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """The metrics in Prometheus's text format."""
    return Response(await probing.probed(runtime_of(request).metrics.text), media_type=CONTENT_TYPE)


def _detailed(here: Runtime) -> DetailedHealth:
    report, machine = here.health.report(), here.health.machine()
    return DetailedHealth(
        status=report.status,
        service=here.health.service,
        version=here.health.version,
        timestamp=timestamp(),
        system=Machine(
            platform=machine.get("platform"),
            cpu_usage_percent=machine.get("cpu", {}).get("percent"),
            memory_usage_percent=machine.get("memory", {}).get("percent"),
            disk_usage_percent=machine.get("disk", {}).get("percent"),
        ),
        components=[_reply(component) for component in report.components],
        uptime_seconds=round(system.uptime(), 2),
    )


def _reply(component: Component) -> ComponentHealth:
    return ComponentHealth(
        name=component.name,
        status=component.status,
        response_time_ms=round(component.seconds * 1000, 2),
        message=component.message,
        details=dict(component.details),
    )
