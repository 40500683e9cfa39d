"""The tester is tested: leaks planted on purpose, each beside clean code of the same shape.

To plant another one, add a line to `PLANTED`: where it goes, the leak, its clean twin, and the
checks that must catch it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles, Market, MarketView
from forecastlab.evaluation.leakage.availability import availability, candles_of, rows_of
from forecastlab.evaluation.leakage.findings import Check, CheckReport
from forecastlab.evaluation.leakage.label_window import label_window
from forecastlab.evaluation.leakage.null_controls import null_controls
from forecastlab.evaluation.leakage.poison import poison
from forecastlab.evaluation.leakage.purge import labels_out_of_reach, purged
from forecastlab.evaluation.leakage.start_up import start_up
from forecastlab.evaluation.leakage.subject import Subject
from forecastlab.evaluation.leakage.truncation import truncation
from forecastlab.evaluation.splits import Fold, walk_forward
from forecastlab.targets.reversal import ReversalTarget
from tests.support.synthetic import START, synthetic_market

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAYS, HORIZON, SYMBOL = 300, 5, "BTCUSDT"
TARGET = ReversalTarget(HORIZON, 0.03)
AS_OFS = [
    START + days * DAY + hours * HOUR for days, hours in ((90, 0), (151, 9), (220, 0), (299, 23))
]
WINDOW = 120
"""Days that serving reads in the test of the start-up."""


@lru_cache
def market() -> Market:
    return synthetic_market(DAYS, seed=3)


@lru_cache
def view() -> MarketView:
    return market().as_of(START + DAYS * DAY)


@lru_cache
def folds() -> tuple[Fold, ...]:
    return walk_forward(START + 150 * DAY, START + 280 * DAY, step=21, interval="1d")


def closes(one: MarketView) -> pd.DataFrame:
    return one.candles(SYMBOL, "1d").frame[["close"]]


def returns(one: MarketView) -> pd.DataFrame:
    return closes(one).pct_change()


def with_holes(one: MarketView) -> pd.DataFrame:
    """Return volumes, missing on even days, as those of an illiquid market."""
    volume = one.candles(SYMBOL, "1d").frame["volume"]
    return volume.where(np.asarray(volume.index.day % 2 == 1)).to_frame()


def four_hours(one: MarketView, *, known_by: str) -> pd.DataFrame:
    """Join the newest 4h close to each daily candle; `known_by` its open or its close."""
    daily, blocks = one.candles(SYMBOL, "1d"), one.candles(SYMBOL, "4h")
    instants = blocks.frame.index if known_by == "open" else blocks.available_at
    place = instants.searchsorted(daily.available_at, side="right") - 1
    values = blocks.frame["close"].to_numpy()[place]
    return pd.DataFrame({"close_4h": values}, index=daily.frame.index)


def shown_by_open(whole: Market, instant: datetime) -> MarketView:
    """Show the 4h candle that is still open at an instant, next to what was known then."""
    honest = whole.as_of(instant)
    series = {(one.symbol, one.interval): one for one in whole.series()}
    known = {key: honest.candles(*key) for key in series}
    return MarketView(
        instant, {**known, (SYMBOL, "4h"): series[SYMBOL, "4h"].between(START, instant)}
    )


def backward_label(candles: Candles) -> pd.DataFrame:
    """Label as the original of the reversal lab did: its window closes t−T+2 … t+1."""
    close = candles.frame["close"]
    ahead = close.shift(-1).rolling(HORIZON)
    fell, rose = (close - ahead.min()) / close, (ahead.max() - close) / close
    label = pd.Series(np.where(rose >= 0.03, 1, np.where(fell >= 0.03, -1, 0)), index=close.index)
    return dated(label[ahead.max().notna()])


def dated(label: pd.Series) -> pd.DataFrame:
    as_of = pd.DatetimeIndex(label.index + DAY)
    return pd.DataFrame({"label": label, "as_of": as_of, "resolves_at": as_of + HORIZON * DAY})


def gappy_label(candles: Candles) -> pd.DataFrame:
    """Label rows whose window is not whole yet as "neither", instead of leaving them out."""
    whole = TARGET.labels(candles)["label"]
    return dated(whole.reindex(candles.frame.index, fill_value=0))


@lru_cache
def labels() -> pd.DataFrame:
    own = TARGET.labels(market().as_of(START + DAYS * DAY).candles(SYMBOL, "1d"))
    return pd.concat({SYMBOL: own}, names=["symbol", "open_time"])


def stopped(every: pd.DataFrame, fold: Fold, stop: pd.DataFrame) -> pd.DataFrame:
    """Forecast from yesterday's return, as strongly as the labels `stop` like it best."""
    signal = returns(view())["close"].fillna(0.0).to_numpy() * 20
    place = view().candles(SYMBOL, "1d").frame.index.get_indexer

    def probabilities(opens: pd.Index, strength: float) -> np.ndarray:
        rates = np.bincount(fold.training(every)["label"] + 1, minlength=3) + 1.0
        odds = np.log(rates) + strength * np.outer(signal[place(opens)], (-1, 0, 1))
        return np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)

    def loss(strength: float) -> float:
        found = probabilities(stop.index.get_level_values("open_time"), strength)
        happened = stop["label"].to_numpy() + 1
        return -float(np.log(found[np.arange(len(stop)), happened]).mean())

    opens = fold.test(every).index.get_level_values("open_time")
    best = min(np.linspace(-3, 3, 61), key=loss)
    return pd.DataFrame(probabilities(opens, best), index=opens, columns=["-1", "0", "1"])


