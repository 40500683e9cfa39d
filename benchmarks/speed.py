"""Compare this checkout with an earlier commit: starts, walk-forwards, and tests on request.

Both run in turns, each in a process of its own, in what a base install holds; what counts is
processor time, which other programs disturb less than the clock. Walk-forwards are the quick
recipes without their networks, on real candles, in one process; both sides must forecast the same.
`--tests` adds the files of tests that share the most, on four workers, once and for minutes.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.base_process import FORECASTLAB, Ran, run_base
from benchmarks.program import Findings, perform
from benchmarks.real_candles import add_candles, real_candles
from benchmarks.results import Row, number
from benchmarks.suite import BY_FILE
from tests.support.imports import ROOT

BEFORE: Final = "dba854c"
"""The commit before the first profile: every command imported all the others."""

ASOF: Final = "2025-09-30"
RECIPES: Final = {"reversal": ASOF, "direction": f"{ASOF}T23Z"}
"""Recipe -> the cut-off candle of its walk-forward."""

WALKS: Final = 2
"""Walk-forwards that count; each takes ten times what a start does."""

ALONE: Final = {"LOKY_MAX_CPU_COUNT": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

SHARING: Final = tuple(
    f"tests/e2e/test_{name}.py"
    for name in ("hourly", "alerts", "morning", "duplicates", "gcs_day", "registry_commands")
)
"""Tests that need a trained bundle, or the demo's store."""

WALK_FORWARD: Final = """
import hashlib, sys, time
from pathlib import Path
import pandas as pd
from forecastlab.bootstrap import Choice, chosen_settings, open_workspace, read_recipe
from forecastlab.contracts.intervals import DURATION
from forecastlab.models.catalogue import make_learners
from forecastlab.usecases.audit_subjects import Quiet
from forecastlab.usecases.quick_recipe import quick_recipe, without_networks
from forecastlab.usecases.training_market import training_market
from forecastlab.usecases.training_materials import build_materials
from forecastlab.usecases.walk_forward import out_of_fold

config, until, source, store = sys.argv[1:]
recipe = read_recipe(Path(config))
workspace = open_workspace(chosen_settings(Choice(source=source, store=store)))
cut_off, market = training_market(workspace, recipe, until)
recipe = without_networks(quick_recipe(recipe, cut_off))
learners = make_learners(recipe)
view = market.as_of(cut_off + DURATION[recipe.interval])
materials = build_materials(view, recipe, learners.values())
began = time.process_time()
found = out_of_fold(materials, recipe, learners, Quiet())
print(time.process_time() - began)
said = hashlib.sha256()
for one in found.values():
    for table in one.members.values():
        said.update(pd.util.hash_pandas_object(table).to_numpy().tobytes())
print(said.hexdigest())
"""


@dataclass(frozen=True)
class Measured:
    """Processor seconds of one run, and what both sides must agree on."""

    cpu_s: float
    said: str = ""


Run = Callable[[Path, Path], Measured]
"""Runs in a checkout, and may write to a folder."""


def started(tree: Path, folder: Path, *, arguments: Sequence[str]) -> Measured:
    """Run a command of the checkout from its start to its end."""
    ran = _run(FORECASTLAB, tree, *arguments, "--store", str(folder))
    return Measured(ran.cpu_s)


def walked(tree: Path, folder: Path, *, recipe: str, source: str) -> Measured:
    """Walk a recipe forward; reading candles and building features do not count."""
    config = str(tree / "config" / f"{recipe}.toml")
    ran = _run(WALK_FORWARD, tree, config, RECIPES[recipe], source, str(folder))
    seconds, said = ran.said.split()
    return Measured(float(seconds), said)


def tested(tree: Path, folder: Path) -> Measured:
    """Run the tests that share the most, as `make test` of the checkout deals them out."""
    folder.mkdir()
    dealt = BY_FILE if tree == ROOT else ()
    paths = (str(folder), str(tree), str(tree / "src"))
    ran = run_base(
        f"import os, sys, pytest\nos.chdir({str(tree)!r})\nsys.path[:0] = {paths[1:]!r}\n"
        "sys.exit(pytest.main(sys.argv[1:]))",
        *("--numprocesses", "4", *dealt, "-p", "no:cacheprovider", "--quiet", *SHARING),
        changed={"PYTHONPATH": os.pathsep.join(paths[1:]), "TMPDIR": paths[0]},
        hidden=(),
    )
    return Measured(ran.cpu_s)


def measure(asked: argparse.Namespace) -> Findings:
    """Alternate both sides; the median of several runs, after one that does not count."""
    source = f"file:{real_candles(asked)}"
    predict = ("predict", "--source", source, "--asof", ASOF)
    starts, walks = (1, 1) if asked.quick else (asked.runs, WALKS)
    subjects: dict[str, tuple[Run, int]] = {
        "predict": (partial(started, arguments=predict), starts),
        "history": (partial(started, arguments=("history",)), starts),
    }
    for recipe in ("direction",) if asked.quick else RECIPES:
        walk = partial(walked, recipe=recipe, source=source)
        subjects[f"walk_forward_{recipe}"] = (walk, walks)
    with tempfile.TemporaryDirectory() as folder:
        trees = {"before": earlier(asked.before, Path(folder) / "earlier"), "after": ROOT}
        rows = [alternate(name, *one, trees, Path(folder)) for name, one in subjects.items()]
        if asked.tests:
            rows.append(alternate("tests", tested, 0, trees, Path(folder)))
    measured = {
        f"{row['what']}_{side}": number(row, side)
        for row in rows
        for side in ("before_cpu_s", "after_cpu_s", "ratio")
    }
    return Findings(measured, {"compared": rows, "before": [{"commit": asked.before}]})


def alternate(name: str, run: Run, runs: int, trees: dict[str, Path], folder: Path) -> Row:
    """Return one subject's medians of both sides.

    Raises:
        RuntimeError: the two sides do not say the same.
    """
    found: dict[str, list[Measured]] = {side: [] for side in trees}
    # The first does not count, where there are more: it finds no bytecode.
    for turn in range(runs + 1):
        for side, tree in trees.items():
            found[side].append(run(tree, folder / f"{name}-{side}-{turn}"))
    if len({one.said for ones in found.values() for one in ones}) > 1:
        raise RuntimeError(f"{name}: the two sides forecast differently")
    before, after = (
        statistics.median(one.cpu_s for one in found[side][min(runs, 1) :])
        for side in ("before", "after")
    )
    return {
        "what": name,
        "before_cpu_s": round(before, 3),
        "after_cpu_s": round(after, 3),
        "ratio": round(after / before, 3),
    }


def earlier(commit: str, folder: Path) -> Path:
    """Unpack a commit of this repository into a folder, and return it."""
    packed = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _run(code: str, tree: Path, *arguments: str) -> Ran:
    return run_base(code, *arguments, changed={"PYTHONPATH": str(tree / "src"), **ALONE})


def options(parser: argparse.ArgumentParser) -> None:
    """Add what this benchmark alone asks."""
    add_candles(parser)
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT", help="compare with this")
    parser.add_argument("--tests", action="store_true", help="also run tests, for minutes")
    parser.add_argument("--runs", type=int, default=9, help="starts that count")


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, options=options)


if __name__ == "__main__":
    sys.exit(main())
