"""L7: the shortest history that gives the probabilities and decisions of the full history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.records import utc_text
from forecastlab.evaluation.leakage.altered_views import cut, series_of, trimmed
from forecastlab.evaluation.leakage.findings import CheckReport, Finding, in_words, size
from forecastlab.evaluation.leakage.subject import Subject

TOLERANCE: Final = 1e-6
"""Largest change of a probability; a class that flips changes a decision by 1 or more."""

_SWEEP: Final = 8
"""Histories between the shortest and the serving window that are tried too: what is enough must
stay enough."""


@dataclass(frozen=True)
class StartUp:
    """The check's report, and the shortest history in days; None if the window is too short."""

    report: CheckReport
    shortest: int | None


def start_up(
    subject: Subject,
    view: MarketView,
    as_ofs: Sequence[datetime],
    *,
    window: int,
    shown: Callable[[MarketView, int], MarketView] = trimmed,
) -> StartUp:
    """Derive the shortest history by halving, and sweep from there to the serving window.

    Args:
        subject: probabilities and decisions; a decision is a number that changes by 1 or more.
        as_ofs: closes of candles, each with more than `window` days of history.
        window: days that serving reads.
        shown: what serving reads of a view, given a window in days.

    Raises:
        DataUnavailable: no as-of has a longer history, so nothing would be compared.
    """
    trials = _trials(subject, view, as_ofs, window)
    worst = [_worst(one, shown(one.view, window)) for one in trials]
    cells = sum(len(one.full) for one in trials)
    findings = [
        _finding(subject, trial, found, window)
        for trial, found in zip(trials, worst, strict=True)
        if found
    ]
    if findings:
        return StartUp(CheckReport("L7", cells, tuple(findings[:1])), None)

    def enough(days: int) -> bool:
        return all(_worst(one, shown(one.view, days)) is None for one in trials)

    shortest = _halved(enough, 0, window)
    for days in sorted({int(one) for one in np.linspace(shortest, window, _SWEEP)}):
        if not enough(days):
            shortest = _halved(enough, days, window)
    return StartUp(CheckReport("L7", cells, ()), shortest)


@dataclass(frozen=True, eq=False)
class _Trial:
    """An as-of, what was known, and the answer of the full history."""

    subject: Subject
    view: MarketView
    full: pd.Series


def _trials(
    subject: Subject, view: MarketView, as_ofs: Sequence[datetime], window: int
) -> list[_Trial]:
    first = min((one.frame.index[0] for one in series_of(view).values() if len(one)), default=None)
    longer = [
        t for t in as_ofs if first is not None and first < pd.Timestamp(t - timedelta(days=window))
    ]
    if not longer:
        raise DataUnavailable(
            f"No as-of of {subject.name} has more history than the {window} days that serving"
            " reads.",
            remedy="Name a --source with more history, or serve from fewer daily candles.",
        )
    known = [cut(view, as_of) for as_of in longer]
    return [_Trial(subject, one, _answer(subject, one)) for one in known]


def _answer(subject: Subject, view: MarketView) -> pd.Series:
    """Return the row of the newest candle; missing values where there is none."""
    rows = subject.known(view, view.as_of)
    newest = pd.Timestamp(view.as_of) - DURATION[subject.interval]
    return rows.reindex([newest]).iloc[0]


def _worst(trial: _Trial, shorter: MarketView) -> tuple[str, float] | None:
    """Return the column that changes most with a shorter history, if one changes too much."""
    short = _answer(trial.subject, shorter)
    moved = (short.reindex(trial.full.index) - trial.full).abs()
    moved = moved.where(~(short.isna() & trial.full.isna()), 0.0).fillna(np.inf)
    worst = float(moved.max())
    return None if worst <= TOLERANCE else (str(moved.idxmax()), worst)


def _halved(enough: Callable[[int], bool], short: int, long: int) -> int:
    """Return the smallest length found enough; `short` is not enough, `long` is."""
    while long - short > 1:
        middle = (short + long) // 2
        short, long = (short, middle) if enough(middle) else (middle, long)
    return long


def _finding(subject: Subject, trial: _Trial, worst: tuple[str, float], window: int) -> Finding:
    column, change = worst[0], size(worst[1])
    sentence = (
        f"{subject.name}: {column} as of {utc_text(trial.view.as_of)} {in_words(change)} if serving"
        f" reads {window} days and not the full history."
    )
    return Finding("L7", f"{subject.name}: {column}", trial.view.as_of, None, change, sentence)
