"""What operators and platforms ask of the service: alive, ready, well, which version, how fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from forecastlab.api.failure import failure, request_id_of, without_folders
from forecastlab.api.lifecycle import Lifecycle
from forecastlab.api.metrics import CONTENT_TYPE, Metrics

SERVICE: Final = "ml-inference"
"""The service's name in `/health`; callers of earlier inference servers know it."""

_RANK: Final = ("ok", "degraded", "failed")


class Alive(BaseModel):
    """The process runs."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "alive"}})

    status: str


class Ready(BaseModel):
    """Every component can answer."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"ready": True, "components": {"klines": True}}}
    )

    ready: bool
    components: dict[str, bool]


class Health(BaseModel):
    """How each component is; the worst of them is the status of the whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "ok",
                "service": SERVICE,
                "components": {"klines": {"status": "ok", "source": "binance"}},
            }
        }
    )

    status: str
    service: str
    components: dict[str, dict[str, Any]]


class Info(BaseModel):
    """Which version answers, with what."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "service": SERVICE,
                "version": "0.1.0",
                "commit": "5c1f71d",
                "components": {"klines": {"intervals": ["1h", "4h", "1d"]}},
            }
        }
    )

    service: str
    version: str
    commit: str
    components: dict[str, dict[str, Any]]


def system_routes(
    lifecycle: Lifecycle, metrics: Metrics, *, version: str, commit: str
) -> APIRouter:
    """Return the routes of the service itself."""
    router = APIRouter(tags=["service"])
    _add_probes(router, lifecycle)
    _add_reports(router, lifecycle, metrics, {"version": version, "commit": commit})
    return router


def _add_probes(router: APIRouter, lifecycle: Lifecycle) -> None:
    """Add what a balancer and a person ask: is it alive, ready, well?"""

    @router.get("/livez", response_model=Alive)
    async def livez() -> Response:
        """Say that the process runs. Needs no key, and touches no model."""
        return _json({"status": "alive"})

    @router.get("/readyz", response_model=Ready)
    async def readyz(request: Request) -> Response:
        """Say whether every component can answer: 200, or 503. Needs no key."""
        waiting = lifecycle.waiting_for()
        components = {one.name: one.name not in waiting for one in lifecycle.components}
        if lifecycle.ready:
            return _json({"ready": True, "components": components})
        why = "the service is ending" if lifecycle.ending else f"waiting for {', '.join(waiting)}"
        more = {"ready": False, "components": components}
        return failure(503, f"Not ready: {why}.", request_id_of(request), more=more)

    @router.get("/health", response_model=Health)
    async def health(request: Request) -> Response:
        """Say how each component is: 200 while the service can answer, 503 once one has failed."""
        components = {one.name: shown(one.health()) for one in lifecycle.components}
        status = worst(components)
        document = {"status": status, "service": SERVICE, "components": components}
        if status != "failed":
            return _json(document)
        failed = [name for name, one in components.items() if one.get("status") == "failed"]
        return failure(503, f"Failed: {', '.join(failed)}.", request_id_of(request), more=document)


def _add_reports(
    router: APIRouter, lifecycle: Lifecycle, metrics: Metrics, built: Mapping[str, str]
) -> None:
    """Add what tells which version answers, and how much."""

    @router.get("/info", response_model=Info)
    async def info() -> Response:
        """Say which version answers, and with what."""
        components = {one.name: one.info() for one in lifecycle.components}
        return _json({"service": SERVICE, **built, "components": components})

    @router.get(
        "/metrics",
        response_class=Response,
        responses={
            200: {
                "description": "Prometheus' text format.",
                "content": {"text/plain": {"example": "forecastlab_ready 1.0\n"}},
            }
        },
    )
    async def measured() -> Response:
        """Give counts and histograms to Prometheus."""
        text = metrics.text(in_flight=lifecycle.in_flight, ready=lifecycle.ready)
        return Response(text, media_type=CONTENT_TYPE)


def worst(components: Mapping[str, Mapping[str, object]]) -> str:
    """Return the worst status; what states none of them counts as failed.

    >>> worst({"predict": {"status": "ok"}, "klines": {"status": "degraded"}})
    'degraded'
    """
    ranks = [
        _RANK.index(str(one["status"])) if one.get("status") in _RANK else len(_RANK) - 1
        for one in components.values()
    ]
    return _RANK[max(ranks, default=0)]


def shown(health: Mapping[str, object]) -> dict[str, object]:
    """Return how a component is, without the folders that its troubles name."""
    return {name: _without_folders(value) for name, value in health.items()}


def _without_folders(value: object) -> object:
    if isinstance(value, str):
        return without_folders(value)
    if isinstance(value, Mapping):
        return shown(value)
    return [_without_folders(one) for one in value] if isinstance(value, list) else value


def _json(document: Mapping[str, object]) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
