"""Time from process start to published record: `python -m benchmarks.cold_start [--json]`.

Each run is `forecastlab predict` in a new process on a store without records, candles present:
real ones read in place, or where there are none those of a small demo. It alternates with a process
that only imports pandas and lightgbm, in the same environment; the ratio of the two medians says
what ForecastLab adds on any machine. Bytecode is compiled before, as an install does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.imports import ROOT
from tests.support.market_data import found_market_data

ASOF: Final = "2025-09-30"
TARGET_S: Final = 1.5
IMPORTS: Final = "import pandas, lightgbm"
SLOW: Final = ("dask", "sklearn", "torch")
"""What a base install lacks; lightgbm and pandas import the first two where they find them."""


@dataclass(frozen=True)
class Case:
    """What is forecast: the options of the source, a store to start from, the candles' name."""

    candles: str
    options: tuple[str, ...]
    store: Path | None = None


def environment() -> dict[str, str]:
    """Return this environment without settings, writing bytecode; the clock is the demo's."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("FORECASTLAB_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"FORECASTLAB_SIMULATED_NOW": "2025-10-01T00:05:00Z"}


def timed(command: Sequence[str | Path]) -> float:
    """Run a command to its end; return its wall-clock time in seconds."""
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def chosen_case(python: Path, folder: Path) -> Case:
    """Choose the real candles, or make a demo store whose records are then taken away."""
    data = found_market_data()
    if data is not None:
        return Case("real candles", ("--source", f"file:{data}"))
    store = folder / "demo"
    timed([python, "-m", "forecastlab", "demo", "--mornings", "1", "--store", store])
    for records in ("predictions", "runs"):
        shutil.rmtree(store / records)
    return Case("candles of the demo", ("--source", "simulated"), store)


def publish(python: Path, case: Case, store: Path) -> float:
    """Publish one record in a store that has none; return the seconds from start to end."""
    if case.store is not None:
        shutil.copytree(case.store, store)
    options = [*case.options, "--asof", ASOF, "--store", str(store)]
    seconds = timed([python, "-m", "forecastlab", "predict", *options])
    if not (store / "predictions" / "daily" / f"{ASOF}.json").is_file():
        raise RuntimeError(f"no record was published in {store}")
    return seconds


def measure(python: Path, runs: int) -> dict[str, Any]:
    """Alternate the two commands, after one run of each that does not count."""
    publishing, importing = [], []
    with tempfile.TemporaryDirectory() as folder:
        case = chosen_case(python, Path(folder))
        for run in range(runs + 1):
            publishing.append(publish(python, case, Path(folder) / f"store-{run}"))
            importing.append(timed([python, "-c", IMPORTS]))
    return {
        "candles": case.candles,
        "runs": runs,
        "published_s": spread(publishing[1:]),
        "imports_s": spread(importing[1:]),
        "ratio": round(statistics.median(publishing[1:]) / statistics.median(importing[1:]), 2),
        "target_s": TARGET_S,
    }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return the least, the median and the greatest.

    >>> spread([3.0, 1.0, 2.0])
    {'min': 1.0, 'median': 2.0, 'max': 3.0}
    """
    found = {"min": min(seconds), "median": statistics.median(seconds), "max": max(seconds)}
    return {name: round(value, 3) for name, value in found.items()}


def machine(python: Path) -> dict[str, Any]:
    """Describe what was measured on, and which slow libraries stand in its environment."""
    code = f"import importlib.util as u; print(*(m for m in {SLOW} if u.find_spec(m)))"
    present = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "beyond_base": present.stdout.split(),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="of the environment to measure"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    result = measure(options.python, options.runs) | {"machine": machine(options.python)}
    if options.json:
        print(json.dumps(result, indent=1))
        return
    print(f"process start to published record, {result['candles']}; {result['machine']}")
    print(f"{'':24} {'min s':>7} {'median s':>9} {'max s':>7}")
    for label, key in (("forecastlab predict", "published_s"), (IMPORTS, "imports_s")):
        row = result[key]
        print(f"{label:24} {row['min']:7.2f} {row['median']:9.2f} {row['max']:7.2f}")
    print(f"ratio of the medians {result['ratio']:.2f}; target {TARGET_S} s on 2 cores")


if __name__ == "__main__":
    main()
