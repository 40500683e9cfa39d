"""Time the intervals of an evaluation.

2,000 draws of 2,000 days for 20 scores: five scores of four forecasters, all from one set of draws
per forecaster.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Final

import numpy as np

from benchmarks.program import Findings, perform
from benchmarks.results import Target
from forecastlab.evaluation.scores import Forecasts, scores_for
from forecastlab.evaluation.uncertainty import score_intervals

DAYS: Final = 2000
DRAWS: Final = 2000
FORECASTERS: Final = 4
BLOCK: Final = 63
CLASSES: Final = (-1, 0, 1)
TARGETS: Final = {"intervals_s": Target(at_most=2)}
REPEATS: Final = 3


def forecasters() -> list[Forecasts]:
    """Return made-up forecasts of the same labels, which overlap as those of 21 days do."""
    random = np.random.default_rng(0)
    labels = np.repeat(random.choice(CLASSES, DAYS // 20), 20)
    tables = (random.dirichlet([4, 4, 4], DAYS) for _ in range(FORECASTERS))
    return [Forecasts(table, labels, CLASSES) for table in tables]


def measure(asked: argparse.Namespace) -> Findings:
    """Return the shortest of several times, and what it was for."""
    given, scores = forecasters(), scores_for(CLASSES)
    times = []
    for _ in range(1 if asked.quick else REPEATS):
        begin = time.perf_counter()
        for one in given:
            score_intervals(scores, one, block=BLOCK, seed=1, draws=DRAWS)
        times.append(time.perf_counter() - begin)
    measured = {
        "intervals_s": round(min(times), 3),
        "days": DAYS,
        "draws": DRAWS,
        "scores": FORECASTERS * len(scores),
    }
    return Findings(measured)


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main())
