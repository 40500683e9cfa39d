"""Two evaluations beside each other: paired where they scored the same days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from forecastlab.contracts.errors import BundleRefused, DataUnavailable
from forecastlab.contracts.evidence import NEEDED, shares_of
from forecastlab.contracts.verdicts import PUBLISHED, CandidateVerdict, VerdictFile
from forecastlab.evaluation.scores import BRIER, LOG_LOSS, Forecasts
from forecastlab.evaluation.uncertainty import mean_interval
from webapp.views.whiskers import Whisker, whisker_chart
from webapp.views.wording import Words, interval, number

PAIRED: Final = (LOG_LOSS, BRIER)
"""Scores that are a mean over days: their paired difference has an interval."""


@dataclass(frozen=True)
class Delta:
    """By how much the second run is better than the first in one score, on the days of both.

    Attributes:
        value: the mean of the daily differences, positive where the second run is better.
        ci95: its interval; None where the shared days are too few.
    """

    candidate: str
    score: str
    days: int
    value: float
    ci95: tuple[float, float] | None


def shared_candidates(one: VerdictFile, other: VerdictFile) -> tuple[str, ...]:
    """Return the candidates of both runs that ask the same question."""
    return tuple(
        name
        for name, mine in one.candidates.items()
        if name in other.candidates
        and mine.label_rule == other.candidates[name].label_rule
        and mine.classes == other.candidates[name].classes
    )


def paired_deltas(
    one: VerdictFile, other: VerdictFile, tables: tuple[pd.DataFrame, pd.DataFrame]
) -> tuple[Delta, ...]:
    """Return the differences of two runs on the days that both scored; `tables` are their OOFs."""
    found: list[Delta] = []
    for name in shared_candidates(one, other):
        first = _scored(tables[0], name, one.candidates[name])
        second = _scored(tables[1], name, other.candidates[name])
        if first is None or second is None:
            continue
        both = first.add_suffix("|1").join(second.add_suffix("|2"), how="inner").dropna()
        both = both[both["label|1"] == both["label|2"]]
        found.extend(_deltas(name, both, one.candidates[name]))
    return tuple(found)


def delta_figure(deltas: tuple[Delta, ...], words: Words) -> go.Figure:
    """Draw the paired differences; right of the line the second run is better."""
    rows = [
        Whisker(
            f"{one.candidate} · {words(f'research.scores.{one.score}')}",
            one.value,
            one.ci95,
            words("research.rows", n=one.days),
        )
        for one in deltas
    ]
    return whisker_chart(rows, words, digits=4)


def delta_table(
    deltas: tuple[Delta, ...], one: VerdictFile, other: VerdictFile, words: Words
) -> pd.DataFrame:
    """Return both runs' own scores and, where they can be paired, the difference."""
    paired = {(delta.candidate, delta.score): delta for delta in deltas}
    rows = []
    for name in shared_candidates(one, other):
        mine, theirs = (run.candidates[name].scores[PUBLISHED] for run in (one, other))
        for score in (score for score in _ORDER if score in mine and score in theirs):
            delta = paired.get((name, score))
            rows.append(
                {
                    words("research.candidate"): name,
                    words("research.score"): words(f"research.scores.{score}"),
                    words("research.first_run"): number(mine[score].value, 4),
                    words("research.second_run"): number(theirs[score].value, 4),
                    words("research.delta"): number(delta.value, 4, signed=True) if delta else "–",
                    words("research.delta_ci"): interval(
                        delta.ci95 if delta else None, 4, signed=True
                    ),
                    words("research.shared_days"): f"{delta.days:,}" if delta else "–",
                }
            )
    return pd.DataFrame(rows)


_ORDER: Final = ("log_loss", "brier", "event_auc", "direction_auc")


def _scored(table: pd.DataFrame, name: str, verdict: CandidateVerdict) -> pd.DataFrame | None:
    """Return label and published probabilities of the scored days, by open."""
    if not set(table.columns) >= NEEDED:
        return None
    mine = table[table["candidate"] == name]
    try:
        shares = shares_of(mine, PUBLISHED, verdict.classes)
    except BundleRefused:
        return None
    opened = pd.to_datetime(mine["open_time"], utc=True)
    first, last = (pd.Timestamp(day[:10], tz="UTC") for day in _span(verdict))
    inside = (opened >= first) & (opened < last + pd.Timedelta(days=1))
    found = shares.assign(label=mine["label"])[inside].set_index(opened[inside])
    return found[~found.index.duplicated()]


def _span(verdict: CandidateVerdict) -> tuple[str, str]:
    return verdict.evaluation.first, verdict.evaluation.last


def _deltas(name: str, both: pd.DataFrame, verdict: CandidateVerdict) -> Iterator[Delta]:
    if both.empty:
        return
    labels = both["label|1"].to_numpy().astype("int64")
    first, second = (
        Forecasts(
            both[[f"{label}|{run}" for label in verdict.classes]].to_numpy("float64"),
            labels,
            verdict.classes,
        )
        for run in (1, 2)
    )
    for score in PAIRED:
        gains = score.rows(first) - score.rows(second)
        yield Delta(name, score.name, len(both), float(gains.mean()), _ends(gains, verdict.horizon))


def _ends(gains: np.ndarray, horizon: int) -> tuple[float, float] | None:
    try:
        found = mean_interval(gains, horizon=horizon)
    except DataUnavailable:
        return None
    return found.low, found.high
