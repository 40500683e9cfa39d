"""What the learners are trained on: features, labels and daily variance of one as-of view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd

from forecastlab.contracts.candles import Market, MarketView
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.ports import CandleArchive, Progress
from forecastlab.evaluation.splits import Fold
from forecastlab.features.build import build_panel
from forecastlab.features.realised import daily_variance
from forecastlab.models.base import Learner, TrainingSet
from forecastlab.targets.catalogue import target_from_name

_INTERVALS: tuple[Interval, ...] = ("1d", "4h", "1h")


@dataclass(frozen=True, eq=False)
class Materials:
    """Everything known at `until`, in tables; folds cut their training sets out of it.

    Attributes:
        features: feature set -> rows, index (`symbol`, `open_time`), complete.
        labels: candidate -> `label`, `as_of`, `resolves_at`, index (`symbol`, `open_time`).
        daily: `features.realised.daily_variance` of all symbols, index (`symbol`, `open_time`).
    """

    symbol: str
    until: datetime
    features: Mapping[str, pd.DataFrame]
    labels: Mapping[str, pd.DataFrame]
    daily: pd.DataFrame

    def own(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the forecast symbol's rows, index `open_time`."""
        own: pd.DataFrame = table.xs(self.symbol, level="symbol")  # type: ignore[assignment]
        return own

    def for_candidates(self, candidates: Iterable[str]) -> Materials:
        """Return the same with these candidates' labels alone, to be sent to a worker."""
        return replace(self, labels={name: self.labels[name] for name in candidates})

    def training_set(self, candidate: str, fold: Fold) -> TrainingSet:
        """Return what a fold's refit may see: nothing that was unknown at `fold.refit`."""
        return self.training_sets((candidate,), fold)[candidate]

    def training_sets(self, candidates: Iterable[str], fold: Fold) -> dict[str, TrainingSet]:
        """Return the same for several candidates, which share all tables but the labels."""
        closed = pd.Timestamp(fold.refit) - timedelta(days=1)
        features = {name: _opened_by(table, closed) for name, table in self.features.items()}
        daily = _opened_by(self.daily, closed)
        return {
            candidate: TrainingSet(
                symbol=self.symbol,
                target=target_from_name(candidate),
                until=fold.refit,
                features=features,
                labels=fold.training(self.labels[candidate]),
                daily=daily,
            )
            for candidate in candidates
        }


def read_training_market(
    archive: CandleArchive, recipe: Recipe, last_open: datetime, progress: Progress
) -> Market:
    """Read all candles of the recipe's symbols up to the day that opens at `last_open`."""
    pairs = [(symbol, interval) for symbol in recipe.train.symbols for interval in _INTERVALS]
    series = []
    with progress.track("read candles", len(pairs)) as bar:
        for symbol, interval in pairs:
            last = last_open + timedelta(hours=23) if interval != "1d" else last_open
            series.append(archive.read(symbol, interval, None, last))
            bar.advance()
    return Market(series)


def market_digest(market: Market) -> str:
    """Return one digest over all candles of a market."""
    return digest("\n".join(one.digest() for one in market.series()).encode())


def build_materials(view: MarketView, recipe: Recipe, learners: Iterable[Learner]) -> Materials:
    """Build features, labels and daily variance from what was known at the view's as-of.

    Raises:
        DataUnavailable: the forecast symbol has no complete feature row.
    """
    symbols = recipe.train.symbols
    features = {
        name: build_panel(view, symbols, name, variant=variant_of(recipe, name))
        for name in dict.fromkeys(learner.feature_set for learner in learners)
    }
    for name, table in features.items():
        if recipe.symbol not in table.index.get_level_values("symbol"):
            raise DataUnavailable(
                f"{recipe.symbol} has no complete row of the feature set {name}.",
                remedy="Bring more history of its 1d and 1h candles.",
            )
    daily = {symbol: view.candles(symbol, "1d") for symbol in symbols}
    return Materials(
        symbol=recipe.symbol,
        until=view.as_of,
        features=features,
        labels={
            candidate: _stacked(
                {s: target_from_name(candidate).labels(c) for s, c in daily.items()}
            )
            for candidate in recipe.target.candidates
        },
        daily=_stacked({symbol: daily_variance(view, symbol) for symbol in symbols}),
    )


def variant_of(recipe: Recipe, feature_set: str) -> str:
    """Return the variant of a feature set: the recipe names its own set's, others are raw.

    >>> from forecastlab.contracts.config import FeatureTable
    >>> class Any: features = FeatureTable(set="flow", variant="scaled")
    >>> variant_of(Any, "flow"), variant_of(Any, "variance")
    ('scaled', 'raw')
    """
    return recipe.features.variant if feature_set == recipe.features.set else "raw"


def _stacked(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(dict(tables), names=["symbol", "open_time"])


def _opened_by(table: pd.DataFrame, last_open: pd.Timestamp) -> pd.DataFrame:
    return table.loc[table.index.get_level_values("open_time") <= last_open]
