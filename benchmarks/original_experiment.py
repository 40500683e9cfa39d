"""The original's reversal experiment, step by step, with its own label or a forward one.

Its flow features with the warm-up dropped twice, LightGBM with default parameters, expanding folds
that overlap three times, medians over folds. Kept as it was, faults included, so that its published
numbers can be had again and explained.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import lightgbm
import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION
from forecastlab.evaluation.classification import ConfusionScore, balanced_accuracy, macro_f1
from forecastlab.evaluation.scores import AUC_ONE_VS_REST, LOG_LOSS, Forecasts, Score, value
from forecastlab.features.baseline import BASELINE, baseline_features
from forecastlab.features.flow import FLOW, flow_features
from forecastlab.targets.base import resolves_at

CLASSES: Final = (-1, 0, 1)
TRAIN_ROWS: Final = 1500
"""Rows of the first training block; every later one reaches back to the first row as well."""

TEST_ROWS: Final = 63
STEP: Final = 21
ROUNDS: Final = 100

BALANCED_ACCURACY: Final = ConfusionScore("accuracy", partial(balanced_accuracy, absent=0.0))
MACRO_F1: Final = ConfusionScore("f1", partial(macro_f1, absent=0.0))
"""As the original counts: a class that a fold lacks is a recall, and an F1, of 0."""

LabelRule = Callable[[np.ndarray, int, float], np.ndarray]
"""(closes, horizon, level) -> label per close; NaN where there is none."""


@dataclass(frozen=True, eq=False)
class Block:
    """One fold: what is fitted on, and what is then forecast."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What one run of the experiment says, and how long its loop took.

    Attributes:
        balanced_accuracy, macro_f1: medians over the folds, as the original publishes them.
        accuracy, auc, log_loss: over all test rows of all folds; most rows are in three folds.
        prior_log_loss: that of the class frequencies of each fold's training rows.
    """

    folds: int
    balanced_accuracy: float
    macro_f1: float
    accuracy: float
    auc: float
    log_loss: float
    prior_log_loss: float
    seconds: float


def original_features(daily: pd.DataFrame) -> pd.DataFrame:
    """Compute the 20 raw features; each half drops its own warm-up, so 41 days are lost, not 21.

    >>> random = np.random.default_rng(1)
    >>> names = ("close", "volume", "quote_volume", "trades", "taker_buy_base", "taker_buy_quote")
    >>> daily = pd.DataFrame(random.uniform(1, 2, (50, 6)), columns=list(names))
    >>> original_features(daily).shape
    (9, 20)
    """
    first = baseline_features(daily).dropna()
    second = flow_features(daily.loc[first.index]).drop(columns=list(BASELINE.columns))
    joined = first.join(second).loc[:, list(FLOW.columns)]
    return joined.where(np.isfinite(joined)).dropna()


def original_label(close: np.ndarray, horizon: int, level: float) -> np.ndarray:
    """Return the original's label, whose window is the closes t−T+2 … t+1.

    `-1` if the lowest close of the window lies `level` below today's, `1` if the highest lies
    `level` above, which overrides; 0 otherwise; NaN where the window is not whole.

    >>> original_label(np.array([100.0, 120.0, 100.0, 100.0, 100.0]), 3, 0.1).tolist()
    [nan, nan, 1.0, 0.0, nan]
    """
    # Shifted first and rolled afterwards, as the original does: the first whole window is one late.
    ahead = np.append(close[1:], np.nan)
    return _extreme_label(close, _window(ahead, 1 - horizon, 0), level)


def known_label(close: np.ndarray, horizon: int, level: float) -> np.ndarray:
    """Return the original's rule on the part of its window that is known at t: t−T+2 … t."""
    return _extreme_label(close, _window(close, 2 - horizon, 0), level)


def forward_label(close: np.ndarray, horizon: int, level: float) -> np.ndarray:
    """Return the original's rule on the closes t+1 … t+T.

    >>> forward_label(np.array([100.0, 100.0, 120.0, 100.0, 100.0]), 2, 0.1).tolist()
    [1.0, 1.0, -1.0, nan, nan]
    """
    return _extreme_label(close, _window(close, 1, horizon), level)


def blocks(features: pd.DataFrame, label: np.ndarray, *, purge: int = 0) -> list[Block]:
    """Cut the labelled rows into the original's expanding folds.

    Args:
        label: one per row of `features`; rows where it is NaN are left out first.
        purge: rows left out between a training block and its test block.

    Raises:
        DataUnavailable: the rows do not fill one fold.
    """
    known = np.isfinite(label)
    x, y = features.to_numpy(dtype="float64")[known], label[known].astype("int64")
    if len(x) < TRAIN_ROWS + TEST_ROWS:
        raise DataUnavailable(
            f"{len(x)} labelled rows fill no fold of {TRAIN_ROWS} + {TEST_ROWS}.",
            remedy="Bring more candles.",
        )
    begins = range(TRAIN_ROWS, len(x) - TEST_ROWS + 1, STEP)
    return [
        Block(x[: b - purge], y[: b - purge], x[b : b + TEST_ROWS], y[b : b + TEST_ROWS])
        for b in begins
    ]


