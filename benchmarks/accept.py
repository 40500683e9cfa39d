"""Put the results of a run into docs/results/, where the documents are made from.

python -m benchmarks.accept [RUN] [--force]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.catalogue import APART, BENCHMARKS
from benchmarks.results import BUSY_CORES, BenchmarkResult, read_result, write_result
from forecastlab.contracts.errors import DataUnavailable, ForecastLabError, GateRefused
from tests.support.imports import ROOT

RUNS: Final = ROOT / "outputs" / "bench"
RESULTS: Final = ROOT / "docs" / "results"


def accept(run: Path, into: Path, *, force: bool = False) -> list[str]:
    """Copy the results of a run; return their names.

    What the run lacks stays as it was accepted before.

    Raises:
        DataUnavailable: the run holds no result.
        GateRefused: a result is missing, in small, from a busy machine, or of other code than the
            rest; `force` passes over it.
    """
    results = [read_result(path) for path in sorted(run.glob("*.json"))]
    if not results:
        raise DataUnavailable(f"{run} holds no result.", remedy="Measure first: make bench.")
    doubts = list(doubtful(results))
    if doubts and not force:
        raise GateRefused(
            f"{run.name} is not accepted: {'; '.join(doubts)}.",
            remedy="Run it alone on the machine, and whole; or accept it as it is: ARGS=--force.",
        )
    for one in results:
        write_result(into, one)
    return [one.benchmark for one in results]


def doubtful(results: list[BenchmarkResult]) -> Iterator[str]:
    """Say why results should not stand in documents."""
    there = {one.benchmark for one in results}
    if missing := [name for name in BENCHMARKS if name not in there]:
        yield f"it lacks {', '.join(missing)}"
    if odd := sorted(there - {*BENCHMARKS, *APART}):
        yield f"nobody knows {', '.join(odd)}"
    if quick := [one.benchmark for one in results if one.quick]:
        yield f"in small: {', '.join(quick)}"
    if len(codes := sorted({str(one.machine.commit) for one in results})) > 1:
        yield f"of several states of the code: {', '.join(codes)}"
    for one in results:
        if one.machine.busy:
            yield (
                f"beside {one.benchmark} other programs used {one.machine.others_cores:g} cores"
                f" (at most {BUSY_CORES:g})"
            )


def newest(runs: Path) -> Path:
    """Return the newest run's folder.

    Raises:
        DataUnavailable: there is none.
    """
    found = sorted(path for path in runs.glob("*") if path.is_dir())
    if not found:
        raise DataUnavailable(f"{runs} holds no run.", remedy="Measure first: make bench.")
    return found[-1]


def main() -> int:
    """Accept a run and say what was copied."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", nargs="?", type=Path, help="its folder (default: the newest)")
    parser.add_argument("--force", action="store_true", help="though it is incomplete, or busy")
    asked = parser.parse_args()
    try:
        run = asked.run or newest(RUNS)
        names = accept(run, RESULTS, force=asked.force)
    except ForecastLabError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    print(f"{run}: {len(names)} results are in {RESULTS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
