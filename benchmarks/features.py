"""Time the features of eight years of 1d and 1h candles.

Bulk building is measured against a naive daily rebuild (one full build per as-of, sampled) in the
same run, on synthetic candles. Reading candles is not part of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

import numpy as np

from benchmarks.program import Findings, perform
from benchmarks.results import Row, Target, number
from forecastlab.contracts.candles import Market
from forecastlab.features.build import build_panel
from forecastlab.features.catalogue import FEATURE_SETS
from forecastlab.features.feature import FeatureKey
from tests.support.synthetic import START, synthetic_market

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT")
DAYS: Final = 8 * 365 + 2
TARGETS: Final = {"served_five_symbols_s": Target(at_most=1)}
REPEATS: Final = 3
SAMPLED_DAYS: Final = 12

Sets: TypeAlias = tuple[FeatureKey, ...]

SERVED: Final = (FeatureKey("flow", "scaled"), FeatureKey("variance", "raw"))
"""The sets that the daily reversal bundle reads."""

HOURLY: Final = (FeatureKey("direction", "scaled", interval="1h", references=SYMBOLS),)
"""The set that is pooled over symbols, a row an hour; rebuilding it each hour is not tried."""


def build_sets(market: Market, symbols: tuple[str, ...], sets: Sets, days: int) -> None:
    """Build the sets as known after `days` days."""
    view = market.as_of(START + timedelta(days=days))
    for key in sets:
        build_panel(view, symbols, key)


def best_of(repeats: int, work: Callable[[], None]) -> float:
    """Return the shortest of several wall-clock times, in seconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def measure(asked: argparse.Namespace) -> Findings:
    """Time every set, the two that a daily bundle reads, and the hourly one."""
    days, repeats, sampled = (1600, 1, 1) if asked.quick else (DAYS, REPEATS, SAMPLED_DAYS)
    market = synthetic_market(days, SYMBOLS)
    cases: list[Sets] = [*((FeatureKey(*one),) for one in FEATURE_SETS), SERVED, HOURLY]
    rows: list[Row] = []
    for symbols in (SYMBOLS[:1], SYMBOLS):
        for sets in cases:
            bulk_s = best_of(repeats, partial(build_sets, market, symbols, sets, days))
            row: Row = {"sets": written(sets), "symbols": len(symbols), "bulk_s": round(bulk_s, 4)}
            if sets != HOURLY:
                naive_s = rebuild_s(market, symbols, sets, days=days, sampled=sampled)
                row |= {"daily_rebuild_s": round(naive_s, 1), "ratio": round(naive_s / bulk_s, 1)}
            rows.append(row)
    five = {row["sets"]: row for row in rows if row["symbols"] == len(SYMBOLS)}
    measured = {
        "served_five_symbols_s": number(five[written(SERVED)], "bulk_s"),
        "served_over_daily_rebuild_ratio": number(five[written(SERVED)], "ratio"),
        "hourly_five_symbols_s": number(five[written(HOURLY)], "bulk_s"),
        "days": days,
    }
    return Findings(measured, {"sets": rows})


def rebuild_s(
    market: Market, symbols: tuple[str, ...], sets: Sets, *, days: int, sampled: int
) -> float:
    """Return the time of one full build per as-of, extrapolated from evenly spaced days."""
    begin = time.perf_counter()
    for day in np.linspace(days / sampled, days, sampled).astype(int).tolist():
        build_sets(market, symbols, sets, day)
    return (time.perf_counter() - begin) / sampled * days


def written(sets: Sets) -> str:
    """Name the sets."""
    return " + ".join(f"{key.name} ({key.variant}, {key.interval})" for key in sets)


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main())
