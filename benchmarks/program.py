"""What every benchmark is: it measures, prints, and writes its result where `--out` says."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.machine import cores_of_others, describe_machine, load_average
from benchmarks.result_table import result_text
from benchmarks.results import BenchmarkResult, Row, Target, write_result
from forecastlab.contracts.errors import EXIT_INTERNAL, ForecastLabError, RemoteFailed

LOOK_S: Final = 1.0
"""How long, before and after, it looks at what other programs use."""


@dataclass(frozen=True)
class Findings:
    """What was measured: figures with their units in their names, and tables of rows."""

    measured: Mapping[str, float]
    tables: Mapping[str, list[Row]] = field(default_factory=dict)


Options: TypeAlias = Callable[[argparse.ArgumentParser], None]
Measure: TypeAlias = Callable[[argparse.Namespace], Findings]


def perform(
    file: str,
    about: str | None,
    measure: Measure,
    *,
    targets: Mapping[str, Target] | None = None,
    options: Options | None = None,
) -> int:
    """Run a benchmark as a command, and return its exit code: 0, whatever became of its targets.

    Args:
        file: the benchmark's own `__file__`, after which it is called.
        measure: gets the options as argparse read them, `quick` among them.
        options: adds those of this benchmark alone.
    """
    name = Path(file).stem
    asked = _parser(name, about, options).parse_args()
    look_s = 0.1 if asked.quick else LOOK_S
    started, began = datetime.now(UTC).replace(microsecond=0), time.perf_counter()
    load, before = load_average(), cores_of_others(look_s)
    try:
        found = measure(asked)
    except ForecastLabError as error:
        sys.stderr.write(f"{error}\n")
        # What this machine lacks is no fault; a server that was started and does not answer is one.
        return EXIT_INTERNAL if isinstance(error, RemoteFailed) else error.exit_code
    after = cores_of_others(look_s)
    looks = [one for one in (before, after) if one is not None]
    result = BenchmarkResult(
        benchmark=name,
        started_at=started,
        seconds=round(time.perf_counter() - began, 1),
        quick=asked.quick,
        command=_command(name),
        machine=describe_machine(others_cores=max(looks, default=None), load=load),
        measured=dict(found.measured),
        targets=dict(targets or {}),
        tables={title: list(rows) for title, rows in found.tables.items()},
    )
    print(result_text(result))
    if asked.out:
        write_result(asked.out, result)
    return 0


def _parser(name: str, about: str | None, options: Options | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=about,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help=f"also write FOLDER/{name}.json")
    parser.add_argument(
        "--quick", action="store_true", help="the smallest sizes: only to see that it works"
    )
    if options:
        options(parser)
    return parser


def _command(name: str) -> str:
    """Return what was asked, without where it was to be written."""
    asked: list[str] = []
    skipped = False
    for one in sys.argv[1:]:
        if skipped or one.startswith("--out="):
            skipped = False
        elif one == "--out":
            skipped = True
        else:
            asked.append(one)
    return shlex.join(["python", "-m", f"benchmarks.{name}", *asked])
