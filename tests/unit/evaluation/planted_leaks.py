"""The tester is tested: leaks planted on purpose, each beside clean code of the same shape.

To plant another one, add a line to `PLANTED`: where it goes, the leak, its clean twin, and the
checks that must catch it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, get_args

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
CLASSES = (-1, 0, 1)

WINDOW = 120
"""Days that serving reads in the test of the start-up."""

AS_OFS = [
    START + days * DAY + hours * HOUR for days, hours in ((90, 0), (151, 9), (220, 0), (299, 23))
]

Part = Callable[[Callable[..., Any]], list[CheckReport]]
"""Where a leak is planted: takes the function under test, returns what the checks say of it."""


@dataclass(frozen=True)
class Planted:
    """A leak, the part of the pipeline that it is planted in, and its clean twin."""

    name: str
    part: Part
    leak: Callable[..., Any]
    clean: Callable[..., Any]
    checks: str

    @property
    def caught_by(self) -> set[Check]:
        """The checks that must catch it."""
        return {check for check in get_args(Check) if check in self.checks}


@lru_cache
def market() -> Market:
    return synthetic_market(DAYS, seed=3)


@lru_cache
def view() -> MarketView:
    return market().as_of(START + DAYS * DAY)


@lru_cache
def labels() -> pd.DataFrame:
    own = TARGET.labels(view().candles(SYMBOL, "1d"))
    return pd.concat({SYMBOL: own}, names=["symbol", "open_time"])


@lru_cache
def folds() -> tuple[Fold, ...]:
    return walk_forward(START + 150 * DAY, START + 280 * DAY, step=21, interval="1d")


# The parts: each hands a function to the checks that are there for it.


def features(function: Callable[..., Any]) -> list[CheckReport]:
    subject = Subject("planted", "1d", function)
    return [truncation(subject, view(), AS_OFS), poison(subject, view(), AS_OFS, seed=1)]


def decisions(function: Callable[..., Any]) -> list[CheckReport]:
    subject = Subject("planted", "1d", function)
    found = truncation(subject, view(), AS_OFS, check="L3")
    return [found, poison(subject, view(), AS_OFS, seed=1, check="L3")]


def views(function: Callable[..., Any]) -> list[CheckReport]:
    shown = [(function(market(), instant), instant) for instant in AS_OFS]
    return [availability(one for v, at in shown for one in candles_of("planted", v, at))]


def tables(function: Callable[..., Any]) -> list[CheckReport]:
    rows = [(function(labels(), fold), fold.refit) for fold in folds()]
    return [availability(one for t, at in rows for one in rows_of("planted", t, "1d", at))]


def training(function: Callable[..., Any]) -> list[CheckReport]:
    learnt = ((fold, function(labels(), fold)) for fold in folds())
    return [purged("planted", learnt, horizon=HORIZON, embargo=0, interval="1d")]


def fit_predict(function: Callable[..., Any]) -> list[CheckReport]:
    return [labels_out_of_reach(function, labels(), folds(), classes=CLASSES)]


def label_rule(function: Callable[..., Any]) -> list[CheckReport]:
    candles = view().candles(SYMBOL, "1d")
    return [label_window("planted", function, candles, horizon=HORIZON, seed=1)]


def serving(function: Callable[..., Any]) -> list[CheckReport]:
    subject = Subject("planted", "1d", function)
    return [start_up(subject, view(), [START + 250 * DAY], window=WINDOW).report]


def controls(function: Callable[..., Any]) -> list[CheckReport]:
    return [null_controls("a test", [function(seed) for seed in range(20)])]


# What is planted, and its twins. Features are functions of a view.


def closes(one: MarketView) -> pd.DataFrame:
    return one.candles(SYMBOL, "1d").frame[["close"]]


def shifted(one: MarketView, by: int) -> pd.DataFrame:
    return closes(one).pct_change().shift(by)


def mean(one: MarketView, days: int = 3, **how: bool) -> pd.DataFrame:
    return closes(one).rolling(days, **how).mean()


def endless_mean(one: MarketView) -> pd.DataFrame:
    return closes(one).ewm(com=60).mean()


def z_score(one: MarketView) -> pd.DataFrame:
    return (closes(one) - closes(one).mean()) / closes(one).std()


def running_z_score(one: MarketView) -> pd.DataFrame:
    known = closes(one).expanding()
    return (closes(one) - known.mean()) / known.std()


def ranked(one: MarketView) -> pd.DataFrame:
    return closes(one).rank(pct=True)


def running_rank(one: MarketView) -> pd.DataFrame:
    return closes(one).expanding().rank(pct=True)


def filled(one: MarketView, how: str) -> pd.DataFrame:
    """Fill volumes that are missing on even days, as those of an illiquid market."""
    volume = one.candles(SYMBOL, "1d").frame["volume"]
    holes = volume.where(np.asarray(volume.index.day % 2 == 1)).to_frame()
    return holes.bfill() if how == "bfill" else holes.ffill()


def four_hours(one: MarketView, known_by: str) -> pd.DataFrame:
    """Join the newest 4h close to each daily candle; `known_by` its open or its close."""
    daily, blocks = one.candles(SYMBOL, "1d"), one.candles(SYMBOL, "4h")
    instants = blocks.frame.index if known_by == "open" else blocks.available_at
    place = instants.searchsorted(daily.available_at, side="right") - 1
    return pd.DataFrame({"close": blocks.frame["close"].to_numpy()[place]}, daily.frame.index)


def with_open_candle(whole: Market, instant: datetime) -> MarketView:
    """Show the 4h candle that is still open at an instant, next to what was known then."""
    honest = whole.as_of(instant)
    every = {(one.symbol, one.interval): one for one in whole.series()}
    known = {key: honest.candles(*key) for key in every}
    opened = every[SYMBOL, "4h"].between(START, instant)
    return MarketView(instant, {**known, (SYMBOL, "4h"): opened})


# Labels are functions of candles.


def backward_label(candles: Candles) -> pd.DataFrame:
    """Label as the original of the reversal lab did: its window closes t−T+2 … t+1."""
    close = candles.frame["close"]
    ahead = close.shift(-1).rolling(HORIZON)
    fell, rose = (close - ahead.min()) / close, (ahead.max() - close) / close
    label = pd.Series(np.where(rose >= 0.03, 1, np.where(fell >= 0.03, -1, 0)), index=close.index)
    return dated(label[ahead.max().notna()])


def never_missing(candles: Candles) -> pd.DataFrame:
    """Label rows whose window is not whole yet as "neither", instead of leaving them out."""
    whole = TARGET.labels(candles)["label"]
    return dated(whole.reindex(candles.frame.index, fill_value=0))


def shorter_window(candles: Candles) -> pd.DataFrame:
    """Look at four closes under the name of five."""
    return dated(ReversalTarget(HORIZON - 1, 0.03).labels(candles)["label"])


def dated(label: pd.Series) -> pd.DataFrame:
    as_of = pd.DatetimeIndex(label.index + DAY)
    return pd.DataFrame({"label": label, "as_of": as_of, "resolves_at": as_of + HORIZON * DAY})


# Choices of labels for a fold, and fits that use them.


def all_rows(every: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    return every


def block(every: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    return fold.test(every)


def resolved(every: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    return fold.training(every)


def newest(every: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    return fold.training(every).iloc[-30:]


def overlapping(every: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """Learn from every row before the test block, whether its label has resolved or not."""
    return every.loc[every["as_of"] < pd.Timestamp(fold.refit)]


Choice = Callable[[pd.DataFrame, Fold], pd.DataFrame]


def encoded(every: pd.DataFrame, fold: Fold, known: Choice) -> pd.DataFrame:
    """Forecast the mean label of the day of the week among the labels chosen."""
    learnt = known(every, fold)
    day = learnt.index.get_level_values("open_time").day_of_week
    means = learnt["label"].groupby(np.asarray(day)).mean()
    opens = fold.test(every).index.get_level_values("open_time")
    return pd.DataFrame({"encoded": means.reindex(opens.day_of_week).to_numpy()}, index=opens)


def stopped(every: pd.DataFrame, fold: Fold, stop_on: Choice) -> pd.DataFrame:
    """Forecast from the last return, as strongly as the labels chosen like it best."""
    signal = shifted(view(), 0)["close"].fillna(0.0) * 20
    rates = np.bincount(fold.training(every)["label"] + 1, minlength=3) + 1.0

    def probabilities(rows: pd.DataFrame, strength: float) -> np.ndarray:
        moved = signal.loc[rows.index.get_level_values("open_time")].to_numpy()
        odds = rates * np.exp(strength * np.outer(moved, CLASSES))
        return odds / odds.sum(axis=1, keepdims=True)

    def loss(strength: float) -> float:
        stop = stop_on(every, fold)
        found = probabilities(stop, strength)[np.arange(len(stop)), stop["label"] + 1]
        return -float(np.log(found).mean())

    best = min(np.linspace(-3, 3, 31), key=loss)
    rows = fold.test(every)
    opens = rows.index.get_level_values("open_time")
    return pd.DataFrame(probabilities(rows, best), opens, ["-1", "0", "1"])


def verdicts(better: int) -> Callable[[int], dict[str, str]]:
    return lambda seed: {"T5_X3": "better" if seed < better else "worse"}


on = partial
on_scored_block, on_all_rows = on(stopped, stop_on=block), on(encoded, known=all_rows)
on_newest, on_resolved = on(stopped, stop_on=newest), on(encoded, known=resolved)
by_open, by_close = on(four_hours, known_by="open"), on(four_hours, known_by="close")
backward, forward = on(filled, how="bfill"), on(filled, how="ffill")

PLANTED = (
    Planted("shift(-1)", features, on(shifted, by=-1), on(shifted, by=1), "L1 L2"),
    Planted("centred mean", features, on(mean, center=True), mean, "L1 L2"),
    Planted("global z-score", features, z_score, running_z_score, "L1 L2"),
    Planted("back-fill", features, backward, forward, "L1 L2"),
    Planted("an open 4h candle in a feature", features, by_open, by_close, "L1 L2"),
    Planted("an open 4h candle in a view", views, with_open_candle, Market.as_of, "L4"),
    Planted("rows after the refit", tables, block, newest, "L4"),
    Planted("a decision ranked over all rows", decisions, ranked, running_rank, "L3"),
    Planted("label overlap", training, overlapping, resolved, "L5"),
    Planted("target encoding on all rows", fit_predict, on_all_rows, on_resolved, "L5"),
    Planted("early stopping on the scored block", fit_predict, on_scored_block, on_newest, "L5"),
    Planted("the original's backward label", label_rule, backward_label, TARGET.labels, "L6"),
    Planted("an open window called neither", label_rule, never_missing, TARGET.labels, "L6"),
    Planted("a window shorter than stated", label_rule, shorter_window, TARGET.labels, "L6"),
    Planted("a memory longer than serving", serving, endless_mean, on(mean, days=60), "L7"),
    Planted("skill where there is nothing", controls, verdicts(4), verdicts(3), "L8"),
)
