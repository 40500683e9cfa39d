"""Time `POST /predict` against the earlier design (`earlier_design.py`): requests, time, memory.

Two servers on loopback, one process each, asked in turn by a client in a third one. Both hold the
same five members in the shipped sizes, with drawn networks: what a forecast costs does not depend
on the weights. Both are sent the same 96 rows of 101 columns, of which the members read 97. Ours
answers three horizons, the earlier design one. A connection is kept where the server keeps it: ours
does, Flask's closes it after each answer.

The client's processor time is not the servers'. As neighbours on the machine show in every wall
clock, the processor time that a server spends on a request stands beside the requests per second.
Last, ours alone under 100 clients: errors, and the memory that it holds as the answers add up.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.earlier_design import ROWS
from benchmarks.http_load import framed, load
from benchmarks.program import Findings, perform
from benchmarks.results import Row, Target, number
from benchmarks.server import PORT, Running, server
from forecastlab.contracts.errors import RemoteFailed

TARGETS: Final = {
    "requests_per_second_ratio": Target(at_least=20),
    "p99_ratio": Target(at_most=0.1),
    "first_answer_ms": Target(at_most=100),
    "steady_errors": Target(at_most=0),
}
SIDES: Final = {"ours": "benchmarks.served_bundle", "earlier design": "benchmarks.earlier_design"}
BODIES: Final = 16
"""Different requests, asked in turn."""
CLIENTS: Final = 50
MANY: Final = 100
ROUNDS: Final = 3
ROUND_S: Final = 6.0
LOOKS: Final = 4
"""Into the memory, evenly through the steady load."""


def measure(asked: argparse.Namespace) -> Findings:
    """Alternate both servers under the same load, then hold ours under a steady one."""
    rounds, round_s = (1, 0.5) if asked.quick else (ROUNDS, ROUND_S)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = _bundle()
        made.write(folder / "models")
        sent = [framed("POST", "/predict", one) for one in bodies(made)]
        ours_command, other_command = (("-m", one, PORT, name) for one in SIDES.values())
        with server(*ours_command) as ours, server(*other_command) as other:
            servers = dict(zip(SIDES, (ours, other), strict=True))
            firsts = {side: _first_ms(one, sent) for side, one in servers.items()}
            for one in servers.values():
                load(one.port, sent, 4, seconds=round_s / 3)
            rows: list[Row] = [
                {"side": side, **_round(one, sent, round_s)}
                for _ in range(rounds)
                for side, one in servers.items()
            ]
        with server(*ours_command) as ours:
            steady, memory = _steady(ours, sent, 1.0 if asked.quick else asked.steady)
    measured = {
        **_ratios(rows),
        "first_answer_ms": firsts["ours"],
        "earlier_first_answer_ms": firsts["earlier design"],
        **_medians(rows),
        **steady,
        "request_rows": ROWS,
        "request_bytes": len(sent[0]),
        "clients": CLIENTS,
        "rounds": rounds,
    }
    return Findings(measured, {"rounds": rows, "memory": memory})


def bodies(made: Any) -> list[bytes]:
    """Return requests of different hours, as the earlier system's client sends them."""
    from forecastlab.contracts.wire_schema import (  # noqa: PLC0415 - the client needs no model
        split_features,
        wire_schema,
        wire_table,
    )

    schema = wire_schema(made.verified.manifest)
    found = []
    for back in range(BODIES):
        rows = {
            name: one.iloc[: len(one) - back].iloc[-ROWS:] for name, one in made.features.items()
        }
        table = wire_table(schema, rows).round(10)
        for name in ("funding_rate", "funding_rate_ma", "oi_change", "oi_change_5"):
            table[name] = 0.0
        told = {"sell_score": 45.0, "buy_score": 38.0, "features": split_features(table)}
        found.append(json.dumps(told, separators=(",", ":")).encode())
    return found


def _bundle() -> Any:
    # torch, which draws the networks, is no library of a server.
    from tests.support.direction_bundle import direction_bundle  # noqa: PLC0415

    return direction_bundle(shipped_sizes=True, raw=True)


def _first_ms(one: Running, sent: Sequence[bytes]) -> float:
    seen = load(one.port, sent, 1, requests=1)
    if seen.errors:
        raise RemoteFailed(
            f"The first request met {seen.errors[0]}.", remedy="Run the server by hand to see why."
        )
    return round(seen.times_ms[0], 1)


def _round(one: Running, sent: Sequence[bytes], seconds: float) -> Row:
    cpu_s = one.cpu_s
    seen = load(one.port, sent, CLIENTS, seconds=seconds)
    answered = max(len(seen.times_ms), 1)
    return {
        "per_second": round(seen.per_second, 1),
        "p50_ms": round(seen.quantile(0.5), 2),
        "p99_ms": round(seen.quantile(0.99), 2),
        "cpu_ms": round((one.cpu_s - cpu_s) / answered * 1000, 3),
        "errors": len(seen.errors),
    }


def _steady(
    one: Running, sent: Sequence[bytes], seconds: float
) -> tuple[dict[str, float], list[Row]]:
    """Return what 100 clients saw, and the memory as the answers add up, after a warm-up."""
    load(one.port, sent, MANY, seconds=seconds / 10)
    memory: list[Row] = [{"answers": 0, "resident_mb": round(one.resident_mb, 1)}]
    seen = []
    for _ in range(LOOKS):
        seen.append(load(one.port, sent, MANY, seconds=seconds / LOOKS))
        answers = sum(len(part.times_ms) for part in seen)
        memory.append({"answers": answers, "resident_mb": round(one.resident_mb, 1)})
    times = [one for part in seen for one in part.times_ms]
    held = [number(row, "resident_mb") for row in memory]
    found = {
        "steady_clients": MANY,
        "steady_s": round(sum(part.seconds for part in seen), 1),
        "steady_answers": sum(len(part.times_ms) for part in seen),
        "steady_errors": sum(len(part.errors) for part in seen),
        "steady_p99_ms": round(float(np.quantile(times, 0.99)), 1),
        "resident_low_mb": min(held),
        "resident_high_mb": max(held),
    }
    return found, memory


def _middle(rows: Sequence[Row], side: str, name: str) -> float:
    return statistics.median(number(row, name) for row in rows if row["side"] == side)


def _ratios(rows: Sequence[Row]) -> dict[str, float]:
    """Return ours against the earlier design, each the median of its rounds."""

    def ours_to_earlier(name: str) -> float:
        return _middle(rows, "ours", name) / _middle(rows, "earlier design", name)

    return {
        "requests_per_second_ratio": round(ours_to_earlier("per_second"), 1),
        "processor_time_ratio": round(1 / ours_to_earlier("cpu_ms"), 1),
        "p50_ratio": round(ours_to_earlier("p50_ms"), 3),
        "p99_ratio": round(ours_to_earlier("p99_ms"), 3),
    }


def _medians(rows: Sequence[Row]) -> dict[str, float]:
    return {
        f"{prefix}{name}": _middle(rows, side, name)
        for side, prefix in (("ours", ""), ("earlier design", "earlier_"))
        for name in ("per_second", "p50_ms", "p99_ms", "cpu_ms")
    }


def options(parser: argparse.ArgumentParser) -> None:
    """Add what this benchmark alone asks."""
    parser.add_argument("--steady", type=float, default=60.0, help="seconds with 100 clients")


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS, options=options)


if __name__ == "__main__":
    sys.exit(main())
