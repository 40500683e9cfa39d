"""Time the intervals of an evaluation: `python benchmarks/bootstrap.py [--json]`.

2,000 draws of 2,000 days for 20 scores: five scores of four forecasters, all from one set of draws
per forecaster.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from typing import Any, Final

import numpy as np

from forecastlab.evaluation.scores import Forecasts, scores_for
from forecastlab.evaluation.uncertainty import score_intervals

DAYS: Final = 2000
DRAWS: Final = 2000
FORECASTERS: Final = 4
BLOCK: Final = 63
CLASSES: Final = (-1, 0, 1)
TARGET_S: Final = 2.0
REPEATS: Final = 3


def forecasters() -> list[Forecasts]:
    """Return made-up forecasts of the same labels, which overlap as those of 21 days do."""
    random = np.random.default_rng(0)
    labels = np.repeat(random.choice(CLASSES, DAYS // 20), 20)
    tables = (random.dirichlet([4, 4, 4], DAYS) for _ in range(FORECASTERS))
    return [Forecasts(table, labels, CLASSES) for table in tables]


def measure() -> dict[str, Any]:
    """Return the shortest of several times, in seconds, and what it was for."""
    given, scores = forecasters(), scores_for(CLASSES)
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        for one in given:
            score_intervals(scores, one, block=BLOCK, seed=1, draws=DRAWS)
        times.append(time.perf_counter() - begin)
    return {
        "days": DAYS,
        "draws": DRAWS,
        "scores": FORECASTERS * len(scores),
        "seconds": round(min(times), 3),
        "target_s": TARGET_S,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
    }


def main() -> None:
    """Print the time; exit 1 above the target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    found = measure()
    if parser.parse_args().json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        sys.stdout.write(
            f"{found['scores']} scores, {DRAWS:,} draws of {DAYS:,} days: {found['seconds']:.2f} s"
            f" (target {TARGET_S:.0f} s) on {found['machine']}\n"
        )
    sys.exit(found["seconds"] > TARGET_S)


if __name__ == "__main__":
    main()
