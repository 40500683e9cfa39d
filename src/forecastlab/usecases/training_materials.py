"""What the learners are trained on: features, labels and daily variance of one as-of view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import pandas as pd

from forecastlab.contracts.candles import Market, MarketView
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, Interval, last_closed_open
from forecastlab.contracts.ports import CandleArchive, FundingArchive, Progress
from forecastlab.evaluation.splits import Fold
from forecastlab.features.build import build_panel
from forecastlab.features.feature import FeatureKey
from forecastlab.features.realised import daily_variance
from forecastlab.features.signal import series_read, version_of
from forecastlab.models.base import Learner, TrainingSet
from forecastlab.models.known_tables import KnownTables, opened_by
from forecastlab.targets.catalogue import target_from_name

_INTERVALS: tuple[Interval, ...] = ("1d", "4h", "1h")

_KIND: Final = "/"
"""Parts a set's name from its variant, where a member's table names both: `direction/scaled`."""


@dataclass(frozen=True, eq=False)
class Materials:
    """Everything known at `until`, in tables; folds cut their training sets out of it.

    Attributes:
        features: feature set -> rows, index (`symbol`, `open_time`), complete.
        labels: candidate -> `label`, `as_of`, `resolves_at`, index (`symbol`, `open_time`).
        daily: `features.realised.daily_variance` of all symbols, index (`symbol`, `open_time`);
            empty where the rows are not daily.
        fit_every: of the labels, every so many-th candle's may be learnt from.
    """

    symbol: str
    interval: Interval
    until: datetime
    features: Mapping[str, pd.DataFrame]
    labels: Mapping[str, pd.DataFrame]
    daily: pd.DataFrame
    fit_every: int = 1

    @property
    def last_open(self) -> datetime:
        """Open of the newest candle that was known."""
        return self.until - DURATION[self.interval]

    def own(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the forecast symbol's rows, index `open_time`."""
        own: pd.DataFrame = table.xs(self.symbol, level="symbol")  # type: ignore[assignment]
        return own

    def for_candidates(self, candidates: Iterable[str]) -> Materials:
        """Return the same with these candidates' labels alone, to be sent to a worker."""
        return replace(self, labels={name: self.labels[name] for name in candidates})

    def training_set(
        self, candidate: str, fold: Fold, feature_sets: Iterable[str] | None = None
    ) -> TrainingSet:
        """Return what a fold's refit may see: nothing that was unknown at `fold.refit`."""
        return self.training_sets((candidate,), fold, feature_sets)[candidate]

    def training_sets(
        self, candidates: Iterable[str], fold: Fold, feature_sets: Iterable[str] | None = None
    ) -> dict[str, TrainingSet]:
        """Return the same for several candidates, which share all tables but the labels.

        Args:
            feature_sets: only these; None for all.
        """
        closed = pd.Timestamp(fold.refit) - DURATION[self.interval]
        wanted = self.features if feature_sets is None else dict.fromkeys(feature_sets)
        features = KnownTables({name: self.features[name] for name in wanted}, closed)
        daily = opened_by(self.daily, pd.Timestamp(fold.refit) - DURATION["1d"])
        return {
            candidate: TrainingSet(
                symbol=self.symbol,
                target=target_from_name(candidate),
                until=fold.refit,
                features=features,
                labels=self._learnt(fold.training(self.labels[candidate])),
                daily=daily,
            )
            for candidate in candidates
        }

    def _learnt(self, labels: pd.DataFrame) -> pd.DataFrame:
        """Return the labels that are learnt from: overlapping ones say little that is new."""
        if self.fit_every == 1:
            return labels
        opens = pd.DatetimeIndex(labels.index.get_level_values("open_time")).as_unit("ms").asi8
        number = opens // (DURATION[self.interval] // timedelta(milliseconds=1))
        learnt: pd.DataFrame = labels.loc[number % self.fit_every == 0]
        return learnt


def read_training_market(
    archive: CandleArchive, recipe: Recipe, last_open: datetime, progress: Progress
) -> Market:
    """Read the candles of the recipe's symbols that are closed when the one at `last_open` is."""
    pairs = [(symbol, interval) for symbol in market_symbols(recipe) for interval in _INTERVALS]
    closed = last_open + DURATION[recipe.interval]
    series = []
    with progress.track("read candles", len(pairs)) as bar:
        for symbol, interval in pairs:
            last = last_closed_open(closed, interval)
            series.append(archive.read(symbol, interval, None, last))
            bar.advance()
    return Market(series, funding_rates(archive, recipe))


