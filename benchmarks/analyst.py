"""Time the analyst over HTTP, beside a language model of set latency.

Model and service run on loopback, in processes of their own. Questions differ in their seed, so
that each is answered anew; overhead is what the service adds to the model's own time, asked in turn
by the same client.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Final

from benchmarks.program import Findings, perform
from benchmarks.results import Target
from benchmarks.server import PORT, server
from forecastlab.contracts.errors import RemoteFailed
from tests.support.analyst_world import request

REQUESTS: Final = 200
PAID: Final = 40
AT_ONCE: Final = 100
UNMEASURED: Final = 10
ASKED: Final = "/api/v1/inference"
TARGETS: Final = {
    "local_ms": Target(at_most=5),
    "hit_ms": Target(at_most=3),
    "overhead_ms": Target(at_most=10),
    "errors": Target(at_most=0),
    "paid_for_equal_questions": Target(at_most=1),
}


def measure(asked: argparse.Namespace) -> Findings:
    """Return the medians, and what a hundred clients at once met."""
    requests, paid = (20, 5) if asked.quick else (REQUESTS, PAID)
    seeds = count(1)

    def question(model_type: str) -> bytes:
        return request(model_type=model_type, seed=next(seeds)).model_dump_json().encode()

    with (
        server("-m", "benchmarks.slow_model", "model", PORT) as model,
        server("-m", "benchmarks.slow_model", "analyst", PORT, str(model.port)) as service,
    ):
        local = median_ms(service.port, lambda: question("local"), requests)
        same = question("local")
        hit = median_ms(service.port, lambda: same, requests)
        before = _count(model.port)
        told = median_ms(service.port, lambda: question("gpt4"), paid)
        alone = median_ms(model.port, lambda: b"{}", paid, path="/v1/chat/completions")
        many = [question("gpt4") for _ in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            statuses = list(threads.map(lambda body: _status(service.port, body), many))
            paid_before = _count(model.port)
            one = question("gpt4")
            equal = list(threads.map(lambda _: _status(service.port, one), range(AT_ONCE)))
        now = _count(model.port)
    return Findings(
        {
            "local_ms": round(local, 2),
            "hit_ms": round(hit, 2),
            "model_ms": round(alone, 1),
            "overhead_ms": round(told - alone, 2),
            "at_once": AT_ONCE,
            "errors": sum(status != 200 for status in (*statuses, *equal)),
            "paid_for_equal_questions": now - paid_before,
            "paid": now - before,
        }
    )


def median_ms(port: int, body: Callable[[], bytes], times: int, path: str = ASKED) -> float:
    """Return the median of a request, on one connection, after ten unmeasured.

    Raises:
        RemoteFailed: an answer is not 200.
    """
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    for place in range(times + UNMEASURED):
        sent = body()
        begin = time.perf_counter()
        line.request("POST", path, sent, {"Content-Type": "application/json"})
        reply = line.getresponse()
        reply.read()
        if reply.status != 200:
            raise RemoteFailed(f"{path} answered {reply.status}.", remedy="See the service's log.")
        if place >= UNMEASURED:
            found.append(time.perf_counter() - begin)
    line.close()
    return 1000 * statistics.median(found)


def _status(port: int, body: bytes) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        line.request("POST", ASKED, body, {"Content-Type": "application/json"})
        reply = line.getresponse()
        reply.read()
        return reply.status
    finally:
        line.close()


def _count(port: int) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request("GET", "/count")
    found = int(line.getresponse().read())
    line.close()
    return found


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main())