def encoded(every: pd.DataFrame, fold: Fold, known: pd.DataFrame) -> pd.DataFrame:
    """Forecast the mean label of the day of the week among the labels `known`."""
    weekday = known.index.get_level_values("open_time").day_of_week
    means = known["label"].groupby(np.asarray(weekday)).mean()
    opens = fold.test(every).index.get_level_values("open_time")
    return pd.DataFrame({"encoded": means.reindex(opens.day_of_week).to_numpy()}, index=opens)


def block(every: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    return fold.test(every)


def newest(every: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    return fold.training(every).iloc[-30:]


def overlapping(every: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """Learn from every row before the test block, whether its label has resolved or not."""
    return every.loc[every["as_of"] < pd.Timestamp(fold.refit)]


def verdicts(better: int) -> Iterator[dict[str, str]]:
    return iter([{"T5_X3": "better" if seed < better else "worse"} for seed in range(20)])


def features(function: Any) -> list[CheckReport]:
    subject = Subject("planted", "1d", function)
    return [truncation(subject, view(), AS_OFS), poison(subject, view(), AS_OFS, seed=1)]


def decisions(function: Any) -> list[CheckReport]:
    subject = Subject("planted", "1d", function)
    found = truncation(subject, view(), AS_OFS, check="L3")
    return [found, poison(subject, view(), AS_OFS, seed=1, check="L3")]


def views(function: Any) -> list[CheckReport]:
    return [
        availability(one for t in AS_OFS for one in candles_of("planted", function(market(), t), t))
    ]


def tables(function: Any) -> list[CheckReport]:
    rows = [(function(labels(), fold), fold.refit) for fold in folds()]
    return [availability(one for t, at in rows for one in rows_of("planted", t, "1d", at))]


def label_rule(function: Any) -> list[CheckReport]:
    candles = view().candles(SYMBOL, "1d")
    return [label_window("planted", function, candles, horizon=HORIZON, seed=1)]


def training(function: Any) -> list[CheckReport]:
    learnt = ((fold, function(labels(), fold)) for fold in folds())
    return [purged("planted", learnt, horizon=HORIZON, embargo=0, interval="1d")]


def fit_predict(function: Any) -> list[CheckReport]:
    return [labels_out_of_reach(function, labels(), folds(), classes=(-1, 0, 1))]


def serving(function: Any) -> list[CheckReport]:
    subject = Subject("planted", "1d", function)
    return [start_up(subject, view(), [START + 250 * DAY], window=WINDOW).report]


def controls(function: Any) -> list[CheckReport]:
    return [null_controls("a test", function())]


@dataclass(frozen=True)
class Planted:
    """A leak, the part of the pipeline that it is planted in, and its clean twin."""

    name: str
    part: Callable[[Any], list[CheckReport]]
    leak: Callable[..., Any]
    clean: Callable[..., Any]
    caught_by: Sequence[Check]


# fmt: off
PLANTED = (
    Planted("shift(-1)", features, lambda v: returns(v).shift(-1), lambda v: returns(v).shift(1), ["L1", "L2"]),
    Planted("centred mean", features, lambda v: closes(v).rolling(3, center=True).mean(), lambda v: closes(v).rolling(3).mean(), ["L1", "L2"]),
    Planted("global z-score", features, lambda v: (closes(v) - closes(v).mean()) / closes(v).std(), lambda v: (closes(v) - closes(v).expanding().mean()) / closes(v).expanding().std(), ["L1", "L2"]),
    Planted("back-fill", features, lambda v: with_holes(v).bfill(), lambda v: with_holes(v).ffill(), ["L1", "L2"]),
    Planted("an open 4h candle in a feature", features, lambda v: four_hours(v, known_by="open"), lambda v: four_hours(v, known_by="close"), ["L1", "L2"]),
    Planted("an open 4h candle in a view", views, shown_by_open, Market.as_of, ["L4"]),
    Planted("rows after the refit", tables, block, newest, ["L4"]),
    Planted("probabilities ranked over all rows", decisions, lambda v: closes(v).rank(pct=True), lambda v: closes(v).expanding().rank(pct=True), ["L3"]),
    Planted("label overlap", training, overlapping, lambda every, fold: fold.training(every), ["L5"]),
    Planted("target encoding on all rows", fit_predict, lambda every, fold: encoded(every, fold, every), lambda every, fold: encoded(every, fold, fold.training(every)), ["L5"]),
    Planted("early stopping on the scored block", fit_predict, lambda every, fold: stopped(every, fold, block(every, fold)), lambda every, fold: stopped(every, fold, newest(every, fold)), ["L5"]),
    Planted("the original's backward label", label_rule, backward_label, TARGET.labels, ["L6"]),
    Planted("an unfinished window counted as neither", label_rule, gappy_label, TARGET.labels, ["L6"]),
    Planted("a window of 4 closes under the name of 5", label_rule, lambda c: dated(ReversalTarget(4, 0.03).labels(c)["label"]), TARGET.labels, ["L6"]),
    Planted("a memory longer than serving reads", serving, lambda v: closes(v).ewm(com=60).mean(), lambda v: closes(v).rolling(60).mean(), ["L7"]),
    Planted("better where there is nothing", controls, lambda: verdicts(4), lambda: verdicts(3), ["L8"]),
)
# fmt: on
