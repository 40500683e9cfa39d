"""Time from process start to published record, in what a base install holds.

Each run is `forecastlab predict` in a new process on a store without records, candles present:
real ones read in place, or where there are none those of a small demo. It alternates with a process
that only imports pandas and lightgbm; the ratio of the two medians says what ForecastLab adds on
any machine. Both find no library that a base install lacks. Bytecode is compiled before, as an
install does.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.base_process import FORECASTLAB, run_base
from benchmarks.program import Findings, perform
from benchmarks.results import Row, Target, number
from tests.support.market_data import found_market_data

ASOF: Final = "2025-09-30"
TARGETS: Final = {"published_s": Target(at_most=1.5)}
CLOCK: Final = {"FORECASTLAB_SIMULATED_NOW": "2025-10-01T00:05:00Z"}
IMPORTS: Final = "import pandas, lightgbm"


@dataclass(frozen=True)
class Case:
    """What is forecast: the options of the source, a store to start from, the candles' name."""

    candles: str
    options: tuple[str, ...]
    store: Path | None = None


def chosen_case(folder: Path) -> Case:
    """Choose the real candles, or make a demo store whose records are then taken away."""
    data = found_market_data()
    if data is not None:
        return Case("real candles", ("--source", f"file:{data}"))
    store = folder / "demo"
    run_base(FORECASTLAB, "demo", "--mornings", "1", "--store", str(store))
    for records in ("predictions", "runs"):
        shutil.rmtree(store / records)
    return Case("candles of the demo", ("--source", "simulated"), store)


def publish(case: Case, store: Path) -> float:
    """Publish one record in a store that has none; return the seconds from start to end."""
    if case.store is not None:
        shutil.copytree(case.store, store)
    options = [*case.options, "--asof", ASOF, "--store", str(store)]
    ran = run_base(FORECASTLAB, "predict", *options, changed=CLOCK)
    if not (store / "predictions" / "daily" / f"{ASOF}.json").is_file():
        raise RuntimeError(f"no record was published in {store}")
    return ran.wall_s


def measure(asked: argparse.Namespace) -> Findings:
    """Alternate the two commands, after one run of each that does not count."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        case = chosen_case(Path(folder))
        for run in range((1 if asked.quick else asked.runs) + 1):
            published = publish(case, Path(folder) / f"store-{run}")
            imported = run_base(IMPORTS).wall_s
            rows.append({"published_s": round(published, 3), "imports_s": round(imported, 3)})
    kept = rows[1:]
    measured = {name: median(kept, name) for name in ("published_s", "imports_s")}
    measured["over_imports_ratio"] = round(measured["published_s"] / measured["imports_s"], 2)
    return Findings(measured, {"runs": kept, "source": [{"candles": case.candles}]})


def median(rows: Sequence[Row], name: str) -> float:
    """Return the median of a column.

    >>> median([{"a": 3.0}, {"a": 1.0}, {"a": 2.0}], "a")
    2.0
    """
    return statistics.median(number(row, name) for row in rows)


def options(parser: argparse.ArgumentParser) -> None:
    """Add what this benchmark alone asks."""
    parser.add_argument("--runs", type=int, default=7)


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS, options=options)


if __name__ == "__main__":
    sys.exit(main())
