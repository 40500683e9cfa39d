"""Time the leak prover on the shipped recipes, on the simulated market: `forecastlab audit`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.base_process import FORECASTLAB, run_base
from benchmarks.program import Findings, perform
from benchmarks.results import Row, Target
from benchmarks.shipped_world import variables

RECIPES: Final = ("reversal", "direction")
TARGETS: Final = {
    **{f"{name}_s": Target(at_most=60) for name in RECIPES},
    **{f"{name}_findings": Target(at_most=0) for name in RECIPES},
}


def measure(asked: argparse.Namespace) -> Findings:
    """Audit one after the other; in small the first one alone."""
    rows: list[Row] = []
    measured: dict[str, float] = {}
    for name in RECIPES[:1] if asked.quick else RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            recipe = f"config/{name}.toml"
            ran = run_base(
                *(FORECASTLAB, "audit", recipe, "--json"),
                changed=variables(Path(folder)),
                hidden=(),
                codes=(0, 5),
            )
        told = json.loads(ran.said)
        measured[f"{name}_s"] = round(ran.wall_s, 1)
        measured[f"{name}_processor_s"] = round(ran.cpu_s, 1)
        measured[f"{name}_findings"] = sum(len(one["findings"]) for one in told["checks"].values())
        rows += [
            {"recipe": name, "check": check, "comparisons": one["comparisons"]}
            for check, one in told["checks"].items()
        ]
    return Findings(measured, {"checks": rows})


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main())
