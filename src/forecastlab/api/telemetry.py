"""The outermost layer: an id for each request, count and latency, and a whole answer to a bug."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forecastlab.api.failure import failure
from forecastlab.api.lifecycle import Lifecycle
from forecastlab.api.metrics import Metrics

_log = logging.getLogger(__name__)

_GIVEN: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""Ids that a caller may choose: they enter the log."""


class Telemetry:
    """Pure ASGI, as each layer costs every request (some 15 µs here).

    It answers HEAD as GET, whose body the server leaves out.
    """

    def __init__(self, app: ASGIApp, *, lifecycle: Lifecycle, metrics: Metrics) -> None:
        self._app = app
        self._lifecycle = lifecycle
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        # The server keeps its own scope, and with it the true method.
        scope = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        request_id = scope["request_id"] = _request_id(scope)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["code"] = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                if self._lifecycle.ending:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        try:
            await self._app(scope, receive, told)
        except asyncio.CancelledError:
            # Only a server that ends, and has waited long enough, cancels a request.
            if "code" in scope or not self._lifecycle.ending:
                raise
            await failure(503, "The service is ending.", request_id)(scope, receive, told)
        except Exception:
            _log.exception("a request failed", extra={"fields": _fields(scope)})
            if "code" in scope:  # half an answer: only a broken connection tells the caller so
                raise
            await failure(500, "The service failed; its log has the request's id.", request_id)(
                scope, receive, told
            )
        finally:
            seconds = time.perf_counter() - began
            self._metrics.request(_route(scope), _code(scope), seconds)
            if _log.isEnabledFor(logging.INFO):
                fields = {**_fields(scope), "ms": round(seconds * 1000, 3)}
                _log.info("request", extra={"fields": fields})


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GIVEN.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(8)


def _route(scope: Scope) -> str:
    """Return the route as it is declared; what no route answers has one name."""
    route = scope.get("route")
    return str(getattr(route, "path", "none"))


def _code(scope: Scope) -> int:
    """Return the status of the answer; 499 where the caller went before there was one."""
    found: int = scope.get("code", 499)
    return found


def _fields(scope: Scope) -> dict[str, object]:
    return {
        "event": "request",
        "request_id": scope["request_id"],
        "method": scope["method"],
        "route": _route(scope),
        "code": _code(scope),
        "caller": scope.get("caller", ""),
    }
