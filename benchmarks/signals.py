"""Time signals over HTTP: all five symbols in one request, and one symbol; candles at hand.

The service runs on loopback, in a process of its own, with the shipped bundles on the simulated
market. The first request fetches the candles; those that are measured find them in memory.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from typing import Final

from benchmarks.http_load import framed, load
from benchmarks.program import Findings, perform
from benchmarks.server import PORT, server
from forecastlab.contracts.errors import RemoteFailed

ASKED: Final = "/v1/signals/generate"
REQUESTS: Final = 200


def measure(asked: argparse.Namespace) -> Findings:
    """Ask one client's requests in turn."""
    requests = 20 if asked.quick else REQUESTS
    bodies = {"five_symbols": {}, "one_symbol": {"market": "ETHUSDT"}}
    measured: dict[str, float] = {"requests": requests}
    with (
        tempfile.TemporaryDirectory() as folder,
        server("-m", "benchmarks.served_signals", PORT, folder) as one,
    ):
        for name, body in bodies.items():
            sent = [framed("POST", ASKED, json.dumps(body).encode())]
            first = load(one.port, sent, 1, requests=1)
            seen = load(one.port, sent, 1, requests=requests)
            if first.errors or seen.errors:
                raise RemoteFailed(
                    f"{ASKED} answered {(first.errors or seen.errors)[0]}.",
                    remedy="Ask it by hand: forecastlab serve.",
                )
            measured[f"{name}_first_ms"] = round(first.times_ms[0], 1)
            measured[f"{name}_p50_ms"] = round(seen.quantile(0.5), 2)
            measured[f"{name}_p99_ms"] = round(seen.quantile(0.99), 2)
    return Findings(measured)


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure)


if __name__ == "__main__":
    sys.exit(main())
