"""L4: every input was available at the as-of: candles of every interval, rows of every table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from forecastlab.contracts.candles import MarketView, as_datetime
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.records import utc_text
from forecastlab.evaluation.leakage.altered_views import series_of
from forecastlab.evaluation.leakage.culprit import candle_text
from forecastlab.evaluation.leakage.findings import CheckReport, Finding, size


@dataclass(frozen=True, eq=False)
class Input:
    """Candles, or rows that belong to candles, that are used at an instant.

    Attributes:
        name: what they are, as `as-of view: BTCUSDT 4h`.
        opens: the opens of the candles.
        as_of: the instant of their use.
    """

    name: str
    symbol: str
    interval: Interval
    opens: pd.Index
    as_of: datetime


def availability(inputs: Iterable[Input]) -> CheckReport:
    """Check that every candle had closed by the instant of its use; one finding per name.

    >>> from datetime import UTC
    >>> opens = pd.DatetimeIndex(["2024-01-01T08:00", "2024-01-01T12:00"], tz="UTC")
    >>> noon = datetime(2024, 1, 1, 13, tzinfo=UTC)
    >>> report = availability([Input("view", "BTCUSDT", "4h", opens, noon)])
    >>> report.findings[0].candle, report.findings[0].change
    ('BTCUSDT 4h 2024-01-01T12Z', 3.0)
    """
    first: dict[str, Finding] = {}
    candles = 0
    for one in inputs:
        candles += len(one.opens)
        last_open = one.opens.max() if len(one.opens) else None
        if last_open is not None and last_open > pd.Timestamp(one.as_of) - DURATION[one.interval]:
            first.setdefault(one.name, _finding(one, as_datetime(last_open)))
    return CheckReport("L4", candles, tuple(first.values()))


def candles_of(name: str, view: MarketView, as_of: datetime) -> Iterator[Input]:
    """Yield every series of a view that is used at an instant."""
    for (symbol, interval), one in series_of(view).items():
        yield Input(f"{name}: {symbol} {interval}", symbol, interval, one.frame.index, as_of)


def rows_of(name: str, table: pd.DataFrame, interval: Interval, as_of: datetime) -> Iterator[Input]:
    """Yield the rows of a table (index `symbol`, `open_time`), by symbol, used at an instant."""
    symbols = table.index.get_level_values("symbol")
    opens = table.index.get_level_values("open_time")
    for symbol in symbols.unique():
        yield Input(f"{name}: {symbol}", str(symbol), interval, opens[symbols == symbol], as_of)


def _finding(one: Input, last_open: datetime) -> Finding:
    candle = candle_text(one.symbol, one.interval, last_open)
    late_hours = (last_open + DURATION[one.interval] - one.as_of) / timedelta(hours=1)
    sentence = (
        f"{one.name} at {utc_text(one.as_of)} holds {candle}, which closes {late_hours:g} h later."
    )
    return Finding("L4", one.name, one.as_of, candle, size(late_hours), sentence)
