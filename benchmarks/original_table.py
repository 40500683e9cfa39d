"""Run the original's experiment with its own label and with a forward one, side by side."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.original_experiment import (
    LabelRule,
    agreement,
    blocks,
    closes_read,
    forward_label,
    known_label,
    label_table,
    original_features,
    original_label,
    run_loop,
)
from benchmarks.program import Findings, perform
from benchmarks.real_candles import add_candles, real_candles
from benchmarks.results import Row
from forecastlab.adapters.candle_files import FileSource
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.intervals import asof_name, parse_asof
from forecastlab.evaluation.leakage.label_window import label_window
from forecastlab.targets.reversal import ReversalTarget

CANDIDATES: Final = ("T14_X8", "T21_X8")
SYMBOL: Final = "BTCUSDT"
FIRST: Final = "2018-01-01"

LABELS: Final[dict[str, tuple[LabelRule, bool]]] = {
    "original": (original_label, False),
    "forward": (forward_label, True),
}
"""Name -> the label rule, and whether its training rows are purged."""


def measure(asked: argparse.Namespace) -> Findings:
    """Run all experiments on the candles asked for."""
    candles = read_candles(real_candles(asked), FIRST, asked.last)
    return experiments(candles, folds=1 if asked.quick else None)


def experiments(candles: Candles, *, folds: int | None = None) -> Findings:
    """Run all experiments on these candles; `folds` takes the first ones only."""
    features = original_features(candles.frame)
    close = candles.frame["close"].loc[features.index].to_numpy(dtype="float64")
    runs: list[Row] = []
    measured: dict[str, float] = {}
    for name in CANDIDATES:
        target = ReversalTarget.from_name(name)
        parts = target.horizon, target.level
        measured[f"{name.lower()}_rule_agreement"] = agreement(
            original_label, known_label, close, *parts
        )
        for label, (label_of, purged) in LABELS.items():
            purge = target.horizon if purged else 0
            cut = blocks(features, label_of(close, *parts), purge=purge)[:folds]
            outcome = asdict(run_loop(cut, threads=1))
            read = closes_read(label_of, close, *parts)
            ends: Row = {"reads_first": read[0], "reads_last": read[-1]}
            known: Row = {"candidate": name, "label": label, "purge": purge}
            runs.append(known | verdict(name, label_of, candles) | ends | outcome)
            measured |= {f"{name.lower()}_{label}_{what}": one for what, one in outcome.items()}
    measured |= {"rows": len(features), "threads": 1}
    return Findings(measured, {"candles": [_span(candles)], "runs": runs})


def verdict(name: str, rule: LabelRule, candles: Candles) -> Row:
    """Ask the leak prover (L6) about a label; `finding` is its sentence, if it found something."""
    target = ReversalTarget.from_name(name)
    labels = partial(label_table, rule=rule, horizon=target.horizon, level=target.level)
    report = label_window(name, labels, candles, horizon=target.horizon, seed=1)
    finding = report.findings[0].sentence if report.findings else None
    return {"verdict": "passed" if report.passed else "refused", "finding": finding}


def read_candles(path: Path, first: str, last: str) -> Candles:
    """Read the daily candles that open in [first, last] from a file or a folder."""
    span = parse_asof(first, "1d"), parse_asof(last, "1d")
    return FileSource(path).fetch(SYMBOL, "1d", *span)


def _span(candles: Candles) -> Row:
    frame = candles.frame
    return {
        "symbol": candles.symbol,
        "rows": len(frame),
        "first": asof_name(frame.index[0], "1d"),
        "last": asof_name(frame.index[-1], "1d"),
        "digest": candles.digest(),
    }


def options(parser: argparse.ArgumentParser) -> None:
    """Add what this benchmark alone asks."""
    add_candles(parser)
    parser.add_argument("--last", default="2025-09-30", help="the last candle's day")


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, options=options)


if __name__ == "__main__":
    sys.exit(main())
