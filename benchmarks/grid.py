"""Time the candidate grid against the original's loop, in one run, on the same rows.

    python benchmarks/grid.py --candles FOLDER [--folds N] [--json] [--save]

FOLDER holds {SYMBOL}_{interval}.parquet. The loop fits candidate after candidate and fold after
fold in one thread; the grid fits the same trees through the project's walk-forward, one process per
core and one thread each. The loop runs half before and half after the grid, so that a change in
the machine's load meets both. Unset OMP_NUM_THREADS. `--save` keeps the result in
docs/results/grid.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

# Run as a script, Python sees this folder only.
sys.path.insert(0, str(Path(__file__).parents[1]))

import joblib
import numpy as np
import pandas as pd
from joblib.externals.loky import get_reusable_executor

from benchmarks.original_experiment import STEP, TEST_ROWS, Block, fit_and_forecast
from benchmarks.original_learner import OriginalLightGbm
from benchmarks.original_table import ROOT, machine
from forecastlab.adapters.candle_files import FileSource
from forecastlab.adapters.progress import Silent
from forecastlab.bootstrap import read_recipe
from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import ForecastLabError
from forecastlab.contracts.intervals import parse_asof
from forecastlab.evaluation.splits import Fold
from forecastlab.models.base import Learner
from forecastlab.models.first_passage import FirstPassage
from forecastlab.targets.reversal import ReversalTarget
from forecastlab.usecases.search import HORIZONS, LEVELS
from forecastlab.usecases.training_materials import (
    Materials,
    build_materials,
    read_training_market,
)
from forecastlab.usecases.walk_forward import OutOfFold, make_folds, out_of_fold

ALL_FOLDS: Final = 58
EFFICIENCY_TARGET: Final = 0.85
FIRST_PASSAGE_TARGET: Final = 50.0
RESULTS: Final = ROOT / "docs" / "results" / "grid.json"
DAY: Final = timedelta(days=1)


T = TypeVar("T")


@dataclass(frozen=True)
class Took:
    """Wall-clock and CPU seconds of a piece of work."""

    wall_s: float
    cpu_s: float

    def plus(self, other: Took) -> Took:
        """Return the sum of two."""
        return Took(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)


def measure(folder: Path, last: str, folds: int) -> dict[str, Any]:
    """Time loop and grids on the last `folds` folds of all candidates."""
    recipe, view = _read(folder, last, folds)
    alone = recipe.model_copy(
        update={"train": recipe.train.model_copy(update={"symbols": (recipe.symbol,)})}
    )
    original: dict[str, Learner] = {"lightgbm": OriginalLightGbm(recipe.symbol)}
    materials = build_materials(view, alone, original.values())
    cuts = make_folds(alone, view.as_of - DAY)
    half = len(HORIZONS) // 2
    theirs, before = _timed(lambda: _loops(materials, _names(alone, HORIZONS[:half]), cuts))
    ours, grid = _timed(lambda: out_of_fold(materials, alone, original, Silent()))
    others, after = _timed(lambda: _loops(materials, _names(alone, HORIZONS[half:]), cuts))
    theirs |= others
    loop, cores = before.plus(after), joblib.cpu_count()
    default_ratio = _default_threads(materials, cuts)
    result: dict[str, Any] = {
        "machine": machine() | {"cores": cores},
        "folds": len(cuts),
        "fits": len(cuts) * len(theirs),
        "loop_s": round(loop.wall_s, 2),
        "grid_s": round(grid.wall_s, 2),
        "speed_up": round(loop.wall_s / grid.wall_s, 2),
        "parallel_efficiency": round(loop.wall_s / grid.wall_s / cores, 3),
        "efficiency_target": EFFICIENCY_TARGET,
        "cpu_ratio": round(loop.cpu_s / grid.cpu_s, 3),
        "greatest_difference": max(_apart(ours[name], theirs[name]) for name in theirs),
        "loop_default_threads_ratio": round(default_ratio, 2),
        "speed_up_over_default_threads": round(loop.wall_s * default_ratio / grid.wall_s, 2),
        "first_passage_target": FIRST_PASSAGE_TARGET,
    }
    for label, scope in (("alone", alone), ("pooled", recipe)):
        took = _first_passage(view, scope)
        result[f"first_passage_{label}_s"] = round(took.wall_s, 2)
        result[f"first_passage_{label}_ratio"] = round(loop.wall_s / took.wall_s, 1)
    return result


def _read(folder: Path, last: str, folds: int) -> tuple[Recipe, MarketView]:
    """Return the recipe of the whole grid over the last folds, and what was known at their end."""
    cut_off = parse_asof(last, "1d")
    recipe = read_recipe(ROOT / "config" / "reversal.toml")
    train = recipe.train.model_copy(
        update={"oof_from": (cut_off - (folds * STEP - 1) * DAY).date(), "refit_days": STEP}
    )
    names = tuple(ReversalTarget(days, level).name for days in HORIZONS for level in LEVELS)
    recipe = recipe.model_copy(
        update={
            "train": train,
            "features": recipe.features.model_copy(update={"variant": "raw"}),
            "target": recipe.target.model_copy(update={"candidates": names}),
        }
    )
    market = read_training_market(FileSource(folder), recipe, cut_off, Silent())
    return recipe, market.as_of(cut_off + DAY)


def _names(recipe: Recipe, horizons: tuple[int, ...]) -> list[str]:
    names = recipe.target.candidates
    return [name for name in names if ReversalTarget.from_name(name).horizon in horizons]


def _timed(work: Callable[[], T]) -> tuple[T, Took]:
    """Do the work with workers that it must start itself; their CPU time counts when they end."""
    get_reusable_executor().shutdown(wait=True)
    begin, used = time.perf_counter(), _cpu_s()
    done = work()
    wall = time.perf_counter() - begin
    get_reusable_executor().shutdown(wait=True)
    return done, Took(wall, _cpu_s() - used)


def _cpu_s() -> float:
    """Return the CPU time of this process and of those that it started and that have ended."""
    scopes = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(scope) for scope in scopes]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _loops(
    materials: Materials, candidates: list[str], folds: tuple[Fold, ...]
) -> dict[str, pd.DataFrame]:
    return {name: _loop(materials, name, folds, threads=1) for name in candidates}


def _loop(
    materials: Materials, candidate: str, folds: tuple[Fold, ...], *, threads: int
) -> pd.DataFrame:
    """Fit fold after fold as the original does; return the forecasts of each fold's own days."""
    features = materials.own(materials.features["flow"])
    label = materials.own(materials.labels[candidate])["label"].reindex(features.index)
    x, y = features.to_numpy(), label.fillna(0).to_numpy().astype("int64")
    horizon, parts = ReversalTarget.from_name(candidate).horizon, []
    for fold in folds:
        begin = int(features.index.searchsorted(pd.Timestamp(fold.first_open)))
        train, test = slice(begin - horizon), slice(begin, begin + TEST_ROWS)
        found = fit_and_forecast(Block(x[train], y[train], x[test], y[test]), threads=threads)
        own = features.index[test][:STEP]
        parts.append(pd.DataFrame(found[: len(own)], index=own))
    return pd.concat(parts)


