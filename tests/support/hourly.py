"""A made-up hourly walk-forward of the direction in 5 hours, and the candles behind its labels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.config import Recipe
from forecastlab.evaluation.splits import walk_forward
from forecastlab.models.base_rate import expanding_rate, trailing_rate
from forecastlab.models.prequential import run_prequential
from forecastlab.targets.direction import DirectionTarget
from forecastlab.usecases.candidate_verdict import Examined
from forecastlab.usecases.measure import measure
from forecastlab.usecases.walk_forward import OutOfFold
from tests.support.synthetic import START, synthetic_market
from tests.support.workspaces import small_recipe

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")
HOUR: Final = timedelta(hours=1)
CLASSES: Final = (0, 1)
_REFIT_DAYS: Final = 30


def hourly_recipe(candidate: str = "H5") -> Recipe:
    """Return a recipe of one hourly direction, scored from its second fold on."""
    recipe = small_recipe(SYMBOLS)
    scored = (START + timedelta(days=_REFIT_DAYS)).date()
    train = {"oof_from": START.date(), "score_from": scored, "refit_days": _REFIT_DAYS}
    target = {"kind": "direction", "candidates": (candidate,)}
    return recipe.model_copy(
        update={
            "name": "direction_1h_BTCUSDT",
            "interval": "1h",
            "target": recipe.target.model_copy(update=target),
            "train": recipe.train.model_copy(update=train),
        }
    )


def hourly_candles(days: int, seed: int = 0) -> dict[str, Candles]:
    """Return the hourly candles of two symbols that share a market factor."""
    market = synthetic_market(days, SYMBOLS, seed, intervals=("1h",))
    return {one.symbol: one for one in market.series()}


def hourly_oof(
    candles: Mapping[str, Candles], candidate: str = "H5", *, skill: float = 0.3, seed: int = 0
) -> OutOfFold:
    """Return two members' forecasts of every hour.

    `knowing` leans by `skill` (in log odds) to the sign of the return that will come, `noisy` is
    blunt; both vary from hour to hour.
    """
    own, target = candles[SYMBOLS[0]], DirectionTarget.from_name(candidate)
    labels = target.labels(own)
    index = pd.DatetimeIndex(own.frame.index)
    as_of = pd.DatetimeIndex(index + HOUR)
    known = labels["label"].reindex(index).astype("float64")
    first, last = index[0].to_pydatetime(), index[-1].to_pydatetime()
    folds = walk_forward(first, last, step=24 * _REFIT_DAYS, interval="1h")
    starts = pd.DatetimeIndex([fold.first_open for fold in folds])
    rows = pd.DataFrame(
        {
            "as_of": as_of,
            "resolves_at": as_of + target.horizon * HOUR,
            "label": known,
            "fold": starts.searchsorted(index, side="right") - 1,
        },
        index=index,
    )
    random = np.random.default_rng(seed)
    lean = skill * (known.fillna(0.5).to_numpy() - 0.5) + 0.1 * random.standard_normal(len(index))
    blunt = 0.1 * random.standard_normal(len(index))
    rates = {
        name: rate(labels, as_of, CLASSES).set_axis(index)
        for name, rate in (("expanding", expanding_rate), ("trailing_year", trailing_rate))
    }
    members = {"noisy": _table(blunt, index), "knowing": _table(lean, index)}
    return OutOfFold(candidate, folds, rows, members, rates)


def hourly_examined(days: int = 120, candidate: str = "H5", *, skill: float = 0.3) -> Examined:
    """Publish and measure, as `evaluate` does, with the candles at hand."""
    candles, recipe = hourly_candles(days), hourly_recipe(candidate)
    found = hourly_oof(candles, candidate, skill=skill)
    prequential = run_prequential(
        found.rows,
        found.members,
        horizon=DirectionTarget.from_name(candidate).horizon,
        until=end_of_hours(found),
    )
    return Examined(found, prequential, measure(found, prequential, recipe), candles)


def end_of_hours(found: OutOfFold) -> datetime:
    """Return the as-of of the last row."""
    last: pd.Timestamp = found.rows["as_of"].iloc[-1]
    return last.to_pydatetime()


def _table(log_odds: np.ndarray, index: pd.DatetimeIndex) -> pd.DataFrame:
    up = 1 / (1 + np.exp(-log_odds))
    return pd.DataFrame({0: 1 - up, 1: up}, index=index)