def funding_rates(archive: CandleArchive, recipe: Recipe) -> dict[str, pd.Series]:
    """Return the funding rates of a recipe's symbols, if it reads any.

    Raises:
        DataUnavailable: the recipe reads them, and the source has none.
    """
    if not recipe.features.funding:
        return {}
    if not isinstance(archive, FundingArchive):
        raise DataUnavailable(
            f"{recipe.name} reads funding rates, and this source has none.",
            remedy="Set `funding = false` in the recipe, or name a --source with extras/.",
        )
    return {symbol: archive.funding(symbol) for symbol in market_symbols(recipe)}


def market_symbols(recipe: Recipe) -> tuple[str, ...]:
    """Return every symbol whose candles a recipe reads, the forecast one first."""
    return tuple(dict.fromkeys((recipe.symbol, *recipe.train.symbols, *recipe.references)))


def serving_series(recipe: Recipe) -> tuple[tuple[str, Interval], ...]:
    """Return the series that a forecast reads, the symbol's own first.

    A daily recipe looks at its symbol alone; a version of the signal reads what its features do and
    the days by which windows are counted; others read every symbol that they learn from, and the
    longer candles that were closed.
    """
    version = version_of(recipe.features.set)
    if version is not None:
        own, *others = series_read(version, recipe.symbol, recipe.features.references)
        return (own, (recipe.symbol, "1d"), *others)
    if recipe.interval == "1d" and not recipe.references:
        return ((recipe.symbol, "1d"), (recipe.symbol, "1h"))
    return tuple((symbol, one) for symbol in market_symbols(recipe) for one in _INTERVALS)


def market_digest(market: Market) -> str:
    """Return one digest over all candles of a market."""
    return digest("\n".join(one.digest() for one in market.series()).encode())


def build_materials(view: MarketView, recipe: Recipe, learners: Iterable[Learner]) -> Materials:
    """Build features, labels and daily variance from what was known at the view's as-of.

    Raises:
        DataUnavailable: the forecast symbol has no complete feature row.
    """
    read_by: dict[str, list[str]] = {}
    for learner in learners:
        read_by.setdefault(learner.feature_set, []).extend(_pooled(learner, recipe))
    features = {
        name: build_panel(view, dict.fromkeys((recipe.symbol, *symbols)), feature_key(recipe, name))
        for name, symbols in read_by.items()
    }
    for name, table in features.items():
        if recipe.symbol not in table.index.get_level_values("symbol"):
            raise DataUnavailable(
                f"{recipe.symbol} has no complete row of the feature set {name}.",
                remedy="Bring more history of its candles.",
            )
    symbols = recipe.train.symbols
    candles = {symbol: view.candles(symbol, recipe.interval) for symbol in symbols}
    daily = {symbol: daily_variance(view, symbol) for symbol in symbols}
    return Materials(
        symbol=recipe.symbol,
        interval=recipe.interval,
        until=view.as_of,
        features=features,
        labels={
            candidate: _stacked(
                {s: target_from_name(candidate).labels(c) for s, c in candles.items()}
            )
            for candidate in recipe.target.candidates
        },
        daily=_stacked(daily) if recipe.interval == "1d" else _stacked(daily).iloc[:0],
        fit_every=recipe.train.fit_every,
    )


def _pooled(learner: Learner, recipe: Recipe) -> tuple[str, ...]:
    """Return the symbols that a learner pools; those of the recipe where it does not say."""
    return tuple(getattr(learner, "symbols", recipe.train.symbols))


def feature_key(recipe: Recipe, feature_set: str) -> FeatureKey:
    """Return the key of a feature set that a member of the recipe reads.

    The recipe names its own set's variant; a member may name another set with a variant, as in
    `direction/scaled`; a set without one is raw.

    >>> from forecastlab.contracts.config import FeatureTable
    >>> class Any:
    ...     interval, references = "1d", ()
    ...     features = FeatureTable(set="flow", variant="scaled")
    >>> feature_key(Any, "flow").variant, feature_key(Any, "variance").variant
    ('scaled', 'raw')
    """
    name, _, variant = feature_set.partition(_KIND)
    own = recipe.features.variant if name == recipe.features.set else "raw"
    chosen = variant or own
    # Some sets look at the market as a whole, its own symbol included.
    whole = chosen == "scaled" or version_of(name) is not None
    market = recipe.features.references if whole else recipe.references
    return FeatureKey(name, chosen, recipe.interval, market, recipe.features.funding)


def _stacked(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(dict(tables), names=["symbol", "open_time"])