def _apart(ours: OutOfFold, theirs: pd.DataFrame) -> float:
    """Return the greatest difference between the two sides' probabilities; 0 for equal trees."""
    mine = ours.members["lightgbm"]
    return float(np.abs(mine.to_numpy() - theirs.loc[mine.index].to_numpy()).max())


def _default_threads(materials: Materials, folds: tuple[Fold, ...]) -> float:
    """Return the loop's time at LightGBM's default threads over that at one, on one level."""
    seconds = {0: 0.0, 1: 0.0}
    for horizon in HORIZONS:
        for threads in seconds:
            begin = time.perf_counter()
            _loop(materials, ReversalTarget(horizon, 0.08).name, folds, threads=threads)
            seconds[threads] += time.perf_counter() - begin
    return seconds[0] / seconds[1]


def _first_passage(view: MarketView, recipe: Recipe) -> Took:
    learners: dict[str, Learner] = {"first_passage": FirstPassage(recipe.train.symbols)}
    materials = build_materials(view, recipe, learners.values())
    return _timed(lambda: out_of_fold(materials, recipe, learners, Silent()))[1]


def text(result: dict[str, Any]) -> str:
    """Write the result for a person."""
    return f"""\
{result["fits"]} fits ({result["folds"]} folds × 20 candidates); {result["machine"]}
original's loop, 1 thread          {result["loop_s"]:9.1f} s
the grid, equal trees              {result["grid_s"]:9.1f} s   {result["speed_up"]:.2f} × as fast; \
efficiency {result["parallel_efficiency"]:.2f} (target {result["efficiency_target"]}); \
greatest difference {result["greatest_difference"]:.0e}
CPU time of the loop over the grid's {result["cpu_ratio"]:8.2f}   (whatever other programs take)
loop at default threads            {result["loop_default_threads_ratio"]:9.2f} × the time at one; \
the grid is {result["speed_up_over_default_threads"]:.2f} × as fast
first_passage grid, one symbol     {result["first_passage_alone_s"]:9.2f} s   \
{result["first_passage_alone_ratio"]:.0f} × (target {result["first_passage_target"]:.0f} ×)
first_passage grid, five symbols   {result["first_passage_pooled_s"]:9.2f} s   \
{result["first_passage_pooled_ratio"]:.0f} ×"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--candles", type=Path, required=True, help="folder of candle files")
    parser.add_argument("--last", default="2025-09-30")
    parser.add_argument("--folds", type=int, default=ALL_FOLDS, help="the last N folds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--save", action="store_true", help="keep it in docs/results/grid.json")
    asked = parser.parse_args()
    if "OMP_NUM_THREADS" in os.environ:
        parser.error("unset OMP_NUM_THREADS: it changes LightGBM's default threads")
    try:
        result = measure(asked.candles, asked.last, asked.folds)
    except ForecastLabError as error:
        raise SystemExit(str(error)) from error
    if asked.save:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1) if asked.json else text(result))


if __name__ == "__main__":
    main()
