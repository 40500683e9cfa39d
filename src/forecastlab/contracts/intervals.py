"""Candle intervals, and instants written as the candle that opens there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

from forecastlab.contracts.errors import UsageError

Interval = Literal["1h", "4h", "1d"]

INTERVALS: Final[tuple[Interval, ...]] = get_args(Interval)
DURATION: Final[dict[Interval, timedelta]] = {
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}


_FIRST_YEAR, _LAST_YEAR = 1970, 2200
"""Instants outside make date arithmetic overflow, and no candle lies there."""


def floor_open(instant: datetime, interval: Interval) -> datetime:
    """Return the open of the candle of `interval` that contains `instant`.

    >>> floor_open(datetime(2025, 9, 30, 13, 59, tzinfo=UTC), "4h").isoformat()
    '2025-09-30T12:00:00+00:00'
    """
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (instant - epoch) // DURATION[interval] * DURATION[interval]


def last_closed_open(now: datetime, interval: Interval) -> datetime:
    """Return the open of the newest candle that is closed at `now`.

    >>> last_closed_open(datetime(2025, 10, 1, 0, 5, tzinfo=UTC), "1d").date().isoformat()
    '2025-09-30'
    """
    return floor_open(now, interval) - DURATION[interval]


def per_day(interval: Interval) -> int:
    """Return how many candles of an interval a day has.

    >>> per_day("4h")
    6
    """
    return DURATION["1d"] // DURATION[interval]


def asof_name(open_time: datetime, interval: Interval) -> str:
    """Write a candle's open as records and file names do.

    >>> asof_name(datetime(2025, 9, 30, tzinfo=UTC), "1d")
    '2025-09-30'
    >>> asof_name(datetime(2025, 9, 30, 13, tzinfo=UTC), "1h")
    '2025-09-30T13Z'
    """
    return open_time.strftime("%Y-%m-%d" if interval == "1d" else "%Y-%m-%dT%HZ")


def parse_asof(name: str, interval: Interval) -> datetime:
    """Read a candle's open from its name.

    Raises:
        UsageError: `name` has another form, or is off the interval's grid.

    >>> parse_asof("2025-09-30", "1d").isoformat()
    '2025-09-30T00:00:00+00:00'
    """
    form = "%Y-%m-%d" if interval == "1d" else "%Y-%m-%dT%HZ"
    try:
        open_time = datetime.strptime(name, form).replace(tzinfo=UTC)
    except ValueError:
        open_time = None
    sensible = open_time is not None and _FIRST_YEAR <= open_time.year <= _LAST_YEAR
    if open_time is None or not sensible or floor_open(open_time, interval) != open_time:
        example = asof_name(datetime(2025, 9, 30, 12, tzinfo=UTC), interval)
        raise UsageError(
            f"{name!r} names no {interval} candle.",
            remedy=f"Give the candle's open in UTC, as in {example}.",
        )
    return open_time


def parse_cut_off(name: str, interval: Interval) -> datetime:
    """Read a cut-off candle's open; a bare date means the last candle of that day.

    Raises:
        UsageError: `name` names no candle.

    >>> parse_cut_off("2025-09-30", "4h").isoformat()
    '2025-09-30T20:00:00+00:00'
    """
    if interval != "1d" and "T" not in name:
        return parse_asof(name, "1d") + DURATION["1d"] - DURATION[interval]
    return parse_asof(name, interval)


def interval_of(deployment: str) -> Interval:
    """Return the interval that a deployment carries in its name; without one it is daily.

    >>> interval_of("direction_1h_BTCUSDT"), interval_of("flow_T21X8_T14X8")
    ('1h', '1d')
    """
    named: list[Interval] = [one for one in INTERVALS if one in deployment.split("_")]
    return named[0] if named else "1d"


def parse_instant(text: str, *, what: str) -> datetime:
    """Read an instant from ISO 8601; without an offset it is UTC. `what` names it in messages.

    Raises:
        UsageError: `text` is no instant.

    >>> parse_instant("2025-10-01T08:05:00+08:00", what="--at").isoformat()
    '2025-10-01T00:05:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text)
        aware = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        aware = None
    if aware is None or not _FIRST_YEAR <= aware.year <= _LAST_YEAR:
        raise UsageError(
            f"{what} {text!r} is no instant.", remedy="Write it as 2025-10-01T00:05:00Z."
        )
    return aware
