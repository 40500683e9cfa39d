"""Time commands from the shell's prompt to the next: the demo, the health of a bundle, a rollback.

Each in a process of its own, in what a base install holds, on the simulated market; the demo once
on an empty store and once on the store that it made. Installing is no part of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.base_process import FORECASTLAB, Ran, run_base
from benchmarks.program import Findings, perform
from benchmarks.results import Row, Target
from benchmarks.shipped_world import DAILY, variables

TARGETS: Final = {
    "demo_first_s": Target(at_most=180),
    "demo_again_s": Target(at_most=30),
    "drill_s": Target(at_most=2),
}
SMALL: Final = f"{DAILY}_20250930"
FULL: Final = f"{SMALL}_2"
"""The daily bundle of two members, and the one of all five."""


def measure(asked: argparse.Namespace) -> Findings:
    """Run each of them."""
    rows: list[Row] = []

    def timed(name: str, folder: Path, *arguments: str) -> Ran:
        ran = run_base(FORECASTLAB, *arguments, changed=variables(folder), codes=(0, 5))
        rows.append(
            {"command": name, "wall_s": round(ran.wall_s, 2), "processor_s": round(ran.cpu_s, 2)}
        )
        return ran

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed("--help", folder, "--help")
        start = timed("--help", folder, "--help")
        mornings = ("--mornings", "2") if asked.quick else ()
        demo = ("demo", "--store", str(folder / "demo"), *mornings)
        first, again = timed("demo", folder, *demo), timed("demo, again", folder, *demo)
        # What is timed below begins with candles at hand.
        timed("update", folder, "update", "--deployment", DAILY)
        health = {
            label: timed(f"health {bundle}", folder, "health", bundle, "--json")
            for label, bundle in (("small", SMALL), ("full", FULL))
        }
        drill = timed("drill rollback", folder, "drill", "rollback", "--to", SMALL, "--json")
    told = json.loads(drill.said)
    steps = {one["name"]: one["seconds"] for one in told["steps"]}
    measured = {
        "start_s": round(start.wall_s, 2),
        "demo_first_s": round(first.wall_s, 1),
        "demo_again_s": round(again.wall_s, 2),
        "drill_s": round(told["seconds"], 2),
        "drill_load_s": round(steps["load"], 2),
        "drill_command_s": round(drill.wall_s, 2),
    }
    for label, ran in health.items():
        spent = sum(one["duration_s"] for one in json.loads(ran.said)["steps"])
        measured[f"health_{label}_processor_s"] = round(ran.cpu_s, 2)
        measured[f"health_{label}_steps_s"] = round(spent, 2)
    return Findings(measured, {"commands": rows[1:]})


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main())
