"""Time what the service's shell adds to a request: `python -m benchmarks.service_shell [--json]`.

Two servers on loopback, in processes of their own: an empty application on the bare server, and an
empty route behind the service's door (key, limits, whole body, metrics, request id). One client
asks them in turn, on one connection each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import uvicorn
from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from forecastlab.api.app import create_app
from forecastlab.api.server import listen, run, server_for
from forecastlab.settings.serve import Limits

KINDS: Final = ("bare", "shell")
BODIES: Final = (100, 140_000)
"""Bytes: a small request, and the payload of 96 rows of 101 features."""

REQUESTS: Final = 500
ROUNDS: Final = 4
TARGET_US: Final = 300.0
_LIMITS: Final = Limits(rate=0)


class Empty:
    """A component with one route that reads its body and says nothing."""

    name = "empty"
    ready = True

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def health(self) -> Mapping[str, object]:
        """Be well."""
        return {"status": "ok"}

    def info(self) -> Mapping[str, object]:
        """Have nothing to say."""
        return {}

    def routers(self) -> Sequence[APIRouter]:
        """Return the one route."""
        router = APIRouter()

        @router.post("/empty")
        async def empty(request: Request) -> Response:
            await request.body()
            return Response(b"{}", media_type="application/json")

        return (router,)


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer, with nothing between the server and this."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def serve(kind: str, port: int) -> None:
    """Serve until SIGTERM."""
    if kind == "bare":
        uvicorn.run(bare, port=port, lifespan="off", log_level="error", access_log=False)
        return
    app = create_app([Empty()], limits=_LIMITS, keys=lambda: ("key-of-one", "key-of-another"))
    run(server_for(app, limits=_LIMITS), listen("127.0.0.1", port))


def microseconds(port: int, size: int) -> float:
    """Return the median time of a request."""
    head = (
        b"POST /empty HTTP/1.1\r\nHost: a\r\nX-API-Key: key-of-another\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size
    )
    sent, times = head + b" " * size, []
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(REQUESTS):
            begin = time.perf_counter()
            line.sendall(sent)
            received = b""
            while not received.endswith(b"\r\n\r\n{}"):
                received += line.recv(65536)
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def measure() -> dict[str, Any]:
    """Return the best median of each server and body, and what the shell adds."""
    ports = {kind: _free_port() for kind in KINDS}
    servers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.service_shell", "--serve", kind, str(port)],
            stderr=subprocess.DEVNULL,
        )
        for kind, port in ports.items()
    ]
    try:
        for port in ports.values():
            _wait_for(port)
        rows = [
            {"body": size, "round": number}
            | {kind: round(microseconds(port, size), 1) for kind, port in ports.items()}
            for size in BODIES
            for number in range(ROUNDS)
        ]
    finally:
        for one in servers:
            one.terminate()
            one.wait(timeout=20)
    best = {
        size: {kind: min(row[kind] for row in rows if row["body"] == size) for kind in KINDS}
        for size in BODIES
    }
    return {
        "microseconds": best,
        "added": {size: round(one["shell"] - one["bare"], 1) for size, one in best.items()},
        "target": TARGET_US,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.05)
    raise SystemExit(f"no server came up at {port}")


def main() -> None:
    """Print the times; exit 1 where the shell adds more than the target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--serve", nargs=2, metavar=("KIND", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        with suppress(SystemExit):
            serve(given.serve[0], int(given.serve[1]))
        return
    found = measure()
    if given.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        for size, one in found["microseconds"].items():
            sys.stdout.write(
                f"{size:>7,} bytes: {one['bare']:.0f} us bare, {one['shell']:.0f} us behind the"
                f" door (+{found['added'][size]:.0f} us, target {TARGET_US:.0f})\n"
            )
        sys.stdout.write(f"on {found['machine']}\n")
    sys.exit(max(found["added"].values()) > TARGET_US)


if __name__ == "__main__":
    main()
