"""The door: who is admitted, how much, how fast, and how long an answer may take."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forecastlab.api.failure import failure
from forecastlab.api.key_check import HEADER, KeyCheck
from forecastlab.api.lifecycle import Lifecycle
from forecastlab.api.rate_limit import RateLimit
from forecastlab.settings.serve import Limits

OPEN: Final = frozenset({"/livez", "/readyz"})
"""What probes ask: no key, no limit, and no part in the count of what is under way."""

_KEY: Final = HEADER.lower().encode()


class _Refused(Exception):
    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.headers = headers


class Guard:
    """Admits by key, limits by caller, and hands over only requests that have arrived whole.

    A body is read before the request counts as under way, so that slow ones keep nobody waiting;
    the layers within find it in one message.
    """

    def __init__(
        self, app: ASGIApp, *, limits: Limits, check: KeyCheck, lifecycle: Lifecycle
    ) -> None:
        self._app = app
        self._limits = limits
        self._most = limits.body_bytes
        self._check = check
        self._lifecycle = lifecycle
        self._rate = RateLimit(limits.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        try:
            scope["caller"] = self._caller(scope)
            body = await self._body(scope, receive)
            if body:
                _call_it_json(scope)
            if body is not None:
                await self._run(scope, _whole(body, receive), send)
        except _Refused as refused:
            answer = failure(
                refused.status, str(refused), scope["request_id"], headers=refused.headers
            )
            await answer(scope, receive, send)

    def _caller(self, scope: Scope) -> str:
        presented = next((value for name, value in scope["headers"] if name == _KEY), None)
        admitted = self._check.admitted(presented)
        address = scope["client"][0] if scope["client"] else ""
        # Wrong keys are counted by address, so that nobody can use up another's share.
        caller = admitted or f"address:{address}"
        wait_s = self._rate.wait_s(caller)
        if wait_s:
            raise _Refused(
                429, "Too many requests of this caller.", {"Retry-After": str(math.ceil(wait_s))}
            )
        if admitted is None:
            raise _Refused(401, f"A valid key is needed in the header {HEADER}.")
        return caller

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the whole body, or None where the caller has gone."""
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._most:
                raise self._too_large()
        try:
            async with asyncio.timeout(self._limits.body_s):
                return await self._read(receive)
        except TimeoutError:
            raise _Refused(
                408,
                f"The request did not arrive within {self._limits.body_s:g} s.",
                {"Connection": "close"},
            ) from None

    async def _read(self, receive: Receive) -> bytes | None:
        read = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part: bytes = message.get("body", b"")
            if len(read) + len(part) > self._most:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(read) + part if read else part
            read += part

    def _too_large(self) -> _Refused:
        return _Refused(413, f"The body is larger than {self._most} bytes.")

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._lifecycle.in_flight >= self._limits.in_flight:
            raise _Refused(503, "Too many requests are under way.", {"Retry-After": "1"})
        self._lifecycle.in_flight += 1
        try:
            async with asyncio.timeout(self._limits.request_s) as deadline:
                await self._app(scope, receive, send)
        except TimeoutError:
            if not deadline.expired() or "code" in scope:
                raise
            raise _Refused(
                504, f"There was no answer within {self._limits.request_s:g} s."
            ) from None
        finally:
            self._lifecycle.in_flight -= 1


def _call_it_json(scope: Scope) -> None:
    """Call the body JSON, which is all that is understood here: `curl -d` calls it a form."""
    headers = [one for one in scope["headers"] if one[0] != b"content-type"]
    scope["headers"] = [*headers, (b"content-type", b"application/json")]


def _whole(body: bytes, receive: Receive) -> Receive:
    """Give the body at once, and then what else comes: that the caller has gone."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
