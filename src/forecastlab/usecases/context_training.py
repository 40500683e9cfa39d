"""The regime and quantile models of a bundle: walked forward to be scored, then fitted to serve."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from forecastlab.contracts.candles import Candles, MarketView
from forecastlab.contracts.config import ContextTable, Recipe, midnight
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, per_day
from forecastlab.contracts.ports import Progress
from forecastlab.evaluation.context_scores import chance_score, context_document, coverage
from forecastlab.evaluation.splits import Fold, walk_forward
from forecastlab.features.build import build_features
from forecastlab.models.context import FEATURE_SETS, Context, ContextTraining, fit_context
from forecastlab.models.quantile import HORIZONS
from forecastlab.models.regime import PARTS
from forecastlab.targets.quantile import ForwardReturn
from forecastlab.targets.regime import ForwardRange, ForwardTrend
from forecastlab.usecases.training_materials import feature_key

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class TrainedContext:
    """The context that is served; its out-of-sample scores and faults for the manifest."""

    context: Context
    evaluation: dict[str, Any]
    faults: tuple[str, ...] = ()


def train_context(view: MarketView, recipe: Recipe, progress: Progress) -> TrainedContext | None:
    """Fit the context of a recipe's symbol, and score it as it would have been at the time.

    None where the recipe asks for none, or the symbol's history is too short for it.
    """
    if recipe.context is None:
        return None
    candles = view.candles(recipe.symbol, recipe.interval)
    rows = context_rows(view, recipe)
    try:
        walked = _walk(candles, rows, recipe, recipe.context, progress)
        context = _fitted(candles, rows, recipe.context, view.as_of, recipe.train.seed)
    except DataUnavailable as error:
        log.warning("the bundle will say nothing of regime and quantiles: %s", error.facts)
        return None
    return TrainedContext(context, _scores(candles, walked), context.faults(rows))


def context_rows(view: MarketView, recipe: Recipe) -> dict[str, pd.DataFrame]:
    """Return the complete rows that a context reads, by feature set."""
    return {
        name: build_features(view, recipe.symbol, feature_key(recipe, name)).dropna()
        for name in FEATURE_SETS
    }


def _walk(
    candles: Candles,
    rows: Mapping[str, pd.DataFrame],
    recipe: Recipe,
    table: ContextTable,
    progress: Progress,
) -> dict[str, pd.DataFrame]:
    """Return the out-of-fold chances (`regime`) and quantiles (by horizon) of all folds."""
    folds = walk_forward(
        midnight(recipe.train.score_from),
        candles.last_open,
        step=table.refit_days * per_day(recipe.interval),
        interval=recipe.interval,
    )
    parts: dict[str, list[pd.DataFrame]] = {}
    with progress.track("regime and quantiles", len(folds)) as bar:
        for fold in folds:
            context = _fitted(candles, rows, table, fold.refit, recipe.train.seed)
            for name, forecast in _forecasts(context, rows, fold).items():
                parts.setdefault(name, []).append(forecast)
            bar.advance()
    return {name: pd.concat(tables) for name, tables in parts.items()}


def _fitted(
    candles: Candles,
    rows: Mapping[str, pd.DataFrame],
    table: ContextTable,
    refit: datetime,
    seed: int,
) -> Context:
    known = pd.Timestamp(refit) - DURATION[candles.interval]
    cut = {name: one.loc[one.index <= known] for name, one in rows.items()}
    training = ContextTraining(candles.until(refit), cut, table.fit_every)
    return fit_context(training, seed=seed)


def _forecasts(
    context: Context, rows: Mapping[str, pd.DataFrame], fold: Fold
) -> dict[str, pd.DataFrame]:
    chances = context.regime.predict(fold.test(rows["regime"]))
    quantiles = context.quantiles.predict(fold.test(rows["quantile"]))
    return {"regime": chances, **{str(horizon): one for horizon, one in quantiles.items()}}


def _scores(candles: Candles, walked: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    wide, trend = ForwardRange(), ForwardTrend()
    labels = {PARTS[0]: (wide.labels(candles), wide.horizon)}
    labels[PARTS[1]] = (trend.labels(candles), trend.horizon)
    quantiles = {
        horizon: coverage(
            walked[str(horizon)], ForwardReturn(horizon).values(candles)["value"], horizon=horizon
        )
        for horizon in HORIZONS
    }
    chances = {
        part: chance_score(walked["regime"][part], table["label"], horizon=horizon)
        for part, (table, horizon) in labels.items()
    }
    return context_document(quantiles, chances)
