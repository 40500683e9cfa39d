"""What focal loss and noise would do to the hourly LSTM of `config/direction.toml`.

Its own settings, with noise on its inputs, and with two focal exponents: log loss of BTCUSDT's
hours in 2019 and 2020, out of fold, before the hours on which anything is claimed. The class
frequencies known at the time stand beside it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from benchmarks.program import Findings, perform
from benchmarks.real_candles import add_candles, real_candles
from benchmarks.results import Row, number
from forecastlab.adapters.candle_files import FileSource
from forecastlab.adapters.progress import progress
from forecastlab.bootstrap import read_recipe
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import parse_asof
from forecastlab.evaluation.scores import LOG_LOSS, Forecasts, value
from forecastlab.models.base import Learner
from forecastlab.models.catalogue import make_learners
from forecastlab.models.sequence.learner import Lstm
from forecastlab.usecases.training_materials import (
    Materials,
    build_materials,
    read_training_market,
)
from forecastlab.usecases.walk_forward import OutOfFold, out_of_fold
from tests.support.imports import ROOT

MEMBER: Final = "lstm"
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "noise_20": {"augment_noise": 0.2},
    "focal_1": {"focal_gamma": 1.0},
    "focal_2": {"focal_gamma": 2.0},
}
FIRST: Final = date(2019, 1, 1)
LAST: Final = "2020-12-31T23Z"


def measure(asked: argparse.Namespace) -> Findings:
    """Walk forward once for each variant."""
    recipe = read_recipe(ROOT / "config" / "direction.toml")
    learner = make_learners(recipe)[MEMBER]
    if not isinstance(learner, Lstm):
        raise TypeError(f"{MEMBER} is no network")
    first, last = (date(2019, 6, 1), "2019-07-31T23Z") if asked.quick else (FIRST, LAST)
    recipe = recipe.model_copy(
        update={
            "train": recipe.train.model_copy(
                update={"oof_from": first, "score_from": first, "symbols": (recipe.symbol,)}
            ),
            "members": {MEMBER: recipe.members[MEMBER]},
        }
    )
    materials = read_materials(recipe, FileSource(real_candles(asked)), last, learner)
    small: dict[str, Any] = {"epochs": 1, "hidden": 4} if asked.quick else {}
    rows: list[Row] = []
    for name, changed in VARIANTS.items():
        learners: dict[str, Learner] = {MEMBER: replace(learner, **small, **changed)}
        found = out_of_fold(materials, recipe, learners, progress())
        for candidate, one in found.items():
            rows.append({"variant": name, "candidate": candidate, **losses(one)})
    measured = {
        f"{row['variant']}_{str(row['candidate']).lower()}_log_loss": number(row, "log_loss")
        for row in rows
    }
    return Findings(measured, {"variants": rows})


def read_materials(recipe: Recipe, files: FileSource, last: str, learner: Learner) -> Materials:
    """Read the candles up to the last one, and build what the learner reads."""
    cut_off = parse_asof(last, recipe.interval)
    market = read_training_market(files, recipe, cut_off, progress())
    return build_materials(market.as_of(cut_off + timedelta(hours=1)), recipe, [learner])


def losses(one: OutOfFold) -> Row:
    """Return the log loss over all resolved rows, and that of the base rate known at the time."""
    label = one.rows["label"].dropna()
    return {
        "log_loss": loss(one.members[MEMBER], label),
        "base_rate_log_loss": loss(one.base_rates["expanding"], label),
        "rows": len(label),
    }


def loss(table: pd.DataFrame, label: pd.Series) -> float:
    """Return the log loss of forecasts of these labels."""
    own = table.loc[label.index]
    classes = tuple(int(one) for one in own.columns)
    return round(value(LOG_LOSS, Forecasts(own.to_numpy(), label.to_numpy("int64"), classes)), 5)


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, options=add_candles)


if __name__ == "__main__":
    sys.exit(main())
