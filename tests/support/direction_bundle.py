"""Small hourly direction bundles with all five members, fitted in seconds and never evaluated.

The trees are what the shipped recipe makes of them, the networks are drawn; what the manifest says
of the evaluation is made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from forecastlab.adapters.progress import progress
from forecastlab.contracts.bundle_files import BundleFiles, verified
from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.contracts.intervals import DURATION
from forecastlab.models.catalogue import make_learners
from forecastlab.models.conformal import PredictionSets
from forecastlab.models.ensemble import Forecaster
from forecastlab.models.rule import Rule
from forecastlab.models.sequence import learner
from forecastlab.models.sequence.preparation import Prepared
from forecastlab.models.sequence.training import Shape, Trained
from forecastlab.models.stack import Stack
from forecastlab.usecases.final_fit import final_fit
from forecastlab.usecases.training_materials import (
    build_materials,
)
from tests.support.imports import ROOT
from tests.support.made_bundle import bundle_files
from tests.support.synthetic import START, synthetic_market

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT")
DAYS: Final = 190
"""The slowest feature reads 81 days of daily candles; the rest is learnt from."""
END: Final = START + timedelta(days=DAYS)
TINY: Final[Mapping[str, Mapping[str, Any]]] = {
    "lightgbm": {"rounds": 8, "min_rows_in_leaf": 20},
    "lightgbm_cross": {"rounds": 8, "min_rows_in_leaf": 20},
    "xgboost": {"rounds": 8, "min_weight": 5.0},
    "lstm": {"hidden": 4, "max_gap": 0},
    "tft": {"hidden": 4, "max_gap": 0},
}
SHIPPED: Final[Mapping[str, Mapping[str, Any]]] = {
    "lightgbm": {"min_rows_in_leaf": 20},
    "lightgbm_cross": {"min_rows_in_leaf": 20},
    "xgboost": {"min_weight": 5.0},
    "lstm": {},
    "tft": {},
}
"""The shipped recipe's sizes: what a forecast costs does not depend on weights."""


@dataclass(frozen=True, eq=False)
class Made:
    """A bundle in memory, and the rows that it can be asked about.

    Attributes:
        features: feature set -> complete rows of the forecast symbol, index `open_time`.
    """

    files: Mapping[str, bytes]
    features: Mapping[str, pd.DataFrame]
    forecasters: Mapping[str, Forecaster]
    recipe: Recipe

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.verified.name

    @property
    def verified(self) -> BundleFiles:
        """The bundle as the shelf hands it over."""
        return verified(self.files, where="memory")

    @property
    def newest(self) -> pd.DatetimeIndex:
        """Open of the newest candle, whose forecast is asked for."""
        return pd.DatetimeIndex(self.features["direction"].index[-1:])

    def rows(self, count: int = 96) -> dict[str, pd.DataFrame]:
        """Return the newest rows of every set."""
        return {name: table.iloc[-count:] for name, table in self.features.items()}

    def write(self, models: Path) -> Path:
        """Write it into a folder of bundles."""
        folder = models / self.name
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder


@lru_cache(maxsize=4)
def direction_bundle(
    symbol: str = "ETHUSDT", *, shipped_sizes: bool = False, raw: bool = False
) -> Made:
    """Fit every member on a synthetic market and write a bundle of them; a stack publishes.

    Args:
        raw: no member reads the scaled set: all of them read the 97 columns that are left of the
            earlier system's 101.
    """
    sizes = dict(SHIPPED if shipped_sizes else TINY)
    if raw:
        for name in ("lightgbm", "xgboost"):
            sizes[name] = {**sizes[name], "feature_set": "direction"}
    recipe = _recipe(symbol, sizes)
    market = synthetic_market(DAYS, SYMBOLS, seed=3)
    learners = make_learners(recipe)
    materials = build_materials(market.as_of(END), recipe, learners.values())
    rules = {name: _rule(tuple(learners), lean=0.1) for name in recipe.target.candidates}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "_train", _drawn)
        forecasters = final_fit(materials, recipe, learners, rules, progress())
    features = {name: materials.own(table) for name, table in materials.features.items()}
    return _written(recipe, forecasters, features, ordinal=1)


def leaning(made: Made, lean: float, *, ordinal: int = 2) -> Made:
    """Return a bundle of the same members whose stack leans to a rise by other log odds."""
    forecasters = {
        name: replace(one, rule=_rule(one.rule.members, lean=lean))
        for name, one in made.forecasters.items()
    }
    return _written(made.recipe, forecasters, made.features, ordinal=ordinal)


def _drawn(group: Sequence[Prepared], shape: Shape, *_: object) -> list[list[Trained]]:
    """Draw networks instead of training them: in no time one learns nothing, and says so."""
    torch.manual_seed(7)
    found = []
    for _one in group:
        network = shape.build(1)
        for name, parameter in network.named_parameters():
            if name.startswith("heads."):
                torch.nn.init.normal_(parameter, std=0.3)
        found.append([Trained(parameters_to_vector(network.parameters()).detach(), 1, (0.7, 0.69))])
    return found


def _recipe(symbol: str, sizes: Mapping[str, Mapping[str, Any]]) -> Recipe:
    text = (ROOT / "config" / "direction.toml").read_text(encoding="utf-8")
    whole = parse_recipe(text, what="config/direction.toml", symbol=symbol)
    train = {"oof_from": START.date(), "score_from": START.date(), "fit_every": 4}
    return whole.model_copy(
        update={
            "context": None,
            "train": whole.train.model_copy(update=train),
            "members": {name: {**table, **sizes[name]} for name, table in whole.members.items()},
        }
    )


def _rule(members: tuple[str, ...], *, lean: float) -> Rule:
    stack = Stack(members, (1 / len(members),) * len(members), (0.0, lean))
    return Rule("stack", members, (0, 1), stack, PredictionSets(0.8, 0.6, 500))


def _written(
    recipe: Recipe,
    forecasters: Mapping[str, Forecaster],
    features: Mapping[str, pd.DataFrame],
    *,
    ordinal: int,
) -> Made:
    cut_off = END - DURATION[recipe.interval]
    name = f"{recipe.name}_{cut_off:%Y%m%dT%HZ}_{ordinal}"
    shortest = recipe.serving.daily_candles
    files = bundle_files(name, recipe, forecasters, features, cut_off=cut_off, shortest=shortest)
    return Made(files, features, forecasters, recipe)
