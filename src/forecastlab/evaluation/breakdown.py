"""Where and when forecasts were good: per fold, per year, by the model's age; calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.evaluation.scores import LOG_LOSS, Forecasts, Score, reliability, value
from forecastlab.evaluation.uncertainty import mean_interval, subset_mean_interval

AGE_DAYS: Final = 7
"""Days since the refit that are counted together."""


def subset(forecasts: Forecasts, rows: np.ndarray) -> Forecasts:
    """Return the forecasts of some rows, chosen by truth values or positions.

    >>> len(subset(Forecasts(np.full((3, 2), 0.5), np.array([0, 1, 1]), (0, 1)), np.array([0])))
    1
    """
    return Forecasts(forecasts.probabilities[rows], forecasts.labels[rows], forecasts.classes)


def fold_table(
    published: Forecasts,
    references: Mapping[str, Forecasts],
    scores: Sequence[Score],
    fold: np.ndarray,
) -> pd.DataFrame:
    """Score each fold.

    Returns:
        Index `fold`; columns `rows`, `happened_<class>` (counts), `missing_classes` (those that did
        not happen, joined by a blank), the published forecast's scores (NaN where the fold's rows
        do not determine one), then `gain_<reference>` in nats per row.

    >>> labels = np.array([0, 1, 1, 1])
    >>> even = Forecasts(np.full((4, 2), 0.5), labels, (0, 1))
    >>> table = fold_table(even, {"base": even}, [LOG_LOSS], np.array([0, 0, 1, 1]))
    >>> table["missing_classes"].tolist(), table["gain_base"].tolist()
    (['', '0'], [0.0, 0.0])
    """
    losses = {name: LOG_LOSS.rows(one) for name, one in references.items()}
    own = LOG_LOSS.rows(published)
    lines = {}
    for number in np.unique(fold):
        inside = fold == number
        part = subset(published, inside)
        happened = {label: int((part.labels == label).sum()) for label in part.classes}
        absent = [str(label) for label, count in happened.items() if not count]
        lines[int(number)] = {
            "rows": len(part),
            **{f"happened_{label}": count for label, count in happened.items()},
            "missing_classes": " ".join(absent),
            **{score.name: value(score, part) for score in scores},
            **{
                f"gain_{name}": float((theirs - own)[inside].mean())
                for name, theirs in losses.items()
            },
        }
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("fold")


def gain_by_year(gain: np.ndarray, years: np.ndarray, *, horizon: int) -> pd.DataFrame:
    """Average a gain per row over each year, with its interval.

    Returns:
        Index the year; columns `rows`, `gain`, `low`, `high`, the last two NaN in a year of fewer
        than 6 · `horizon` rows.

    >>> gain_by_year(np.ones(400), np.repeat([2023, 2024], [365, 35]), horizon=14).loc[2024, "gain"]
    np.float64(1.0)
    """
    lines: dict[int, tuple[float, ...]] = {}
    for year in np.unique(years):
        part = gain[years == year]
        try:
            interval = mean_interval(part, horizon=horizon)
            ends = (interval.low, interval.high)
        except DataUnavailable:
            ends = (np.nan, np.nan)
        lines[int(year)] = (len(part), float(part.mean()), *ends)
    return _lines(lines, "year")


def gain_by_age(
    gain: np.ndarray, age_days: np.ndarray, *, block: int, width: int = AGE_DAYS
) -> pd.DataFrame:
    """Average a gain per row over ages of the model, `width` days at a time, with its interval.

    An age's rows are spread over the whole span; see `subset_mean_interval`.

    Returns:
        Index the youngest age of each group, in days; columns `rows`, `gain`, `low`, `high`.

    >>> gain_by_age(np.ones(100), np.arange(100) % 21, block=21)["rows"].tolist()
    [35, 35, 30]
    """
    lines: dict[int, tuple[float, ...]] = {}
    youngest = age_days // width * width
    for age in np.unique(youngest):
        inside = youngest == age
        interval = subset_mean_interval(gain, inside, block=block)
        lines[int(age)] = (int(inside.sum()), interval.estimate, interval.low, interval.high)
    return _lines(lines, "age_days")


def calibration_error(forecasts: Forecasts, label: int) -> float:
    """Return the mean distance of P(label) from how often it happened, over ten bins, in [0, 1].

    >>> calibration_error(Forecasts(np.full((4, 2), 0.5), np.array([0, 1, 1, 1]), (0, 1)), 1)
    0.25
    """
    table = reliability(forecasts, label)
    distance = (table["forecast"] - table["happened"]).abs()
    return float((distance * table["rows"]).sum() / table["rows"].sum())


def _lines(lines: dict[int, tuple[float, ...]], index: str) -> pd.DataFrame:
    columns = ["rows", "gain", "low", "high"]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns).rename_axis(index)
    return table.astype({"rows": "int64"})
