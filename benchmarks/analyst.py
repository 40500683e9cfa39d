"""Time the analyst over HTTP: `python -m benchmarks.analyst [--json]`.

A model of set latency and the service run on loopback, in processes of their own. Questions differ
in their seed, so that each is answered anew; overhead is what the service adds to the model's own
time, asked in turn by the same client.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from forecastlab.api.analyst import AnalystPart
from forecastlab.api.app import create_app
from forecastlab.api.server import listen, run, server_for
from forecastlab.bootstrap.analyst import open_analyst
from forecastlab.settings import read_settings
from forecastlab.settings.serve import Limits
from tests.support.analyst_world import request
from tests.support.imports import ROOT
from tests.support.llm_server import LlmWire
from tests.support.memory_store import MemoryStore

LATENCY_S: Final = 0.1
REQUESTS: Final = 200
PAID: Final = 40
AT_ONCE: Final = 100
ASKED: Final = "/api/v1/inference"
TARGETS: Final = {"local_ms": 5.0, "hit_ms": 3.0, "overhead_ms": 10.0}
_LIMITS: Final = Limits(rate=0)


async def model(port: int) -> None:
    """Answer completions after the latency; `GET /count` tells how many were paid for."""
    wire, paid = LlmWire(), 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal paid
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
                await reader.readexactly(length)
                if head.startswith("get /count"):
                    body = str(paid).encode()
                else:
                    paid += 1
                    await asyncio.sleep(LATENCY_S)
                    body = json.dumps(wire.completion(wire.content)).encode()
                kind = b"Content-Type: application/json\r\n"
                writer.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (kind, len(body)))
                writer.write(body)
                await writer.drain()

    async with await asyncio.start_server(answer, "127.0.0.1", port) as server:
        await server.serve_forever()


def service(port: int, model_port: int) -> None:
    """Serve the analyst alone, its cache in a folder that goes with it."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        settings = read_settings(
            {
                "FORECASTLAB_CONFIGS": str(ROOT / "config"),
                "DEEPSEEK_API_KEY": "k",
                "DEEPSEEK_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
            },
            folder=Path(home),
        )
        part = AnalystPart(lambda: open_analyst(settings, MemoryStore()))
        run(
            server_for(create_app([part], limits=_LIMITS), limits=_LIMITS),
            listen("127.0.0.1", port),
        )


def measure() -> dict[str, Any]:
    """Return the medians, and what a hundred clients at once met."""
    port, model_port = _free_port(), _free_port()
    with _processes(["--model", str(model_port)], ["--serve", str(port), str(model_port)]):
        _wait_for(model_port, "/count")
        _wait_for(port, "/readyz")
        seeds = iter(range(1, 10**6))

        def question(model_type: str) -> bytes:
            return request(model_type=model_type, seed=next(seeds)).model_dump_json().encode()

        local = _median(port, lambda: question("local"), REQUESTS)
        same = question("local")
        hit = _median(port, lambda: same, REQUESTS)
        before = _count(model_port)
        asked = _median(port, lambda: question("gpt4"), PAID)
        alone = _median(model_port, lambda: b"{}", PAID, path="/v1/chat/completions")
        many = [question("gpt4") for _ in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            statuses = list(threads.map(lambda body: _post(port, body)[0], many))
            paid_before = _count(model_port)
            one = question("gpt4")
            equal = list(threads.map(lambda _: _post(port, one)[0], range(AT_ONCE)))
        return {
            "local_ms": round(local, 2),
            "hit_ms": round(hit, 2),
            "model_ms": round(alone, 1),
            "overhead_ms": round(asked - alone, 2),
            "at_once": AT_ONCE,
            "errors": sum(status != 200 for status in (*statuses, *equal)),
            "paid_for_equal_questions": _count(model_port) - paid_before,
            "paid": _count(model_port) - before,
            "targets": TARGETS,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
        }


def _median(port: int, body: Callable[[], bytes], times: int, path: str = ASKED) -> float:
    """Return the median of a request in milliseconds, on one connection, after ten unmeasured."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    for number in range(times + 10):
        sent = body()
        begin = time.perf_counter()
        line.request("POST", path, sent, {"Content-Type": "application/json"})
        reply = line.getresponse()
        reply.read()
        if reply.status != 200:
            raise SystemExit(f"{path} answered {reply.status}")
        if number >= 10:
            found.append(time.perf_counter() - begin)
    line.close()
    return 1000 * statistics.median(found)


def _post(port: int, body: bytes) -> tuple[int, bytes]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        line.request("POST", ASKED, body, {"Content-Type": "application/json"})
        reply = line.getresponse()
        return reply.status, reply.read()
    finally:
        line.close()


def _count(port: int) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request("GET", "/count")
    found = int(line.getresponse().read())
    line.close()
    return found


@contextmanager
def _processes(*arguments: list[str]) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.analyst"]
    running = [subprocess.Popen([*command, *one], stderr=subprocess.DEVNULL) for one in arguments]
    try:
        yield
    finally:
        for one in running:
            one.terminate()
            one.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, path: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(ConnectionError):
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            line.request("GET", path)
            status = line.getresponse().status
            line.close()
            if status == 200:
                return
        time.sleep(0.05)
    raise SystemExit(f"no server came up at {port}")


def main() -> None:
    """Print the times; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--model", metavar="PORT", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--serve", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.model or given.serve:
        with suppress(SystemExit, KeyboardInterrupt):
            asyncio.run(model(given.model)) if given.model else service(*given.serve)
        return
    found = measure()
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"rules: {found['local_ms']} ms (target {TARGETS['local_ms']:g})")
        print(f"cache hit: {found['hit_ms']} ms (target {TARGETS['hit_ms']:g})")
        print(
            f"a model of {found['model_ms']} ms: +{found['overhead_ms']} ms"
            f" (target {TARGETS['overhead_ms']:g})"
        )
        print(
            f"{AT_ONCE} at once, twice: {found['errors']} error(s);"
            f" equal questions paid for: {found['paid_for_equal_questions']}"
        )
        print(f"on {found['machine']}")
    missed = [name for name, target in TARGETS.items() if found[name] > target]
    sys.exit(bool(missed or found["errors"] or found["paid_for_equal_questions"] != 1))


if __name__ == "__main__":
    main()
