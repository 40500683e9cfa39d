"""The server of the service: one process, and an end in which nothing under way is dropped."""

from __future__ import annotations

import signal
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from forecastlab.api.connection import BoundedConfig, Connection
from forecastlab.api.lifecycle import Lifecycle
from forecastlab.contracts.errors import ConfigError, Terminated
from forecastlab.settings.serve import Limits

_HEADERS: Final = [("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store")]


@dataclass(frozen=True)
class Certificate:
    """A certificate's chain and its key, as PEM files; the key has no password."""

    chain: Path
    key: Path


class Ended(Terminated):
    """The service was asked to end, and has."""

    def __str__(self) -> str:
        """Say what happened."""
        return "The service has ended as it was asked to (SIGTERM)."


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that the server listens on; port 0 takes a free one.

    Raises:
        ConfigError: the address is taken, or is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"{host} port {port} cannot be listened on: {error.strerror or error}.",
            remedy="Stop who listens there, or choose another --host and --port.",
        ) from error


def server_for(
    app: FastAPI,
    *,
    limits: Limits,
    certificate: Certificate | None = None,
    forwarded_by: tuple[str, ...] = (),
) -> DrainingServer:
    """Return a server of the service, which `run` runs.

    Raises:
        ConfigError: the certificate cannot be used.
    """
    if certificate is not None:
        _check(certificate)
    config = BoundedConfig(
        app,
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=_HEADERS,
        proxy_headers=bool(forwarded_by),
        forwarded_allow_ips=list(forwarded_by),
        # Longer than proxies keep idle connections (60 s), so that none is closed under a request.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate.chain if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
    )
    config.limits = limits
    return DrainingServer(config, app.state.lifecycle)


def run(server: DrainingServer, listening: socket.socket) -> None:
    """Answer until SIGTERM or Ctrl-C.

    Raises:
        Ended: SIGTERM came.
        KeyboardInterrupt: Ctrl-C came.
        ForecastLabError: a component cannot start.
    """
    server.run(sockets=[listening])
    if server.lifecycle.failure is not None:
        raise server.lifecycle.failure
    if server.ended_by == signal.SIGINT:
        raise KeyboardInterrupt
    if server.ended_by is not None:
        raise Ended


class DrainingServer(uvicorn.Server):
    """Ends in three steps: not ready at once, then what is under way, then the sockets.

    While it drains it still answers, on connections that it closes after each answer: a balancer
    may not have noticed yet.

    Attributes:
        on_signal: called once, with the signal that ends it.
    """

    def __init__(self, config: BoundedConfig, lifecycle: Lifecycle) -> None:
        super().__init__(config)
        self.lifecycle = lifecycle
        self._limits = config.limits
        self._ending_since = 0.0
        self.ended_by: int | None = None
        self.on_signal: Callable[[int], object] = lambda _: None
        lifecycle.on_failed = self._give_up

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """Begin to end; at a second signal, end now."""
        if self.lifecycle.ending:
            self.should_exit = self.force_exit = True
            return
        self.ended_by = sig
        self._ending_since = time.monotonic()
        self.lifecycle.ending = True
        self.on_signal(sig)

    async def on_tick(self, counter: int) -> bool:
        """Say, ten times a second, whether the end has come."""
        if self.lifecycle.ending:
            since_s = time.monotonic() - self._ending_since
            done = since_s >= self._limits.linger_s and not self.lifecycle.in_flight
            self.should_exit |= done or since_s >= self._limits.drain_s
        return await super().on_tick(counter)

    def _give_up(self) -> None:
        self.should_exit = True


def _check(certificate: Certificate) -> None:
    """Load the certificate once, where what is wrong with it can be said."""
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # An empty password, so that a key that has one fails and asks nobody.
        context.load_cert_chain(certificate.chain, certificate.key, password="")
    except OSError as error:
        raise ConfigError(
            f"{certificate.chain} and {certificate.key} cannot be used for TLS:"
            f" {error.strerror or error}.",
            remedy="Name a PEM certificate chain and its key, which must have no password.",
        ) from error
