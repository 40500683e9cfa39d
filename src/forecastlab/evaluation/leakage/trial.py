"""One experiment: rows as they should be, rows after the future was altered, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView, as_datetime
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.records import utc_text
from forecastlab.evaluation.leakage.altered_views import Limits
from forecastlab.evaluation.leakage.culprit import culprit
from forecastlab.evaluation.leakage.findings import Check, CheckReport, Finding, in_words, size
from forecastlab.evaluation.leakage.subject import Difference, Subject, differences


@dataclass(frozen=True, eq=False)
class Trial:
    """Rows known at `as_of`, honest and with an altered future.

    Attributes:
        alter: the same alteration of each series up to a limit alone, to name the candle.
    """

    as_of: datetime
    honest: pd.DataFrame
    found: pd.DataFrame
    alter: Callable[[Limits], MarketView]


def judge(
    check: Check, subject: Subject, view: MarketView, trials: Iterable[Trial], *, rtol: float
) -> CheckReport:
    """Compare every trial; one finding per column, at the first as-of at which it differs."""
    cells, tried = 0, 0
    times: dict[str, int] = {}
    first: list[tuple[Trial, list[Difference]]] = []
    for trial in trials:
        different, compared = differences(trial.honest, trial.found, rtol=rtol)
        cells, tried = cells + compared, tried + 1
        fresh = [one for one in different if one.column not in times]
        if fresh:
            first.append((trial, fresh))
        for one in different:
            times[one.column] = times.get(one.column, 0) + 1
    findings = []
    for trial, fresh in first:
        search = _Search(subject, view, trial)
        for one in fresh:
            often = f"{times[one.column]} of {tried} trials"
            findings.append(_finding(check, subject.name, one, search, often))
    return CheckReport(check, cells, tuple(findings))


@dataclass(frozen=True, eq=False)
class _Search:
    """The search for the candles behind one trial's differences; columns share its experiments."""

    subject: Subject
    view: MarketView
    trial: Trial
    known: dict[tuple[datetime, ...], pd.DataFrame] = field(default_factory=dict)

    def as_of(self, one: Difference) -> datetime:
        """Return the as-of of the row that differs."""
        return as_datetime(one.open_time) + DURATION[self.subject.interval]

    def candle(self, one: Difference) -> str | None:
        """Name the candle that changes a cell."""
        honest = _cell(self.trial.honest, one)

        def changed(limits: Limits) -> bool:
            found = _cell(self._rows(limits), one)
            return not (found == honest or (np.isnan(found) and np.isnan(honest)))

        return culprit(self.view, self.trial.as_of, changed)

    def _rows(self, limits: Limits) -> pd.DataFrame:
        key = tuple(limits.values())
        if key not in self.known:
            altered = self.trial.alter(limits)
            self.known[key] = self.subject.known(altered, self.trial.as_of)
        return self.known[key]


def _finding(check: Check, name: str, one: Difference, search: _Search, often: str) -> Finding:
    candle, as_of, change = search.candle(one), search.as_of(one), size(one.change)
    sentence = (
        f"{name}: {one.column} as of {utc_text(as_of)} {in_words(change)} with"
        f" {candle or 'later candles'}, which had not closed by then ({often})."
    )
    return Finding(check, f"{name}: {one.column}", as_of, candle, change, sentence)


def _cell(table: pd.DataFrame, where: Difference) -> float:
    if where.open_time not in table.index or where.column not in table.columns:
        return float("nan")
    return float(table.loc[[where.open_time], where.column].to_numpy()[0])
