"""L5: training labels resolved before the test block, and labels cannot reach a forecast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import as_datetime
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.records import utc_text
from forecastlab.evaluation.leakage.culprit import candle_text
from forecastlab.evaluation.leakage.findings import CheckReport, Finding, in_words, size
from forecastlab.evaluation.leakage.subject import differences
from forecastlab.evaluation.splits import Fold

FoldForecasts = Callable[[pd.DataFrame, Fold], pd.DataFrame]
"""Fit and predict: all labels and a fold -> forecasts of its test rows (index `open_time`)."""


def purged(
    name: str,
    training: Iterable[tuple[Fold, pd.DataFrame]],
    *,
    horizon: int,
    embargo: int,
    interval: Interval,
) -> CheckReport:
    """Check per fold that every label resolves before the first test as-of, less the embargo.

    When a label resolves is computed from its candle, whatever the labels say of themselves.

    Args:
        name: the candidate.
        training: fold and the labels that it learns from, index (`symbol`, `open_time`).
        horizon: candles from an as-of to its label's resolution.
        embargo: candles between the last resolution and the first test as-of.
    """
    candle, findings, labels = DURATION[interval], [], 0
    for fold, learnt in training:
        opens = pd.DatetimeIndex(learnt.index.get_level_values("open_time"))
        labels += len(opens)
        limit = fold.first_open + candle - embargo * candle
        resolves = pd.DatetimeIndex(opens + (1 + horizon) * candle)
        # A label that resolves at the limit itself is too late as well.
        if (resolves >= pd.Timestamp(limit)).any():
            findings.append(_overlap(name, fold, learnt.index, resolves, limit, interval))
    return CheckReport("L5", labels, tuple(findings[:1]))


def labels_out_of_reach(
    forecasts: FoldForecasts,
    labels: pd.DataFrame,
    folds: Sequence[Fold],
    *,
    classes: Sequence[int],
    scored: Callable[[Fold], pd.DataFrame] | None = None,
) -> CheckReport:
    """Turn every label that a refit must not know into another class: no forecast may change.

    Those are the labels that resolve at or after `fold.labels_before`: of the test block, of later
    ones, and of the rows that are purged.

    Args:
        forecasts: the fit and the prediction under test; it is given all labels.
        labels: columns `label` and `resolves_at`; any index.
        scored: the forecasts that are scored; by default `forecasts` with the true labels.
    """
    cells = 0
    first: dict[str, Finding] = {}
    for fold in folds:
        honest = forecasts(labels, fold) if scored is None else scored(fold)
        found = forecasts(_poisoned(labels, fold, classes), fold)
        different, compared = differences(honest, found, rtol=0)
        cells += compared
        for one in different:
            first.setdefault(one.column, _reached(one.column, fold, one.open_time, one.change))
    return CheckReport("L5", cells, tuple(first.values()))


def _poisoned(labels: pd.DataFrame, fold: Fold, classes: Sequence[int]) -> pd.DataFrame:
    """Move every label that is unknown at the refit on to the next class."""
    unknown = np.asarray(labels["resolves_at"] >= pd.Timestamp(fold.labels_before))
    values = labels["label"].to_numpy(copy=True)
    known = ~np.isnan(values.astype("float64"))
    place = np.searchsorted(classes, values[unknown & known])
    values[unknown & known] = np.asarray(classes)[(place + 1) % len(classes)]
    return labels.assign(label=values)


def _overlap(
    name: str,
    fold: Fold,
    learnt: pd.Index,
    resolves: pd.DatetimeIndex,
    limit: datetime,
    interval: Interval,
) -> Finding:
    newest, candle = int(resolves.argmax()), DURATION[interval]
    resolved = as_datetime(resolves[newest])
    as_of = as_datetime(learnt.get_level_values("open_time")[newest]) + candle
    needs = candle_text(str(learnt.get_level_values("symbol")[newest]), interval, resolved - candle)
    late = int((resolves >= pd.Timestamp(limit)).sum())
    sentence = (
        f"{name}: fold {fold.number} learns from {late} label(s) that resolve too late; that as of"
        f" {utc_text(as_of)} needs {needs}, and labels must resolve before {utc_text(limit)}."
    )
    return Finding("L5", name, as_of, needs, size((resolved - limit) / candle), sentence)


def _reached(column: str, fold: Fold, open_time: pd.Timestamp, change: float) -> Finding:
    moved = size(change)
    # As far after the refit as its candle is after the first one of the block.
    as_of = fold.refit + (as_datetime(open_time) - fold.first_open)
    sentence = (
        f"{column}: the forecast of fold {fold.number} as of {utc_text(as_of)} {in_words(moved)}"
        f" with labels that had not resolved at the refit ({utc_text(fold.refit)})."
    )
    return Finding("L5", column, as_of, None, moved, sentence)
