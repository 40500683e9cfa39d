"""The job's health: its last runs, how fresh the store is, what alerts and checks say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.records import ForecastRecord, RunReport
from webapp.views.banners import GRACE
from webapp.views.palette import (
    BLUE,
    VERMILION,
    empty_figure,
    filled,
    laid_out,
    series_style,
)
from webapp.views.time_axis import local, time_axis
from webapp.views.wording import Words, age, escaped, instant, number

_STATUS_SIGNS: Final = {"done": "✓", "nothing_to_do": "–", "skipped": "○", "failed": "✗"}


@dataclass(frozen=True)
class Freshness:
    """How long ago the newest record's candle closed, and how long it may be."""

    age: timedelta
    limit: timedelta

    @property
    def is_fresh(self) -> bool:
        """Say whether the next forecast is not overdue."""
        return self.age <= self.limit


def freshness(record: ForecastRecord, now: datetime) -> Freshness:
    """Return how old a record is; one from the future, by a skewed clock, has no age."""
    limit = DURATION[record.interval] + GRACE
    return Freshness(max(now - record.as_of, timedelta(0)), limit)


def fresh_line(found: Freshness, words: Words) -> str:
    """Say how old the newest forecast is, and what was allowed."""
    key = "operations.fresh" if found.is_fresh else "operations.overdue"
    return words(key, age=age(found.age, words), limit=age(found.limit, words))


def run_table(runs: Sequence[RunReport], words: Words) -> pd.DataFrame:
    """Return the attempts, newest first."""
    rows = [
        {
            words("operations.started"): f"{run.started_at:%Y-%m-%d %H:%M:%S}",
            words("operations.command"): run.command,
            words("operations.asof"): run.asof_date or "–",
            words("operations.result"): f"{_sign(run)} {run.result}",
            words("operations.exit_code"): run.exit_code,
            words("operations.seconds"): round(seconds(run), 2),
            words("operations.error"): run.error or "",
        }
        for run in reversed(runs)
    ]
    return pd.DataFrame(rows)


def step_table(run: RunReport, words: Words) -> pd.DataFrame:
    """Return the steps of a run, in their order."""
    rows = [
        {
            words("operations.step"): step.name,
            words("operations.status"): (
                f"{_STATUS_SIGNS[step.status]} {words(f'operations.statuses.{step.status}')}"
            ),
            words("operations.seconds"): round(step.duration_s, 3),
            words("operations.detail"): step.detail,
        }
        for step in run.steps
    ]
    return pd.DataFrame(rows)


def duration_figure(runs: Sequence[RunReport], words: Words, zone: tzinfo) -> go.Figure:
    """Draw each run's seconds over time; a failed run is a hatched red bar."""
    if not runs:
        return empty_figure(words("operations.no_runs"))
    figure = go.Figure()
    for failed, colour, pattern in ((False, BLUE, ""), (True, VERMILION, "/")):
        mine = [run for run in runs if (run.exit_code != 0) is failed]
        if mine:
            figure.add_bar(
                x=_starts(mine, zone),
                y=[seconds(run) for run in mine],
                name=words("operations.failed" if failed else "operations.succeeded"),
                marker=filled(colour, pattern),
                hovertext=[_told(run) for run in mine],
                hoverinfo="text",
            )
    return laid_out(
        figure,
        height=320,
        xaxis=time_axis(words, zone),
        yaxis={"title": words("operations.seconds"), "rangemode": "tozero"},
    )


def step_figure(runs: Sequence[RunReport], words: Words, zone: tzinfo) -> go.Figure:
    """Draw where the seconds of each run went, step upon step."""
    names = list(dict.fromkeys(step.name for run in runs for step in run.steps))
    if not names:
        return empty_figure(words("operations.no_steps"))
    figure = go.Figure()
    for place, name in enumerate(names):
        style = series_style(place)
        spent = [sum(s.duration_s for s in run.steps if s.name == name) for run in runs]
        figure.add_bar(
            x=_starts(runs, zone),
            y=spent,
            name=escaped(name),
            marker=filled(style.colour, style.pattern),
            hovertemplate=f"{escaped(name)}: %{{y:.3f}} s<extra></extra>",
        )
    return laid_out(
        figure,
        height=340,
        barmode="stack",
        xaxis=time_axis(words, zone),
        yaxis={"title": words("operations.seconds"), "rangemode": "tozero"},
    )


def succeeded(runs: Sequence[RunReport]) -> int:
    """Count the runs that ended with exit code 0."""
    return sum(run.exit_code == 0 for run in runs)


def median_seconds(runs: Sequence[RunReport]) -> float | None:
    """Return the median duration of the runs that succeeded; None without one."""
    spent = sorted(seconds(run) for run in runs if run.exit_code == 0)
    return spent[len(spent) // 2] if spent else None


def seconds(run: RunReport) -> float:
    """Return how long a run took; a clock that was set back makes it 0."""
    return max((run.finished_at - run.started_at).total_seconds(), 0.0)


def last_line(run: RunReport, zone: tzinfo, words: Words) -> str:
    """Say how the newest run ended."""
    at = instant(run.started_at, zone)
    return words("operations.last_run", at=at, command=run.command, code=run.exit_code)


def _starts(runs: Sequence[RunReport], zone: tzinfo) -> pd.DatetimeIndex:
    return local(pd.to_datetime([run.started_at for run in runs], utc=True), zone)


def _sign(run: RunReport) -> str:
    return "✓" if run.exit_code == 0 else "✗"


def _told(run: RunReport) -> str:
    head = f"{run.started_at:%Y-%m-%d %H:%M} UTC · {run.command} · {number(seconds(run), 2)} s"
    return f"{escaped(head)}<br>{escaped(run.result)} ({run.exit_code})"
