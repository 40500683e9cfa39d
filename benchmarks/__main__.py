"""Run all benchmarks, one process each, and keep their results together: `make bench`.

Results go to outputs/bench/START/, with a README.md for a person. `make bench-accept` puts them
into docs/results/. Ctrl-C ends the run; what was measured stays.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.catalogue import APART, BENCHMARKS
from benchmarks.machine import cores_of_others, describe_machine, load_average
from benchmarks.result_table import machine_text, result_text
from benchmarks.results import read_result
from tests.support.imports import ROOT

LIMIT_S: Final = 900.0
LOOK_S: Final = 2.0
README: Final = "README.md"

LEFT_OUT: Final = (2, 3)
"""Exit codes of a benchmark that cannot run here, and says why; any other but 0 is a fault."""


def main() -> int:
    """Run them in turn; return 1 if one has a fault, else 0."""
    asked = _asked()
    started = datetime.now(UTC).replace(microsecond=0)
    folder = asked.out or ROOT / "outputs" / "bench" / started.strftime("%Y-%m-%dT%H%M%SZ")
    names = asked.only or [*BENCHMARKS, *(APART if asked.all else ())]
    machine = describe_machine(others_cores=cores_of_others(LOOK_S), load=load_average())
    print(f"{machine_text(machine)}\nresults go to {folder}", flush=True)
    if machine.busy:
        _warn(f"Other programs use {machine.others_cores:g} cores. Figures suffer, and")
        _warn("make bench-accept will refuse them. End what runs beside, and begin again.")
    without, faults = {}, 0
    for place, name in enumerate(names, start=1):
        known = name in BENCHMARKS and not asked.quick
        about = f", about {BENCHMARKS[name]} s" if known else ""
        print(f"\n== [{place}/{len(names)}] {name}{about}", flush=True)
        began = time.perf_counter()
        code, reason = run_one(name, folder, quick=asked.quick)
        if code:
            without[name] = f"{'left out' if code in LEFT_OUT else 'failed'}: {reason}"
            faults += code not in LEFT_OUT
            _warn(f"{name} {without[name]}")
        print(f"-- {time.perf_counter() - began:.0f} s", flush=True)
    text = summary(folder, names, without)
    (folder / README).write_text(text, encoding="utf-8")
    print(f"\n{text.partition('## ')[0].strip()}\n\nAccept it: make bench-accept RUN={folder}")
    return 1 if faults else 0


def run_one(name: str, folder: Path, *, quick: bool) -> tuple[int, str]:
    """Run a benchmark in a process of its own; return its exit code and its last word of error."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", "--out", str(folder)]
    command += ["--quick"] if quick else []
    # A group of its own: servers that it started end with it, whatever happens.
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said = process.communicate(timeout=LIMIT_S)[1]
    except subprocess.TimeoutExpired:
        return 1, f"it took more than {LIMIT_S:.0f} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
    lines = said.strip().splitlines()
    return process.returncode, lines[-1] if lines else f"exit code {process.returncode}"


def environment() -> dict[str, str]:
    """Return this environment without what changes what is measured."""
    changes = ("OMP_", "MKL_", "OPENBLAS_", "PYTHONDONTWRITEBYTECODE", "PYTHONOPTIMIZE")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(changes)}
    own = [
        name for name in kept if name.startswith("FORECASTLAB_") and name != "FORECASTLAB_TEST_DATA"
    ]
    return {name: text for name, text in kept.items() if name not in own}


def summary(folder: Path, names: list[str], without: dict[str, str]) -> str:
    """Write what a run found: what is missing or doubtful, then every result."""
    results = [read_result(path) for path in sorted(folder.glob("*.json"))]
    targets = [(one, name) for one in results for name in one.targets]
    # In small a benchmark may leave a figure out, and so its target.
    missed = [
        f"{one.benchmark}.{name}"
        for one, name in targets
        if name not in one.measured or one.verdict(name) == "missed"
    ]
    busy = [one.benchmark for one in results if one.machine.busy]
    lines = [
        f"# Benchmarks of {folder.name}",
        "",
        f"{len(names) - len(without)} of {len(names)} measured.",
    ]
    lines += [f"- {name} {reason}" for name, reason in without.items()]
    lines += [f"- {len(targets) - len(missed)} of {len(targets)} targets met"]
    lines += [f"- missed: {', '.join(missed)}"] if missed else []
    lines += [f"- on a busy machine: {', '.join(busy)}"] if busy else []
    parts = [f"## {one.benchmark}\n\n`{one.command}`\n\n{result_text(one)}" for one in results]
    return "\n\n".join(["\n".join(lines), *parts]) + "\n"


def _warn(text: str) -> None:
    bold, plain = ("\033[1;31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    sys.stderr.write(f"{bold}!! {text}{plain}\n")
    sys.stderr.flush()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where results go")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes, for a trial")
    every = [*BENCHMARKS, *APART]
    parser.add_argument("--all", action="store_true", help=f"also {', '.join(APART)}")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=every, help=f"some of {', '.join(every)}"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
