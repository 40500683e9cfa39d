"""Fetch what the lake lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from forecastlab.contracts.candles import Candles, Gap
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import DURATION, Interval, last_closed_open
from forecastlab.contracts.ports import AppendReport, Lake
from forecastlab.usecases.serving_window import Needed
from forecastlab.usecases.workspace import Workspace

OUTAGE: Final = timedelta(days=4)
"""Older holes in the hours that are shorter are the exchange's outages (the longest known: 32
hours) and are not asked for again. A kill leaves a hole up to a month's end, which is."""

RECENT: Final = timedelta(days=30)
"""Holes in this last stretch are asked for at every update: serving needs it whole."""

OVERLAP: Final[dict[Interval, timedelta]] = {
    "1h": timedelta(days=2),
    "4h": timedelta(days=4),
    "1d": timedelta(days=30),
}
"""Candles at hand that are asked for once more with new ones, so that revisions are noticed."""


@dataclass(frozen=True)
class Need:
    """One series that a command reads; `first_open` None means from the first candle there is."""

    symbol: str
    interval: Interval
    first_open: datetime | None = None


def training_needs(recipe: Recipe) -> tuple[Need, ...]:
    """Return all series that a recipe trains on, with all their history."""
    intervals: tuple[Interval, ...] = ("1d", "4h", "1h")
    symbols = dict.fromkeys((recipe.symbol, *recipe.train.symbols, *recipe.references))
    return tuple(Need(symbol, one) for symbol in symbols for one in intervals)


@dataclass(frozen=True)
class Fetched:
    """What the update did for one series.

    Attributes:
        pending: candles that the exchange has revised; the first-seen ones are in force.
        accepted: revised candles that were put in force now.
        rejected: the refused rows, in words.
    """

    symbol: str
    interval: Interval
    appended: AppendReport
    pending: int
    accepted: int
    rejected: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """What is at hand of one series."""

    symbol: str
    interval: Interval
    rows: int
    gaps: tuple[Gap, ...]
    rejected: tuple[str, ...]
    last_open: datetime | None


def serving_needs(needed: Needed, asof_open: datetime) -> tuple[Need, ...]:
    """Return the series that a forecast reads, from the first candle of its window on."""
    first = needed.first_open(asof_open)
    return tuple(Need(symbol, interval, first) for symbol, interval in needed.series)


def update(
    workspace: Workspace, needs: Sequence[Need], *, accept_revisions: bool = False
) -> tuple[Fetched, ...]:
    """Fetch the closed candles that the lake lacks, series by series.

    A file source is read in place: there is no lake, and nothing is fetched.

    Args:
        accept_revisions: put the exchange's revised candles in force, in place of first-seen ones.

    Raises:
        DataUnavailable: the source has no such symbol, or cannot be reached.
    """
    if workspace.lake is None:
        return ()
    now = workspace.clock.now()
    with workspace.progress.track("update", len(needs)) as bar:
        done = []
        for need in needs:
            done.append(_fetch(workspace, workspace.lake, need, now, accept_revisions))
            bar.advance()
    return tuple(done)


def held(workspace: Workspace, needs: Sequence[Need]) -> tuple[Held, ...]:
    """Say what is at hand: rows, gaps, refused rows, the newest closed candle."""
    now = workspace.clock.now()
    found = []
    for need in needs:
        last = last_closed_open(now, need.interval)
        series = workspace.archive.read(need.symbol, need.interval, need.first_open, last)
        newest = series.last_open if len(series) else None
        reasons = _reasons(series)
        found.append(Held(need.symbol, need.interval, len(series), series.gaps(), reasons, newest))
    return tuple(found)


def _fetch(
    workspace: Workspace, lake: Lake, need: Need, now: datetime, accept_revisions: bool
) -> Fetched:
    last = last_closed_open(now, need.interval)
    appended = AppendReport(0, 0, 0)
    rejected: tuple[str, ...] = ()
    for first_missing, last_missing in _missing(lake, need, last):
        fetched = workspace.source.fetch(need.symbol, need.interval, first_missing, last_missing)
        workspace.pin_store()
        part = lake.append(fetched, seen_at=now)
        appended = AppendReport(
            appended.new + part.new, appended.equal + part.equal, appended.revised + part.revised
        )
        rejected += _reasons(fetched)
    accepted = lake.accept_revisions(need.symbol, need.interval) if accept_revisions else 0
    pending = lake.pending_revisions(need.symbol, need.interval)
    return Fetched(need.symbol, need.interval, appended, pending, accepted, rejected)


def _missing(lake: Lake, need: Need, last: datetime) -> list[tuple[datetime | None, datetime]]:
    """Return the spans worth fetching, the newest one with an overlap over what is at hand."""
    spans = lake.missing_spans(need.symbol, need.interval, need.first_open, last)
    return [
        (_with_overlap(first, need) if end == last else first, end)
        for first, end in spans
        if first is None or _worth_asking(first, end, need, last)
    ]


def _worth_asking(first: datetime, end: datetime, need: Need, last: datetime) -> bool:
    """Say whether a hole may be filled: it is no outage of the exchange's."""
    after = end + DURATION[need.interval]
    at_a_months_end = (after.day, after.hour) == (1, 0) or (first.day, first.hour) == (1, 0)
    return (
        need.interval != "1h"
        or first == need.first_open
        or end >= last - RECENT
        or end - first >= OUTAGE
        or at_a_months_end
    )


def _with_overlap(first: datetime | None, need: Need) -> datetime | None:
    if first is None or first == need.first_open:
        return first
    overlapping = first - OVERLAP[need.interval]
    return max(overlapping, need.first_open) if need.first_open else overlapping


def _reasons(candles: Candles) -> tuple[str, ...]:
    return tuple(f"{row.open_time or 'no time'}: {row.reason}" for row in candles.rejected)