def run_loop(folds: list[Block], *, threads: int) -> Outcome:
    """Fit and score fold after fold, as the original does; `threads` 0 means LightGBM's default."""
    begin = time.perf_counter()
    forecasts = [fit_and_forecast(fold, threads=threads) for fold in folds]
    seconds = time.perf_counter() - begin
    happened = np.concatenate([fold.test_y for fold in folds])
    single = [Forecasts(p, fold.test_y, CLASSES) for p, fold in zip(forecasts, folds, strict=True)]
    pooled = Forecasts(np.concatenate(forecasts), happened, CLASSES)
    prior = Forecasts(np.concatenate([_prior(fold) for fold in folds]), happened, CLASSES)
    return Outcome(
        folds=len(folds),
        balanced_accuracy=_median(BALANCED_ACCURACY, single),
        macro_f1=_median(MACRO_F1, single),
        accuracy=float((pooled.probabilities.argmax(axis=1) == pooled.positions()).mean()),
        auc=value(AUC_ONE_VS_REST, pooled),
        log_loss=value(LOG_LOSS, pooled),
        prior_log_loss=value(LOG_LOSS, prior),
        seconds=seconds,
    )


def fit_and_forecast(fold: Block, *, threads: int) -> np.ndarray:
    """Return the probabilities of a fold's test rows."""
    booster = fit_booster(fold.train_x, fold.train_y, threads=threads)
    return np.asarray(booster.predict(fold.test_x, num_threads=threads))


def fit_booster(x: np.ndarray, label: np.ndarray, *, threads: int) -> lightgbm.Booster:
    """Fit LightGBM with its default parameters and 100 rounds."""
    parameters: dict[str, Any] = {"objective": "multiclass", "num_class": 3, "verbosity": -1}
    parameters["num_threads"] = threads
    return lightgbm.train(parameters, lightgbm.Dataset(x, label + 1), num_boost_round=ROUNDS)


def closes_read(rule: LabelRule, close: np.ndarray, horizon: int, level: float) -> list[int]:
    """Return the offsets k, other than 0, for which the label at t changes with the close t+k.

    Every offset within ±2T of every close is tried: closes 4T+1 apart are moved at once, so that
    each label meets exactly one moved close at a time.

    >>> closes_read(forward_label, 100 + np.sin(np.arange(80.0)), 2, 0.1)
    [1, 2]
    """
    before, place, apart = (
        rule(close, horizon, level),
        np.arange(len(close)),
        4 * horizon + 1,
    )
    read: set[int] = set()
    for start in range(apart):
        offset = (start - place + 2 * horizon) % apart - 2 * horizon
        for factor in (0.5, 2.0):
            moved = np.where(place % apart == start, close * factor, close)
            after = rule(moved, horizon, level)
            changed = np.isfinite(before) & (after != before)
            read.update(offset[changed].tolist())
    return sorted(read - {0})


def label_table(candles: Candles, rule: LabelRule, horizon: int, level: float) -> pd.DataFrame:
    """Return a rule's labels as the leak prover reads them: `label`, `as_of`, `resolves_at`."""
    frame = candles.frame
    label = rule(frame["close"].to_numpy(dtype="float64"), horizon, level)
    as_of = pd.DatetimeIndex(frame.index + DURATION[candles.interval])
    resolved = resolves_at(as_of, horizon, candles.interval)
    table = pd.DataFrame({"label": label, "as_of": as_of, "resolves_at": resolved}, frame.index)
    return table.dropna().astype({"label": "int64"})


def agreement(
    rule: LabelRule, other: LabelRule, close: np.ndarray, horizon: int, level: float
) -> float:
    """Return the share of closes at which two rules give the same label, where both give one."""
    one, two = rule(close, horizon, level), other(close, horizon, level)
    both = np.isfinite(one) & np.isfinite(two)
    return float((one == two)[both].mean())


def _window(close: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest close of t+first … t+last; NaN where one is not there."""
    padding = np.full(max(-first, last, 0), np.nan)
    padded = np.concatenate([padding, close, padding])
    windows = np.lib.stride_tricks.sliding_window_view(padded, last - first + 1)
    own = windows[len(padding) + first : len(padding) + first + len(close)]
    return own.min(axis=1), own.max(axis=1)


def _extreme_label(
    close: np.ndarray, window: tuple[np.ndarray, np.ndarray], level: float
) -> np.ndarray:
    lowest, highest = window
    label = np.where((close - lowest) / close >= level, -1.0, 0.0)
    label[(highest - close) / close >= level] = 1.0
    return np.where(np.isfinite(lowest), label, np.nan)


def _prior(fold: Block) -> np.ndarray:
    shares = [(fold.train_y == label).mean() for label in CLASSES]
    return np.tile(shares, (len(fold.test_y), 1))


def _median(score: Score, folds: list[Forecasts]) -> float:
    return float(np.median([value(score, fold) for fold in folds]))
