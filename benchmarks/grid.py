"""Time the candidate grid against the original's loop, in one run, on the same rows.

The loop fits candidate after candidate and fold after fold in one thread; the grid fits the same
trees through the project's walk-forward, one process per core and one thread each. The loop runs
half before and half after the grid, so that a change in the machine's load meets both. Folds are
taken evenly from all 58; what the loop would take on all of them is extrapolated, and stands
against the first-passage grid on all of them.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

import joblib
import numpy as np
import pandas as pd
from joblib.externals.loky import get_reusable_executor

from benchmarks.original_experiment import STEP, TEST_ROWS, Block, fit_and_forecast
from benchmarks.original_learner import OriginalLightGbm
from benchmarks.program import Findings, perform
from benchmarks.real_candles import add_candles, real_candles
from benchmarks.results import Target
from forecastlab.adapters.candle_files import FileSource
from forecastlab.adapters.progress import Silent
from forecastlab.bootstrap import read_recipe
from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import UsageError
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
from tests.support.imports import ROOT

ALL_FOLDS: Final = 58
FOLDS: Final = 12
TARGETS: Final = {
    "parallel_efficiency": Target(at_least=0.85),
    "first_passage_pooled_ratio": Target(at_least=50),
}
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


def measure(asked: argparse.Namespace) -> Findings:
    """Time loop and grids on all candidates."""
    if "OMP_NUM_THREADS" in os.environ:
        raise UsageError("OMP_NUM_THREADS changes LightGBM's default threads.", remedy="Unset it.")
    recipe, view = _read(real_candles(asked), asked.last)
    alone = recipe.model_copy(
        update={"train": recipe.train.model_copy(update={"symbols": (recipe.symbol,)})}
    )
    original: dict[str, Learner] = {"lightgbm": OriginalLightGbm(recipe.symbol)}
    materials = build_materials(view, alone, original.values())
    cuts = _sampled(make_folds(alone, view.as_of - DAY), 1 if asked.quick else asked.folds)
    half = len(HORIZONS) // 2
    theirs, before = _timed(lambda: _loops(materials, _names(alone, HORIZONS[:half]), cuts))
    ours, grid = _timed(lambda: out_of_fold(materials, alone, original, Silent(), folds=cuts))
    others, after = _timed(lambda: _loops(materials, _names(alone, HORIZONS[half:]), cuts))
    theirs |= others
    loop, cores = before.plus(after), joblib.cpu_count()
    default_ratio = _default_threads(materials, cuts)
    all_s = loop.wall_s / len(cuts) * ALL_FOLDS
    measured = {
        "folds": len(cuts),
        "fits": len(cuts) * len(theirs),
        "loop_s": round(loop.wall_s, 2),
        "grid_s": round(grid.wall_s, 2),
        "speed_up_ratio": round(loop.wall_s / grid.wall_s, 2),
        "parallel_efficiency": round(loop.wall_s / grid.wall_s / cores, 3),
        "cpu_ratio": round(loop.cpu_s / grid.cpu_s, 3),
        "loop_all_folds_s": round(all_s, 1),
        "greatest_difference": max(_apart(ours[name], theirs[name]) for name in theirs),
        "loop_default_threads_ratio": round(default_ratio, 2),
        "speed_up_over_default_threads_ratio": round(loop.wall_s * default_ratio / grid.wall_s, 2),
    }
    for label, scope in (("alone", alone), ("pooled", recipe)):
        took = _first_passage(view, scope)
        measured[f"first_passage_{label}_s"] = round(took.wall_s, 2)
        measured[f"first_passage_{label}_ratio"] = round(all_s / took.wall_s, 1)
    return Findings(measured)


def _sampled(folds: tuple[Fold, ...], count: int) -> tuple[Fold, ...]:
    """Return so many folds, evenly from the first to the last; one fold is the last."""
    places = np.linspace(len(folds) - 1, 0, min(count, len(folds))).astype(int)
    return tuple(folds[place] for place in sorted(places.tolist()))


def _read(folder: Path, last: str) -> tuple[Recipe, MarketView]:
    """Return the recipe of the whole grid over all folds, and what was known at their end."""
    cut_off = parse_asof(last, "1d")
    recipe = read_recipe(ROOT / "config" / "reversal.toml")
    train = recipe.train.model_copy(
        update={"oof_from": (cut_off - (ALL_FOLDS * STEP - 1) * DAY).date(), "refit_days": STEP}
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


def options(parser: argparse.ArgumentParser) -> None:
    """Add what this benchmark alone asks."""
    add_candles(parser)
    parser.add_argument("--last", default="2025-09-30", help="the last candle's day")
    parser.add_argument(
        "--folds", type=int, default=FOLDS, help=f"so many of the {ALL_FOLDS} folds"
    )


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS, options=options)


if __name__ == "__main__":
    sys.exit(main())
