"""The HTTP service on a free port of loopback: in a thread of this process, or in its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from forecastlab.api.app import create_app
from forecastlab.api.component import Component
from forecastlab.api.key_check import Keys
from forecastlab.api.metrics import Metrics
from forecastlab.api.server import Certificate, DrainingServer, listen, run, server_for
from forecastlab.settings.serve import Limits
from tests.support.certificates import certificate

START_S: Final = 60.0
"""How long a service may take to be ready; alone, one with candles only takes 1.5 s."""

PATIENT: Final = Limits(rate=0)
"""Limits of a test that is not about them."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def refused(self, status: int, *parts: str) -> None:
        """Demand a failure in the service's one shape, whose text has these parts."""
        assert self.status == status, self.body
        assert self.headers["content-type"] == "application/json"
        assert self.document["success"] is False
        assert isinstance(self.document["request_id"], str)
        for part in parts:
            assert part in self.document["error"], self.document
        assert "Traceback" not in self.body.decode()


@dataclass
class Service:
    """A service that answers under `url`."""

    url: str
    key: str | None = None
    context: ssl.SSLContext | None = None

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request on a connection of its own; an iterator is sent in chunks."""
        connection = self.connection()
        try:
            sent = {} if self.key is None else {"X-API-Key": self.key}
            connection.request(method, path, body, {**sent, **(headers or {})})
            return answer_of(connection)
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for a path."""
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, document: object) -> Answer:
        """Send a document as JSON."""
        return self.ask("POST", path, json.dumps(document), {"Content-Type": "application/json"})

    def connection(self) -> http.client.HTTPConnection:
        """Open a connection that the caller closes."""
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=20, context=self.context
            )
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)

    def socket(self) -> socket.socket:
        """Open a bare connection that the caller closes."""
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)


def self_signed(folder: Path) -> Certificate:
    """Make a certificate for the service."""
    chain, _ = certificate(folder)
    return Certificate(chain, folder / "secret.pem")


def answer_of(connection: http.client.HTTPConnection) -> Answer:
    """Read the answer that comes next on a connection."""
    reply = connection.getresponse()
    headers = {name.lower(): value for name, value in reply.getheaders()}
    return Answer(reply.status, reply.read(), headers)


@contextmanager
def running(
    components: Sequence[Component],
    *,
    limits: Limits = PATIENT,
    keys: Keys = tuple,
    metrics: Metrics | None = None,
    tls: Certificate | None = None,
    forwarded_by: tuple[str, ...] = (),
    wait: bool = True,
) -> Iterator[tuple[Service, DrainingServer]]:
    """Run the service in a thread; its first key is sent with every request.

    Args:
        wait: until `/readyz` says so.
    """
    app = create_app(components, limits=limits, keys=keys, metrics=metrics, commit="abc")
    server = server_for(app, limits=limits, certificate=tls, forwarded_by=forwarded_by)
    with listen("127.0.0.1", 0) as listening:
        scheme = "http" if tls is None else "https"
        url = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        service = Service(url, next(iter(keys()), None))
        if tls is not None:
            service.context = ssl.create_default_context(cafile=tls.chain)
        thread = threading.Thread(target=_run, args=(server, listening))
        thread.start()
        try:
            if wait:
                wait_until(lambda: service.get("/readyz").status == 200)
            yield service, server
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive()


def _run(server: DrainingServer, listening: socket.socket) -> None:
    with suppress(SystemExit):
        run(server, listening)


@contextmanager
def serving(
    *arguments: str,
    folder: Path,
    key: str | None = None,
    tls: Certificate | None = None,
    part: str = "klines",
    **settings: str,
) -> Iterator[tuple[Service, subprocess.Popen[bytes]]]:
    """Run `forecastlab serve` as a process in a folder; it is ended by its own process id.

    Args:
        part: the component that is waited for; a folder without a bundle never makes all ready.
    """
    log = folder / "serve.log"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "forecastlab", "serve", f"--port={port}", *arguments]
    scheme, context = "http", None
    if tls is not None:
        command += [f"--tls-cert={tls.chain}", f"--tls-key={tls.key}"]
        scheme, context = "https", ssl.create_default_context(cafile=tls.chain)
    with log.open("wb") as written:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **settings},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        service = Service(f"{scheme}://127.0.0.1:{port}", key, context)
        try:
            wait_until(
                lambda: process.poll() is not None or _answers(service, part),
                told=lambda: log.read_text(errors="replace"),
            )
            assert process.poll() is None, log.read_text(errors="replace")
            yield service, process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)


def _answers(service: Service, part: str) -> bool:
    ready: bool = service.get("/readyz").document["components"][part]
    return ready


def wait_until(
    done: Callable[[], bool], *, seconds: float = START_S, told: Callable[[], str] = str
) -> None:
    """Wait until something is so; a refused connection counts as not yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(ConnectionError, TimeoutError):
            if done():
                return
        time.sleep(0.02)
    raise AssertionError(f"still not so after {seconds:g} s: {told()}")
