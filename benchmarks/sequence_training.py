"""Time the training of many networks as one batched module against a loop, on this CPU."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Final

from benchmarks.batched_training import Case, train_both
from benchmarks.program import Findings, perform
from benchmarks.results import Row, number

CASES: Final = (
    Case("lstm", models=16, looped=16, windows=1000, epochs=2),
    Case("tft", models=4, looped=4, windows=256, epochs=1),
)


def measure(asked: argparse.Namespace) -> Findings:
    """Train both kinds both ways."""
    cases = [replace(one, windows=80, epochs=1) for one in CASES] if asked.quick else CASES
    rows: list[Row] = [train_both(case) for case in cases]
    figures = ("ratio", "loop_s", "batched_s", "greatest_loss_difference", "models")
    measured = {f"{row['kind']}_{name}": number(row, name) for row in rows for name in figures}
    return Findings(measured, {"networks": rows})


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure)


if __name__ == "__main__":
    sys.exit(main())
