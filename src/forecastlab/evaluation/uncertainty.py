"""How sure a score is when labels overlap: moving-block bootstrap, Student t.

Neighbouring labels share closes, so n rows are worth far fewer labels. Rows are resampled in blocks
of max(3T, Politis–White) rows, and the interval is estimate ± t · SE with n/block − 1 degrees of
freedom. Percentiles with blocks of T rows cover only 85–89 % of a nominal 95 %.

Source: Künsch (1989), "The jackknife and the bootstrap for general stationary observations".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

import numpy as np

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.evaluation.scores import AucScore, Forecasts, Score, value

BLOCKS_PER_HORIZON: Final = 3
"""Shortest block, in horizons: autocovariances reach one horizon by construction, and skill in
calm and wild months carries on beyond it."""

LEVEL: Final = 0.95
"""Coverage that an interval claims."""

DRAWS: Final = 2000

LONG: Final = 10_000
"""Rows from which the error of an AUC is that of its influence: 2,000 draws of an AUC of 41,000
hours take 1.5 s, its influence 10 ms, and the two differ by less than the draws' own noise."""

_CELLS: Final = 4_000_000
"""Row counts held at once (32 MB): hourly spans would need gigabytes for all draws together."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its standard error and its interval [low, high].

    `block` is the block length in rows; `level` the nominal coverage.
    """

    estimate: float
    standard_error: float
    low: float
    high: float
    block: int
    level: float = LEVEL


def politis_white(values: np.ndarray) -> float:
    """Return the automatic block length of a series for circular and moving blocks, in rows.

    Shape (rows,). At least 1, at most min(3√n, n/3).

    Source: Politis & White (2004), "Automatic block-length selection for the dependent bootstrap",
    with the correction of Patton, Politis & White (2009).

    >>> politis_white(np.zeros(100))
    1.0
    """
    rows = len(values)
    centred = values - values.mean()
    run = max(5, math.ceil(math.sqrt(math.log10(rows))))
    lags = min(math.ceil(math.sqrt(rows)) + run, rows - 1)
    covariance = np.array([centred[lag:] @ centred[: rows - lag] for lag in range(lags + 1)]) / rows
    if covariance[0] <= np.finfo(float).eps * (values**2).mean():
        return 1.0
    # The bandwidth is twice the first of `run` lags in a row whose autocorrelations are noise.
    noise = np.abs(covariance[1:] / covariance[0]) < 2 * math.sqrt(math.log10(rows) / rows)
    quiet = np.flatnonzero(np.convolve(noise, np.ones(run), mode="valid") == run)
    bandwidth = min(2 * (int(quiet[0]) + 1), lags) if len(quiet) else lags
    lag = np.arange(1, bandwidth + 1)
    taper = np.clip(2 * (1 - lag / bandwidth), 0, 1)
    spectrum = covariance[0] + 2 * (taper * covariance[1 : bandwidth + 1]).sum()
    slope = 2 * (taper * lag * covariance[1 : bandwidth + 1]).sum()
    length = (1.5 * (slope / spectrum) ** 2 * rows) ** (1 / 3) if spectrum else math.inf
    return float(np.clip(length, 1.0, math.ceil(min(3 * math.sqrt(rows), rows / 3))))


def block_length(values: np.ndarray, horizon: int) -> int:
    """Return max(3 · horizon, Politis–White), in rows; of several columns the longest.

    Args:
        values: a statistic per row, shape (rows,) or (rows, series).
        horizon: rows that a label overlaps.

    Raises:
        DataUnavailable: the rows do not fill two blocks of 3 · horizon.

    >>> block_length(np.zeros(500), 21)
    63
    """
    shortest = BLOCKS_PER_HORIZON * horizon
    if len(values) < 2 * shortest:
        raise DataUnavailable(
            f"{len(values)} scored rows are too few for an interval: labels over {horizon} candles"
            f" need at least {2 * shortest}.",
            remedy="Widen the span that is scored.",
        )
    columns = values.reshape(len(values), -1).T
    return max(shortest, *(math.ceil(politis_white(column)) for column in columns))


