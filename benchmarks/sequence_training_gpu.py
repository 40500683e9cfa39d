"""Time the training of hundreds of LSTMs as one batched module against a loop, on a GPU.

Of its machine it asks for torch, numpy, pandas, pydantic and pytest; where ForecastLab is not
installed, for PYTHONPATH=src.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Final

import torch

from benchmarks.batched_training import Case, train_both
from benchmarks.program import Findings, perform
from benchmarks.results import Target, number
from forecastlab.contracts.errors import DataUnavailable

TARGETS: Final = {"lstm_ratio": Target(at_least=50)}
CASE: Final = Case("lstm", models=512, looped=4, windows=2000, epochs=2, device="cuda")


def measure(asked: argparse.Namespace) -> Findings:
    """Train them both ways."""
    if not torch.cuda.is_available():
        raise DataUnavailable(
            f"torch {torch.__version__} sees no GPU.", remedy="Run it on a machine with one."
        )
    case = replace(CASE, models=8, windows=80, epochs=1) if asked.quick else CASE
    row = train_both(case)
    figures = ("ratio", "loop_s", "batched_s", "greatest_loss_difference", "models")
    measured = {f"lstm_{name}": number(row, name) for name in figures}
    measured["memory_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return Findings(measured, {"networks": [row | {"gpu": torch.cuda.get_device_name()}]})


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main())
