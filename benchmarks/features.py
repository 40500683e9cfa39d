"""Time the features of eight years of 1d and 1h candles: `python benchmarks/features.py [--json]`.

Bulk building is measured against a naive daily rebuild (one full build per as-of, sampled) in the
same run, on synthetic candles. Reading candles is not part of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

# Run as a script, Python sees this folder only; the synthetic market is the tests'.
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Market
from forecastlab.features.build import build_panel
from forecastlab.features.catalogue import FEATURE_SETS
from forecastlab.features.feature import FeatureKey
from tests.support.synthetic import START, synthetic_market

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT")
DAYS: Final = 8 * 365 + 2
TARGET_S: Final = 1.0
REPEATS: Final = 3
SAMPLED_DAYS: Final = 12

SETS: Final = tuple(FEATURE_SETS)
SERVED: Final = (("flow", "scaled"), ("variance", "raw"))
"""The sets that the daily reversal bundle reads."""


def build_sets(
    market: Market, symbols: tuple[str, ...], sets: tuple[tuple[str, str], ...], days: int
) -> None:
    """Build the sets as known after `days` days."""
    view = market.as_of(START + timedelta(days=days))
    for name, variant in sets:
        build_panel(view, symbols, FeatureKey(name, variant))


def best_of(repeats: int, work: Callable[[], None]) -> float:
    """Return the shortest of several wall-clock times, in seconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def measure(
    market: Market, symbols: tuple[str, ...], sets: tuple[tuple[str, str], ...]
) -> dict[str, Any]:
    """Time one bulk build, and a daily rebuild extrapolated from evenly spaced days."""
    bulk_s = best_of(REPEATS, lambda: build_sets(market, symbols, sets, DAYS))
    sample = np.linspace(DAYS / SAMPLED_DAYS, DAYS, SAMPLED_DAYS).astype(int).tolist()
    begin = time.perf_counter()
    for days in sample:
        build_sets(market, symbols, sets, days)
    naive_s = (time.perf_counter() - begin) / len(sample) * DAYS
    return {
        "sets": " + ".join(f"{name} ({variant})" for name, variant in sets),
        "symbols": len(symbols),
        "bulk_s": round(bulk_s, 4),
        "target_s": TARGET_S,
        "daily_rebuild_s": round(naive_s, 1),
        "ratio": round(naive_s / bulk_s, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    as_json = parser.parse_args().json
    market = synthetic_market(DAYS, SYMBOLS)
    cases = [*((one,) for one in SETS), SERVED]
    rows = [measure(market, symbols, sets) for symbols in (SYMBOLS[:1], SYMBOLS) for sets in cases]
    machine = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    if as_json:
        print(json.dumps({"days": DAYS, "machine": machine, "results": rows}, indent=1))
        return
    print(f"features of {DAYS} days of 1d and 1h candles; {machine}")
    print(f"{'sets':34} symbols   bulk s  target s  daily rebuild s  ratio")
    for row in rows:
        print(
            f"{row['sets']:34} {row['symbols']:7} {row['bulk_s']:8.4f} {row['target_s']:9.1f}"
            f" {row['daily_rebuild_s']:16.1f} {row['ratio']:6.0f}"
        )


if __name__ == "__main__":
    main()