def rank_block(losses: np.ndarray, horizon: int, *, week: int) -> int:
    """Return the block of a rank score: that of the log loss, a week at least where rows allow.

    Within a week hours and weekdays repeat; a block of some hours would take their pattern for
    independent luck.

    Args:
        losses: log loss per row, shape (rows,).
        week: rows of a week.

    Raises:
        DataUnavailable: the rows do not fill two blocks of 3 · horizon.

    >>> rank_block(np.zeros(5000), 5, week=168), rank_block(np.zeros(500), 21, week=7)
    (168, 63)
    """
    return max(block_length(losses, horizon), min(week, len(losses) // 2))


def mean_standard_error(values: np.ndarray, block: int) -> np.ndarray:
    """Return the moving-block bootstrap standard error of the mean, without drawing.

    A draw joins rows/block block means, each as likely as the other; so the error over infinitely
    many draws is the spread of the block means over √(rows/block), here with the n − 1 correction.

    Args:
        values: shape (rows,) or (rows, series).

    Returns:
        Shape () or (series,).

    >>> float(mean_standard_error(np.array([0.0, 2.0, 0.0, 2.0]), 1).round(3))
    0.577
    """
    rows = len(values)
    running = np.concatenate([np.zeros((1, *values.shape[1:])), values.cumsum(axis=0)])
    means = (running[block:] - running[:-block]) / block
    return np.asarray(means.std(axis=0) / math.sqrt(rows / block - 1))


def effective_rows(values: np.ndarray, block: int) -> float:
    """Return how many independent rows the rows are worth: n · (naive SE / block SE)².

    At most n; n for a constant statistic.

    >>> round(effective_rows(np.repeat(np.tile([0.0, 1.0], 50), 4), 16), 1)
    400.0
    """
    naive = float(mean_standard_error(values, 1))
    blocked = float(mean_standard_error(values, block))
    return len(values) * min(1.0, (naive / blocked) ** 2) if blocked else float(len(values))


def student_interval(
    estimate: float, standard_error: float, *, rows: int, block: int, level: float = LEVEL
) -> Interval:
    """Return estimate ± t · SE with rows/block − 1 degrees of freedom; needs two blocks.

    >>> interval = student_interval(0.5, 0.01, rows=1720, block=63)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.4795, 0.5205)
    """
    # Imported where an interval is made: a forecast needs none, and would pay 0.2 s of start.
    from scipy.special import stdtrit  # noqa: PLC0415

    reach = float(stdtrit(rows / block - 1, (1 + level) / 2)) * standard_error
    return Interval(estimate, standard_error, estimate - reach, estimate + reach, block, level)


def mean_interval(values: np.ndarray, *, horizon: int) -> Interval:
    """Return the mean of a statistic per row with its interval.

    Raises:
        DataUnavailable: there are too few rows.

    >>> mean_interval(np.zeros(500), horizon=21).high
    0.0
    """
    block = block_length(values, horizon)
    error = float(mean_standard_error(values, block))
    return student_interval(float(values.mean()), error, rows=len(values), block=block)


def subset_mean_interval(values: np.ndarray, inside: np.ndarray, *, block: int) -> Interval:
    """Return the mean over some of the rows with its interval, in blocks of all rows.

    How many of the rows a block holds varies, so the error is that of a ratio of means over all
    rows (delta method). An empty subset has a mean of NaN.

    Args:
        values: a statistic per row, shape (rows,).
        inside: which rows count, truth values of shape (rows,).

    >>> subset_mean_interval(np.arange(8.0), np.arange(8) < 4, block=2).estimate
    1.5
    """
    share = inside.mean()
    mean = float(values[inside].mean()) if share else math.nan
    influence = np.where(inside, values - mean, 0.0) / (share or math.nan)
    return influence_interval(mean, influence, block=block)


def resample_counts(rows: int, block: int, *, draws: int, seed: int) -> np.ndarray:
    """Return how often each draw of the moving-block bootstrap holds each row.

    Shape (draws, rows), whole numbers as float32; every draw holds `rows` rows, the last block of
    each cut short.

    >>> resample_counts(10, 4, draws=3, seed=1).sum(axis=1).tolist()
    [10.0, 10.0, 10.0]
    """
    random = np.random.default_rng(seed)
    lengths = np.full(math.ceil(rows / block), block)
    lengths[-1] = rows - block * (len(lengths) - 1)
    starts = random.integers(0, rows - lengths + 1, size=(draws, len(lengths)))
    edges = np.zeros((draws, rows + 1), dtype="float32")
    draw = np.arange(draws)[:, None]
    np.add.at(edges, (draw, starts), 1)
    np.add.at(edges, (draw, starts + lengths), -1)
    return np.asarray(edges[:, :-1].cumsum(axis=1))


def score_intervals(
    scores: Sequence[Score], forecasts: Forecasts, *, block: int, seed: int, draws: int = DRAWS
) -> dict[str, Interval]:
    """Return each score of the forecasts with its interval, all from the same draws.

    Over `LONG` rows and more an AUC is not drawn: its error is that of its influence.

    >>> from forecastlab.evaluation.scores import LOG_LOSS
    >>> uniform = Forecasts(np.full((9, 3), 1 / 3), np.tile([-1, 0, 1], 3), (-1, 0, 1))
    >>> round(score_intervals([LOG_LOSS], uniform, block=3, seed=1)["log_loss"].low, 3)
    1.099
    """
    needed = [score for score in scores if not linear(score, len(forecasts))]
    drawn = score_draws(needed, {"": forecasts}, block=block, seed=seed, draws=draws)[""]
    return {
        score.name: influence_interval(
            value(score, forecasts), score.influence(forecasts), block=block
        )
        if isinstance(score, AucScore) and score.name not in drawn
        else drawn_interval(
            value(score, forecasts), drawn[score.name], rows=len(forecasts), block=block
        )
        for score in scores
    }


def score_draws(
    scores: Sequence[Score],
    forecasters: Mapping[str, Forecasts],
    *,
    block: int,
    seed: int,
    draws: int = DRAWS,
) -> dict[str, dict[str, np.ndarray]]:
    """Return each forecaster's scores in every bootstrap draw, shape (draws,).

    All forecasters have the same rows, and a draw takes the same rows of each, so that the
    difference of two forecasters' draws is a draw of their paired difference.

    >>> from forecastlab.evaluation.scores import LOG_LOSS
    >>> even = {"even": Forecasts(np.full((9, 3), 1 / 3), np.tile([-1, 0, 1], 3), (-1, 0, 1))}
    >>> drawn = score_draws([LOG_LOSS], even, block=3, seed=1, draws=2)
    >>> drawn["even"]["log_loss"].round(3).tolist()
    [1.099, 1.099]
    """
    rows = len(next(iter(forecasters.values())))
    batch = max(1, _CELLS // rows)
    spread: dict[str, dict[str, list[np.ndarray]]] = {
        name: {score.name: [] for score in scores} for name in forecasters
    }
    for number, begin in enumerate(range(0, draws, batch) if scores else ()):
        size = min(batch, draws - begin)
        counts = resample_counts(rows, block, draws=size, seed=seed + number)
        for name, forecasts in forecasters.items():
            for score in scores:
                spread[name][score.name].append(score.draws(forecasts, counts))
    return {
        name: {score: np.concatenate(parts) for score, parts in table.items()}
        for name, table in spread.items()
    }


def linear(score: Score, rows: int) -> TypeGuard[AucScore]:
    """Say whether a score's error over so many rows is taken from its influence, not from draws."""
    return isinstance(score, AucScore) and rows >= LONG


def influence_interval(estimate: float, influence: np.ndarray, *, block: int) -> Interval:
    """Return an estimate with the interval that its rows' influences give, without drawing.

    >>> influence_interval(0.5, np.tile([0.1, -0.1], 50), block=2).standard_error
    0.0
    """
    error = float(mean_standard_error(influence, block))
    return student_interval(estimate, error, rows=len(influence), block=block)


def drawn_interval(estimate: float, drawn: np.ndarray, *, rows: int, block: int) -> Interval:
    """Return an estimate with the interval that its bootstrap draws give.

    Draws that do not determine the score (no event in them) are left out of its error.

    >>> drawn_interval(0.5, np.array([0.4, 0.6, np.nan]), rows=100, block=10).high > 0.6
    True
    """
    drawn = drawn[np.isfinite(drawn)]
    # The n − 1 correction of `mean_standard_error`: draws vary about the sample's own mean.
    error = float(drawn.std() / math.sqrt(1 - block / rows)) if len(drawn) else math.nan
    return student_interval(estimate, error, rows=rows, block=block)
