"""Time what each library, and each heavy part, adds to a start of `forecastlab`.

Each is imported in a process of its own, after the command line itself, in what a base install
holds (and what it is about). Comments beside function-level imports quote these figures.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
from typing import Final

from benchmarks.base_process import HIDDEN, run_base
from benchmarks.program import Findings, perform
from benchmarks.results import Row, number

LIBRARIES: Final = (
    *("apprise", "asyncio", "binance.client", "fastapi", "google.cloud.run_v2"),
    *("google.cloud.storage", "joblib", "lightgbm", "onnxruntime", "openai", "redis"),
    *("rich.progress", "rich.table", "scipy.special", "scipy.stats", "torch", "uvicorn", "xgboost"),
)
PARTS: Final = (
    *("forecastlab.api.app", "forecastlab.bootstrap.analyst", "forecastlab.usecases.evaluate"),
    *(
        "forecastlab.usecases.predict",
        "forecastlab.usecases.promotion",
        "forecastlab.usecases.train",
    ),
)
RUNS: Final = 3


def measure(asked: argparse.Namespace) -> Findings:
    """Import one after the other; the median of several runs, after one that does not count."""
    rows: list[Row] = []
    for name in ("forecastlab.cli", *PARTS, *LIBRARIES):
        if importlib.util.find_spec(name.partition(".")[0]) is None:
            continue
        times = [import_ms(name) for _ in range(1 if asked.quick else RUNS + 1)]
        rows.append({"module": name, "ms": round(statistics.median(times[1:] or times), 1)})
    measured = {f"{str(row['module']).replace('.', '_')}_ms": number(row, "ms") for row in rows}
    return Findings(measured, {"imports": rows})


def import_ms(name: str) -> float:
    """Return what importing a module takes after the command line, or the command line itself."""
    before = "" if name == "forecastlab.cli" else "import forecastlab.cli; "
    code = (
        f"import time; {before}begin = time.perf_counter(); import {name};"
        " print(1000 * (time.perf_counter() - begin))"
    )
    hidden = tuple(one for one in HIDDEN if one != name)
    return float(run_base(code, hidden=hidden).said)


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure)


if __name__ == "__main__":
    sys.exit(main())
