"""The inference server over HTTP: one total deadline, no redirect, a bounded body.

A socket's timeout bounds one wait, not a reply: a server that sends a byte a second would keep its
client for hours, and a resolver that hangs has no timeout at all. So each exchange runs on a thread
of its own and is waited for until the deadline, whatever it is doing; then its socket is shut down,
which ends the thread. Plain `http.client` for that socket's sake; it follows no redirect, retries
nothing, reads no `.netrc` and asks no proxy.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from threading import Event, Thread
from typing import Final
from urllib.parse import urlsplit

from forecastlab.adapters.retry import GaveUp, RetryPolicy, TryAgain, retry, retry_after_s
from forecastlab.contracts.canonical import Json, parse_document
from forecastlab.contracts.degradations import SERVER
from forecastlab.contracts.errors import DataMalformed, RemoteFailed
from forecastlab.contracts.inference import (
    ANOTHER_BUNDLE,
    MALFORMED,
    REFUSED,
    STATUS,
    TIMEOUT,
    TRANSPORT,
)

MOST_BYTES: Final = 1 << 20
"""Of an answer; that of three heads with five members each has some 2,000."""

PASSING: Final = (502, 503, 504)
"""Statuses after which a second attempt may succeed: a gateway's, or a server's at its start."""

_RETRY: Final = RetryPolicy(first_delay_s=0.1, attempts=2)


@dataclass(frozen=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Passing(TryAgain):
    """A failure that a second attempt may not meet."""

    def __init__(self, kind: str, reason: str, *, after_s: float | None = None) -> None:
        super().__init__(reason, after_s=after_s)
        self.kind = kind


class HttpInference:
    """An `InferenceServer` that is asked at a URL; safe to use from many threads."""

    def __init__(self, url: str, *, api_key: str = "", deadline_s: float = 5.0) -> None:
        self._url = urlsplit(url)
        self._api_key = api_key
        self._deadline_s = deadline_s

    @property
    def address(self) -> str:
        """Where it is."""
        return f"{self._url.scheme}://{self._url.netloc}"

    def ask(self, question: bytes) -> dict[str, Json]:
        """Return the JSON object that answers a JSON question, within the deadline."""
        deadline = time.monotonic() + self._deadline_s
        try:
            reply = retry(
                lambda: self._attempt(question, deadline), _RETRY.within(self._deadline_s)
            )
        except GaveUp as error:
            kind = error.last.kind if isinstance(error.last, _Passing) else TRANSPORT
            raise self._failed(kind, str(error.last)) from error
        return self._document(reply)

    def _attempt(self, question: bytes, deadline: float) -> _Reply:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise self._failed(TIMEOUT, f"{self._deadline_s:g} s")
        exchange = _Exchange(self._connection(left_s), self._url.path, self._headers())
        try:
            reply = exchange.within(left_s, question)
        except TimeoutError:
            raise self._failed(TIMEOUT, f"{self._deadline_s:g} s") from None
        except (OSError, HTTPException) as error:
            raise _Passing(TRANSPORT, type(error).__name__) from None
        if reply.status in PASSING:
            raise _Passing(STATUS, str(reply.status), after_s=retry_after_s(reply.headers))
        return reply

    def _document(self, reply: _Reply) -> dict[str, Json]:
        if reply.status != 200:
            raise self._failed(_kind(reply.status), str(reply.status))
        content_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise self._failed(MALFORMED, "no JSON content type")
        if len(reply.body) > MOST_BYTES:
            raise self._failed(MALFORMED, f"more than {MOST_BYTES} bytes")
        try:
            return parse_document(reply.body, what="the answer")
        except DataMalformed as error:
            raise self._failed(MALFORMED, "no JSON object") from error

    def _headers(self) -> dict[str, str]:
        key = {"X-API-Key": self._api_key} if self._api_key else {}
        return {"Content-Type": "application/json", "Accept": "application/json", **key}

    def _connection(self, timeout_s: float) -> HTTPConnection:
        host, port = str(self._url.hostname), self._url.port
        if self._url.scheme == "http":
            return HTTPConnection(host, port, timeout=timeout_s)
        return HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())

    def _failed(self, kind: str, reason: str) -> RemoteFailed:
        return RemoteFailed(
            SERVER[kind].says(why=reason),
            remedy=f"See what {self.address} says: `curl {self.address}/readyz`.",
            kind=kind,
        )


def _kind(status: int) -> str:
    if status == 409:  # it serves another schema
        return ANOTHER_BUNDLE
    return STATUS if status >= 500 or status == 429 else REFUSED


class _Exchange:
    """One request and its reply, on a thread that nobody has to wait for."""

    def __init__(self, connection: HTTPConnection, path: str, headers: Mapping[str, str]) -> None:
        self._connection = connection
        self._path = path
        self._headers = headers
        self._ended: Future[_Reply] = Future()
        self._given_up = Event()

    def within(self, left_s: float, body: bytes) -> _Reply:
        """Return the reply.

        Raises:
            TimeoutError: it is not there whole after `left_s` seconds.
            OSError, HTTPException: the connection broke, or what came is no HTTP.
        """
        # A daemon: one that hangs in the resolver must not keep the process from ending.
        Thread(target=self._run, args=(body,), name="inference", daemon=True).start()
        try:
            return self._ended.result(left_s)
        except TimeoutError:
            self._hang_up()
            raise

    def _run(self, body: bytes) -> None:
        try:
            reply = self._exchange(body)
        except (OSError, HTTPException) as error:
            self._ended.set_exception(error)
        except ValueError:
            # http.client's word for some broken heads; of a key with a line end it tells the key.
            self._ended.set_exception(HTTPException("a broken head"))
        else:
            self._ended.set_result(reply)
        finally:
            self._connection.close()

    def _exchange(self, body: bytes) -> _Reply:
        self._connection.connect()
        # While it resolves and connects there is no socket yet that could be shut down.
        if self._given_up.is_set():
            raise ConnectionAbortedError
        self._connection.request("POST", self._path, body, dict(self._headers))
        response = self._connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return _Reply(response.status, headers, _bounded(response))

    def _hang_up(self) -> None:
        self._given_up.set()
        connected = self._connection.sock
        if connected is not None:
            with suppress(OSError):  # it was closed meanwhile
                connected.shutdown(socket.SHUT_RDWR)


def _bounded(response: HTTPResponse) -> bytes:
    """Return the body, or one byte more than is allowed of one that is too long.

    Raises:
        IncompleteRead: the connection ended before the body did.
    """
    body = response.read(MOST_BYTES + 1)
    # Of a bounded read http.client itself does not report what is missing.
    if response.length and len(body) <= MOST_BYTES:
        raise IncompleteRead(body, response.length)
    return body
