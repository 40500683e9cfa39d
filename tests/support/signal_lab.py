"""Three small bundles of the signal, fitted in a moment and never evaluated, and their candles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from forecastlab.adapters.progress import progress
from forecastlab.contracts.candles import Market
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.contracts.manifest import (
    MANIFEST,
)
from forecastlab.models.catalogue import make_learners
from forecastlab.models.conformal import PredictionSets
from forecastlab.models.methods import SingleMember
from forecastlab.models.rule import Rule
from forecastlab.usecases.final_fit import final_fit
from forecastlab.usecases.training_materials import (
    build_materials,
)
from tests.support.imports import ROOT
from tests.support.made_bundle import bundle_files
from tests.support.signal_market import DAYS, HOUR, market
from tests.support.synthetic import START
from tests.support.workspaces import write_candles

DEPLOYMENT: Final = "signal_1h"
CUT_OFF: Final = START + timedelta(days=DAYS - 3) - HOUR
"""Open of the last hour that the bundles have seen; three days are left."""

LAST: Final = START + timedelta(days=DAYS) - HOUR
"""Open of the newest candle there is."""


@dataclass(frozen=True)
class SignalLab:
    """Candles as a file source reads them, and a folder of bundles with its first champion."""

    candles: Path
    models: Path
    cut_off: datetime = CUT_OFF

    @property
    def source(self) -> str:
        """The candles as `--source` names them."""
        return f"file:{self.candles}"

    def bundle(self, version: str) -> str:
        """Return the name of a version's bundle."""
        return bundle_name(version, self.cut_off)

    def without(self, folder: Path, lost: Mapping[tuple[str, str], Sequence[datetime]]) -> Path:
        """Write the candles once more, with some opens of some series taken out."""
        series = []
        for one in market().series():
            gone = lost.get((one.symbol, one.interval), ())
            frame = one.frame.loc[~one.frame.index.isin(list(gone))]
            series.append(type(one)(one.symbol, one.interval, frame))
        return write_candles(Market(series), folder)


def bundle_name(version: str, cut_off: datetime = CUT_OFF) -> str:
    """Return the name of a version's bundle."""
    return f"{DEPLOYMENT}_{version}_{cut_off:%Y%m%d}"


def make_signal_lab(
    root: Path, *, champion: str = "v2_7", cut_off: datetime = CUT_OFF
) -> SignalLab:
    """Fit and write all three bundles, and name one as the first champion."""
    models = root / "models"
    text = (ROOT / "config" / "signal.toml").read_text(encoding="utf-8")
    for recipe in parse_recipe(text, what="signal.toml").versions:
        _write(models / bundle_name(str(recipe.recipe), cut_off), _small(recipe), cut_off)
    name = bundle_name(champion, cut_off)
    known = digest((models / name / MANIFEST).read_bytes())
    first = f'[{DEPLOYMENT}]\nbundle = "{name}"\ndigest = "{known}"\n'
    (models / "champions.toml").write_text(first, encoding="utf-8")
    return SignalLab(write_candles(market(), root / "candles"), models, cut_off)


def _small(recipe: Recipe) -> Recipe:
    train = {"oof_from": START.date(), "score_from": START.date()}
    sizes = {"rounds": 12, "min_weight": 5.0, "l2": 1.0}
    return recipe.model_copy(
        update={
            "train": recipe.train.model_copy(update=train),
            "members": {name: {**table, **sizes} for name, table in recipe.members.items()},
            "serving": recipe.serving.model_copy(update={"daily_candles": 60}),
        }
    )


def _write(folder: Path, recipe: Recipe, cut_off: datetime) -> None:
    learners = make_learners(recipe)
    view = market().as_of(cut_off + HOUR)
    materials = build_materials(view, recipe, learners.values())
    rules = {name: _rule(tuple(learners)) for name in recipe.target.candidates}
    forecasters = final_fit(materials, recipe, learners, rules, progress())
    features = {name: materials.own(table) for name, table in materials.features.items()}
    files = bundle_files(folder.name, recipe, forecasters, features, cut_off=cut_off, shortest=30)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _rule(members: tuple[str, ...]) -> Rule:
    return Rule(
        members[0], members, (-1, 1), SingleMember(members[0]), PredictionSets(0.8, 0.6, 500)
    )
