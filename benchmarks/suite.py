"""Time the test suite, as `make test` runs it."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from typing import Final

from benchmarks.program import Findings, perform
from benchmarks.results import Row, Target
from tests.support.imports import ROOT

TARGETS: Final = {
    "suite_s": Target(at_most=600),
    "failed": Target(at_most=0),
    "errors": Target(at_most=0),
}
BY_FILE: Final = ("--dist", "loadfile", "--no-loadscope-reorder")
COMMAND: Final = (
    *("-m", "pytest", "--numprocesses", "auto", "--maxprocesses", "4", *BY_FILE),
    *("--durations", "20", "--color", "no"),
)
SMALL: Final = "tests/unit/test_layers.py"
SLOW: Final = re.compile(r"^(?P<s>[\d.]+)s (?:call|setup|teardown) +(?P<test>\S.*)$", re.MULTILINE)


def measure(asked: argparse.Namespace) -> Findings:
    """Run it once, and read what pytest says of it."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *COMMAND, *([SMALL] if asked.quick else [])],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    suite_s = round(time.perf_counter() - began, 1)
    slowest: list[Row] = [
        {"test": one["test"].strip(), "s": float(one["s"])} for one in SLOW.finditer(done.stdout)
    ]
    return Findings({"suite_s": suite_s, **counts(done.stdout)}, {"slowest": slowest})


def counts(said: str) -> dict[str, int]:
    """Read how many tests passed, were skipped and failed from pytest's last line.

    >>> counts("== 3 passed, 1 skipped, 2 errors in 4.2s ==")
    {'passed': 3, 'skipped': 1, 'failed': 0, 'errors': 2}
    """
    last = said.strip().splitlines()[-1] if said.strip() else ""
    found = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}
    errors = found.get("errors", 0) + found.get("error", 0)
    named = ("passed", "skipped", "failed")
    return {**{name: found.get(name, 0) for name in named}, "errors": errors}


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main())
