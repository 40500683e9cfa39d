"""The program's own code as the leak prover takes it: functions of a view, of labels and a fold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, get_args

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.ports import Step
from forecastlab.contracts.records import Call
from forecastlab.evaluation.call import read_call
from forecastlab.evaluation.leakage.altered_views import only, trimmed
from forecastlab.evaluation.leakage.subject import Subject
from forecastlab.evaluation.splits import Fold
from forecastlab.features.build import build_features
from forecastlab.models.base import Learner
from forecastlab.models.base_rate import trailing_rate
from forecastlab.models.ensemble import EnsembleForecast, Forecaster
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.serving_window import Series
from forecastlab.usecases.training_materials import Materials, build_materials, feature_key
from forecastlab.usecases.walk_forward import out_of_fold, shared_opens

_CALLS: Final = get_args(Call)

_TAIL: Final = 24
"""Rows before each as-of that are asked for: what is to come shows first in the newest ones."""

_STRIDE: Final = 293
"""Of the rows elsewhere one in so many: what knows the whole history shows in any of them. No
divisor in common with 24, so every hour of the day has its turn."""


class Quiet:
    """Progress of a step that is repeated many times: silence."""

    def track(self, label: str, total: int) -> AbstractContextManager[Step]:  # noqa: ARG002
        """Give a bar that nobody sees."""
        return nullcontext(self)

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""


def feature_subjects(recipe: Recipe, feature_sets: Iterable[str]) -> list[Subject]:
    """Return the features of every symbol that the recipe learns from."""

    def rows(view: MarketView, *, symbol: str, name: str) -> pd.DataFrame:
        return build_features(view, symbol, feature_key(recipe, name))

    return [
        Subject(f"{symbol} {name}", recipe.interval, partial(rows, symbol=symbol, name=name))
        for symbol in recipe.train.symbols
        for name in dict.fromkeys(feature_sets)
    ]


Asked = Callable[[pd.DatetimeIndex], pd.DatetimeIndex]
"""Of the rows that could be forecast, those that are; by their opens."""


def all_rows(opens: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Ask for every row."""
    return opens


def newest_row(opens: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Ask for the last row alone."""
    return opens[-1:]


def sampled_rows(as_ofs: Iterable[datetime], interval: Interval) -> Asked:
    """Ask for the last `_TAIL` rows known at each as-of, and for every `_STRIDE`-th of all rows.

    Which rows these are depends on no candle, so that altered candles cannot choose them.

    >>> hours = pd.date_range("2024-01-01", periods=100, freq="h", tz="UTC")
    >>> asked = sampled_rows([hours[50].to_pydatetime()], "1h")
    >>> kept = asked(hours)
    >>> len(kept), kept[1] - kept[0], hours[49] in kept, hours[50] in kept
    (24, Timedelta('0 days 01:00:00'), True, False)
    """
    step = DURATION[interval]
    tails = [(pd.Timestamp(one) - _TAIL * step, pd.Timestamp(one)) for one in as_ofs]

    def asked(opens: pd.DatetimeIndex) -> pd.DatetimeIndex:
        numbers = opens.as_unit("ms").asi8 // (step // timedelta(milliseconds=1))
        kept = numbers % _STRIDE == 0
        for first, end in tails:
            kept |= np.asarray((opens >= first) & (opens < end))
        return pd.DatetimeIndex(opens[kept])

    return asked


def forecast_subject(
    recipe: Recipe, forecasters: Mapping[str, Forecaster], *, asked: Asked = all_rows
) -> Subject:
    """Return every candidate's probabilities and decisions, from candles on.

    Columns, each after its candidate's name: `published[<class>]`, `<member>[<class>]`,
    `set[<class>]` (0 or 1), `label`, and `call`, numbered, as it would be read with proven skill.
    """
    sets = dict.fromkeys(name for one in forecasters.values() for name in one.feature_sets)

    def rows(view: MarketView) -> pd.DataFrame:
        tables = {
            name: build_features(view, recipe.symbol, feature_key(recipe, name)).dropna()
            for name in sets
        }
        opens = asked(shared_opens(one.answerable(tables) for one in forecasters.values()))
        if opens.empty:
            return pd.DataFrame(index=opens)
        said = {name: one.forecast(tables, opens) for name, one in forecasters.items()}
        return pd.concat(
            [
                side_by_side({name: {"published": one.published, **one.members}})
                for name, one in said.items()
            ]
            + [_decisions(view, recipe, name, one) for name, one in said.items()],
            axis=1,
        )

    return Subject(recipe.symbol, recipe.interval, rows)


def _decisions(
    view: MarketView, recipe: Recipe, candidate: str, said: EnsembleForecast
) -> pd.DataFrame:
    """Return what is read off a candidate's forecasts, as numbers."""
    target = target_from_name(candidate)
    published = said.published.loc[:, list(target.classes)]
    labels = target.labels(view.candles(recipe.symbol, recipe.interval))
    as_ofs = pd.DatetimeIndex(published.index + DURATION[recipe.interval])
    rates = trailing_rate(labels, as_ofs, target.classes)
    calls = [
        read_call(
            dict(zip(target.classes, row, strict=True)),
            dict(zip(target.classes, rate, strict=True)),
            verdict="better",
            direction_verdict="better",
        )
        for row, rate in zip(published.to_numpy().tolist(), rates.to_numpy().tolist(), strict=True)
    ]
    decisions = {
        "label": published.idxmax(axis=1).astype("int64"),
        "call": [_CALLS.index(one) for one in calls],
        **{f"set[{label}]": [float(label in one) for one in said.sets] for label in target.classes},
    }
    return pd.DataFrame(decisions, index=published.index).add_prefix(f"{candidate} ")


def serving_view(view: MarketView, days: int, *, series: tuple[Series, ...]) -> MarketView:
    """Return what serving reads at the view's as-of, of a window of `days`."""
    return trimmed(only(view, series), days)


def fold_forecasts(
    materials: Materials, recipe: Recipe, learners: Mapping[str, Learner], fold: Fold
) -> pd.DataFrame:
    """Return every candidate's forecasts of one fold, through the walk-forward itself.

    Index `open_time`, columns `<candidate> <member>[<class>]`.
    """
    known = replace(materials, until=fold.last_open + DURATION[recipe.interval])
    found = out_of_fold(known, recipe, learners, Quiet(), folds=(fold,))
    return side_by_side({name: one.members for name, one in found.items()})


def side_by_side(found: Mapping[str, Mapping[str, pd.DataFrame]]) -> pd.DataFrame:
    """Lay candidates' members beside each other, columns `<candidate> <member>[<class>]`.

    >>> table = pd.DataFrame({-1: [0.5], 1: [0.5]})
    >>> list(side_by_side({"T1_X8": {"gbm": table}}).columns)
    ['T1_X8 gbm[-1]', 'T1_X8 gbm[1]']
    """
    tables = [
        table.add_prefix(f"{candidate} {member}[").add_suffix("]")
        for candidate, members in found.items()
        for member, table in members.items()
    ]
    return pd.concat(tables, axis=1)


def refit_subject(recipe: Recipe, learners: Mapping[str, Learner], fold: Fold) -> Subject:
    """Return the forecasts of one fold as a function of candles: features, labels, fits and all."""

    def rows(view: MarketView) -> pd.DataFrame:
        materials = build_materials(view, recipe, learners.values())
        return fold_forecasts(materials, recipe, learners, fold)

    return Subject(f"fold {fold.number}", recipe.interval, rows)
