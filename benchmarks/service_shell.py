"""Time what the service's shell adds to a request.

Two servers on loopback, in processes of their own: an empty application on the bare server, and an
empty route behind the service's door (key, limits, whole body, metrics, request id). One client
asks them in turn, on one connection each.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import uvicorn
from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from benchmarks.program import Findings, perform
from benchmarks.results import Row, Target, number
from benchmarks.server import PORT, server
from forecastlab.api.app import create_app
from forecastlab.api.server import listen, run, server_for
from forecastlab.settings.serve import Limits

KINDS: Final = ("bare", "shell")
BODIES: Final = {"small": 100, "large": 140_000}
"""Name -> bytes: a small request, and the payload of 96 rows of 101 features."""

REQUESTS: Final = 500
ROUNDS: Final = 4
TARGETS: Final = {"small_added_us": Target(at_most=300), "large_added_us": Target(at_most=300)}
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


def microseconds(port: int, size: int, requests: int) -> float:
    """Return the median time of a request."""
    head = (
        b"POST /empty HTTP/1.1\r\nHost: a\r\nX-API-Key: key-of-another\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size
    )
    sent, times = head + b" " * size, []
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(requests):
            begin = time.perf_counter()
            line.sendall(sent)
            received = b""
            while not received.endswith(b"\r\n\r\n{}"):
                received += line.recv(65536)
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def measure(asked: argparse.Namespace) -> Findings:
    """Return the best median of each server and body, and what the shell adds."""
    rounds, requests = (1, 50) if asked.quick else (ROUNDS, REQUESTS)
    bare_command, shell_command = (
        ("-m", "benchmarks.service_shell", "--serve", kind, PORT) for kind in KINDS
    )
    with server(*bare_command) as bare_one, server(*shell_command) as shell_one:
        ports = dict(zip(KINDS, (bare_one.port, shell_one.port), strict=True))
        rows: list[Row] = []
        for place in range(rounds):
            for name, size in BODIES.items():
                row: Row = {"body": name, "bytes": size, "round": place}
                for kind, port in ports.items():
                    row[f"{kind}_us"] = round(microseconds(port, size, requests), 1)
                rows.append(row)
    measured: dict[str, float] = {}
    for name in BODIES:
        own = [row for row in rows if row["body"] == name]
        best = {kind: min(number(row, f"{kind}_us") for row in own) for kind in KINDS}
        measured |= {f"{name}_{kind}_us": one for kind, one in best.items()}
        measured[f"{name}_added_us"] = round(best["shell"] - best["bare"], 1)
    return Findings(measured, {"rounds": rows})


def main() -> int:
    """Measure, print, and write where `--out` says; or be one of the servers."""
    if sys.argv[1:2] == ["--serve"]:
        with suppress(SystemExit):
            serve(sys.argv[2], int(sys.argv[3]))
        return 0
    return perform(__file__, __doc__, measure, targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main())
