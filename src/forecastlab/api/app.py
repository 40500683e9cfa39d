"""The service as one ASGI application: its door, its own routes, and those of its components."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI

from forecastlab.api.component import Component
from forecastlab.api.failure import Failure, tell_failures
from forecastlab.api.guard import OPEN, Guard
from forecastlab.api.key_check import HEADER, KeyCheck, Keys
from forecastlab.api.lifecycle import Lifecycle
from forecastlab.api.metrics import Metrics
from forecastlab.api.system import system_routes
from forecastlab.api.telemetry import Telemetry
from forecastlab.settings.serve import Limits

DESCRIPTION: Final = """Forecasts, candles and signals of ForecastLab.

Every answer that is no success has the body `{"success": false, "error": …, "request_id": …}`.
Bodies are JSON in UTF-8, instants are milliseconds since 1970 in UTC."""


def create_app(
    components: Sequence[Component],
    *,
    limits: Limits | None = None,
    keys: Keys = tuple,
    metrics: Metrics | None = None,
    commit: str = "",
) -> FastAPI:
    """Build the service; its `state.lifecycle` tells where it stands.

    The components start in a thread once the server listens, and stop when it ends.

    Args:
        keys: gives the keys that are accepted now; where it never gave one, none is asked for.
        metrics: the same that the components write to.
        commit: what `/info` states.
    """
    lifecycle = Lifecycle(components)
    measured = metrics or Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        lifecycle.start()
        yield
        await asyncio.to_thread(lifecycle.stop)

    number = version("forecastlab")
    app = _Documented(
        title="ForecastLab",
        description=DESCRIPTION,
        version=number,
        lifespan=lifespan,
        # Their pages load scripts from elsewhere; /openapi.json is all that is needed.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={
            "4XX": {"model": Failure, "description": "The request is refused."},
            "5XX": {"model": Failure, "description": "There is no answer now."},
        },
    )
    app.state.lifecycle = lifecycle
    app.include_router(system_routes(lifecycle, measured, version=number, commit=commit))
    for one in components:
        for router in one.routers():
            app.include_router(router)
    tell_failures(app)
    app.add_middleware(Guard, limits=limits or Limits(), check=KeyCheck(keys), lifecycle=lifecycle)
    app.add_middleware(Telemetry, lifecycle=lifecycle, metrics=measured)
    return app


class _Documented(FastAPI):
    """Names the key in the document that describes the service."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, built once."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
            schemes["key"] = {"type": "apiKey", "in": "header", "name": HEADER}
            document["security"] = [{"key": []}]
            for path in OPEN:
                for operation in document["paths"][path].values():
                    operation["security"] = []
        return super().openapi()
