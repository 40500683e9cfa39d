"""One connection: how long a request may take to arrive, how large its head, and how many."""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle
from typing import Any, Final

from starlette.responses import Response
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from forecastlab.api.failure import failure
from forecastlab.settings.serve import Limits

HEAD_BYTES: Final = 64 << 10
"""Largest head of a request, its target included."""

_FRAMING: Final = 8
"""Bytes on the line that one byte of a body in chunks may cost: in a chunk of its own it is six."""

_OF_A_BODY: Final = (b"content-length", b"transfer-encoding")

_GRACE_S: Final = 1.0
"""By how much a late body outlives the guard's own limit, which answers in words."""


class BoundedConfig(Config):
    """What the server is told, and its limits."""

    limits: Limits = Limits()


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, which waits for ever and answers garbage in plain text by itself."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = config.limits if isinstance(config, BoundedConfig) else Limits()
        self._late: TimerHandle | None = None
        self._head_bytes: int | None = 0
        self._body_of: object = None
        self._body_bytes = 0
        self._framing_bytes = 0
        self._fault = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, or refuse the connection."""
        super().connection_made(transport)  # type: ignore[arg-type]  # a stream's, as uvicorn says
        if len(self.connections) > self._limits.connections:
            self._refuse(503, "Too many connections are open.")
        else:
            self._wait(self._limits.body_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse a head that has no end, and chunks that are nothing else."""
        message, self._body_bytes = self._body_of, 0
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431, f"The head of the request is larger than {HEAD_BYTES} bytes.")
        elif message is not None and message is self._body_of:
            # Whoever sends trailers, or one without end, would else fill the memory unseen.
            framing = self._framing_bytes + len(data) - _FRAMING * self._body_bytes
            self._framing_bytes = max(0, framing)
            if self._framing_bytes > HEAD_BYTES:
                self._refuse(431, f"Chunks or trailers are larger than {HEAD_BYTES} bytes.")
        elif self._late is None and self.cycle.response_complete:
            # Blank lines, or what was left of a refused body, have ended uvicorn's own wait.
            self._wait(self._limits.body_s)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, self._fault or msg)

    def on_message_begin(self) -> None:
        """Give the head of a request its time."""
        super().on_message_begin()
        self._head_bytes = 0
        self._wait(self._limits.body_s)

    def on_headers_complete(self) -> None:
        """Give the body its time."""
        self._head_bytes = None
        self._body_of, self._framing_bytes = self.scope, 0
        self._wait(self._limits.body_s + _GRACE_S)
        upgrade = self.parser.should_upgrade()
        if upgrade and any(name in _OF_A_BODY and value != b"0" for name, value in self.headers):
            # The parser takes what follows for another protocol: the body would be lost in silence.
            self._fault = "No other protocol is spoken here; send the body without Upgrade."
            raise ValueError(self._fault)
        super().on_headers_complete()
        if upgrade:  # declined; and for the same reason nothing more can be read
            self.cycle.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header of the head; a trailer, which comes after who asks was settled, is none."""
        if self._head_bytes is not None:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait no more: the request is here."""
        self._body_of = None
        self._wait(None)
        super().on_message_complete()

    def _wait(self, seconds: float | None) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = None if seconds is None else self.loop.call_later(seconds, self._is_late)

    def _is_late(self) -> None:
        self._late = None
        if self.transport.is_closing():
            return
        if self.flow.read_paused:  # we do not read: an earlier request of the connection has to end
            self._wait(self._limits.body_s)
        elif self._head_bytes:
            self._refuse(408, f"The request did not arrive within {self._limits.body_s:g} s.")
        else:
            self.transport.close()

    def _refuse(self, status: int, error: str) -> None:
        self._wait(None)
        answer: Response = failure(status, error, "")
        head = [*self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in head)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + bytes(answer.body))
        self.transport.close()
