"""Run all benchmarks, one process each, and print their tables: `make bench`."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from tests.support.imports import ROOT
from tests.support.market_data import found_market_data

BENCHMARKS: Final = (
    ("cold_start",),
    ("features",),
    ("bootstrap",),
    ("dashboard",),
    ("grid", "--candles", "{data}", "--folds", "4"),
    ("sequence_training",),
    ("sequence_inference",),
    ("serving",),
    ("service_shell",),
    ("analyst",),
    ("original_table", "--candles", "{data}/BTCUSDT_1d.parquet"),
)
"""Module and arguments; `{data}` stands for the folder of real candles."""


def main() -> int:
    """Run them in turn; return how many failed."""
    data = found_market_data()
    failed = 0
    for module, *arguments in BENCHMARKS:
        print(f"\n== {module}", flush=True)
        if data is None and any("{data}" in one for one in arguments):
            print("left out: it needs real candles (FORECASTLAB_TEST_DATA)")
            continue
        command = [sys.executable, "-m", f"benchmarks.{module}"]
        command += [one.format(data=data) for one in arguments]
        failed += subprocess.run(command, cwd=ROOT, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
