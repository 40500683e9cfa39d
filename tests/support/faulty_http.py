"""A real HTTP server on loopback that answers honestly until it is told to misbehave.

    with FaultyServer(BinanceWire(...)) as server:
        server.next(answer(503), reset())           # the next two requests fail, the third does not
        server.next(slow(0.5), path="/api/v3/time")  # the next request of that path
        server.always(answer(451))                   # each request from here on
        ...
        assert [request.path for request in server.requests] == [...]

What it honestly answers is a function from request to reply, given by the part that knows the wire
format. A fault is a function too: it gets the request and that honest responder, and returns the
reply to send instead. The server records every request, answers at most `MOST_REQUESTS` (a client
caught in a loop meets 508), and leaves no thread or socket behind.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

MOST_REQUESTS: Final = 300
_LONGEST_DELAY_S: Final = 10.0


@dataclass(frozen=True)
class Request:
    """What a client asked for; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What goes back.

    Attributes:
        delay_s: silence before the first byte.
        sent: bytes of the body that are sent before the connection closes; None sends all. The
            header states the whole length either way.
        reset: no reply at all; the connection is reset.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    sent: int | None = None
    reset: bool = False


Respond = Callable[[Request], Reply]
Fault = Callable[[Request, Respond], Reply]


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Write a JSON reply."""
    typed = {"Content-Type": "application/json;charset=UTF-8", **(headers or {})}
    return Reply(status, json.dumps(value).encode(), typed)


def honest(request: Request, respond: Respond) -> Reply:
    """Answer as asked: for a fault that comes later in a row."""
    return respond(request)


def answer(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Fault:
    """Answer with a status and a JSON body, whatever was asked."""
    return lambda request, respond: json_reply({} if body is None else body, status, headers)


def html(status: int = 200) -> Fault:
    """Answer with a web page, as a captive portal or a gateway does."""
    body = b"<!DOCTYPE html><html><body><h1>Just a moment</h1></body></html>"
    return lambda request, respond: Reply(status, body, {"Content-Type": "text/html"})


def truncated(share: float = 0.5) -> Fault:
    """Answer with only the first part of the honest body, its length stated accordingly."""

    def fault(request: Request, respond: Respond) -> Reply:
        whole = respond(request)
        return replace(whole, body=whole.body[: int(len(whole.body) * share)])

    return fault


def cut_off(share: float = 0.5) -> Fault:
    """State the honest body's length, send the first part, and close the connection."""

    def fault(request: Request, respond: Respond) -> Reply:
        whole = respond(request)
        return replace(whole, sent=int(len(whole.body) * share))

    return fault


def slow(delay_s: float) -> Fault:
    """Answer honestly, after a silence."""
    return lambda request, respond: replace(respond(request), delay_s=delay_s)


def reset() -> Fault:
    """Reset the connection instead of answering."""
    return lambda request, respond: Reply(reset=True)


def edited(change: Callable[[Any], object]) -> Fault:
    """Answer honestly, but for a change to the JSON body."""

    def fault(request: Request, respond: Respond) -> Reply:
        whole = respond(request)
        return replace(whole, body=json.dumps(change(json.loads(whole.body))).encode())

    return fault


class FaultyServer:
    """An HTTP server on 127.0.0.1 that runs while its context is open."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._next: deque[tuple[str | None, Fault]] = deque()
        self._always: dict[str | None, Fault] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def next(self, *faults: Fault, path: str | None = None) -> None:
        """Apply the faults, in order, to the next requests (of that path)."""
        self._next.extend((path, fault) for fault in faults)

    def always(self, fault: Fault, *, path: str | None = None) -> None:
        """Apply the fault to each request (of that path) for which no `next` is left."""
        self._always[path] = fault

    def heal(self) -> None:
        """Answer honestly from here on, and forget the requests so far."""
        with self._lock:
            self._next.clear()
            self._always.clear()
            self.requests.clear()

    def asked(self, path: str) -> list[Request]:
        """Return the requests of one path so far."""
        return [request for request in self.requests if request.path == path]

    def reply(self, request: Request) -> Reply:
        """Record a request and say what is sent back."""
        with self._lock:
            self.requests.append(request)
            if len(self.requests) > MOST_REQUESTS:
                return json_reply({"error": "this client asks without end"}, 508)
            reply = self._fault(request.path)(request, self._respond)
        # Closing the server ends the silence, so that no test waits for it.
        self._closing.wait(min(reply.delay_s, _LONGEST_DELAY_S))
        return reply

    def _fault(self, path: str) -> Fault:
        for planned in self._next:
            if planned[0] in (None, path):
                self._next.remove(planned)
                return planned[1]
        return self._always.get(path, self._always.get(None, honest))

    def __enter__(self) -> FaultyServer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    # Threads that can be joined: none outlives its test.
    daemon_threads = False

    def __init__(self, owner: FaultyServer) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: socket.socket, client_address: Any) -> None:  # type: ignore[override]
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep alive, on which threads would wait."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        reply = self.server.owner.reply(request)
        if reply.reset:
            self._reset()
            return
        try:
            self._send(reply)
        except OSError:
            self.close_connection = True  # the client has hung up, as after a time-out

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - named by http.server

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body[: reply.sent])
        if reply.sent is not None:
            self.close_connection = True

    def _reset(self) -> None:
        self.close_connection = True
        # With zero linger the close sends RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing; the requests are recorded."""
