"""The boundary of the candle contract: raw rows in, checked candles and refused rows out.

Identical duplicates collapse and are counted; conflicting or invalid rows are rejected with time
and reason, never repaired in silence. Gaps stay gaps.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import (
    COLUMNS,
    Candles,
    RejectedRow,
    as_datetime,
    open_index,
)
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.intervals import DURATION, Interval

ALIASES: Final = {
    "open_time": ("open_time_ms", "timestamp", "datetime", "date", "time"),
    "volume": ("base_volume", "volume_base"),
    "quote_volume": ("quote_asset_volume", "volume_quote"),
    "trades": ("number_of_trades", "num_trades", "trade_count", "tradecount", "count"),
    "taker_buy_base": ("taker_buy_base_asset_volume", "taker_buy_base_volume", "taker_buy_volume"),
    "taker_buy_quote": ("taker_buy_quote_asset_volume", "taker_buy_quote_volume"),
}
"""Spellings of the contract's columns in the exchange's documents and in common files; the first
one present counts. Case, blanks and hyphens do not matter."""

TAKER_TOLERANCE: Final = 1e-9
"""Relative slack of `taker <= volume`: sums of 8-decimal fills differ in the last float digit."""

MICROSECONDS_FROM: Final = 10**14
"""Epoch values from here on are microseconds: 10**14 ms would be the year 5138."""

_SHOWN: Final = 60
"""Characters of a foreign value that a message repeats."""

_MICROSECONDS_TO: Final = 10**17
"""Epoch values from here on are unreadable: 10**17 µs would again be the year 5138."""


def recognised(names: Iterable[Hashable]) -> dict[Hashable, str]:
    """Map the raw columns that hold candles to the contract's names; others are left out.

    >>> recognised(["timestamp", "open_time_ms", "Close", "Number of trades", "ignore"])
    {'open_time_ms': 'open_time', 'Close': 'close', 'Number of trades': 'trades'}
    """
    spelled: dict[str, Hashable] = {}
    for name in names:
        spelled.setdefault(re.sub(r"[\s-]+", "_", str(name).strip().lower()), name)
    found = {}
    for column in ("open_time", *COLUMNS):
        spelling = next((one for one in (column, *ALIASES.get(column, ())) if one in spelled), None)
        if spelling is not None:
            found[spelled[spelling]] = column
    return found


def checked_candles(
    symbol: str, interval: Interval, raw: pd.DataFrame, *, now: datetime | None = None
) -> Candles:
    """Check raw rows and return candles that keep the contract.

    Args:
        raw: columns `open_time` (epoch ms, epoch µs, or ISO text) and `COLUMNS` (or their aliases).
        now: where given, candles that are not closed at `now` are dropped (they are no fault).

    Raises:
        DataMalformed: a column is missing, or holds values that are no numbers at all.
    """
    names = recognised(raw.columns)
    table = raw.loc[:, list(names)].rename(columns=names)
    missing = [name for name in ("open_time", *COLUMNS) if name not in table.columns]
    if missing:
        raise DataMalformed(
            f"{symbol} {interval}: the columns {', '.join(missing)} are missing.",
            remedy=f"A candle file needs open_time and {', '.join(COLUMNS)}.",
        )
    if table.shape[1] != len(names):
        raise DataMalformed(
            f"{symbol} {interval}: a column is there twice ({', '.join(map(str, raw.columns))}).",
            remedy="Keep one of each.",
        )
    opens_ms, unreadable = _open_times_ms(table["open_time"], symbol, interval)
    values = _numbers(table, symbol, interval)
    rejected = [RejectedRow(None, f"unreadable open_time {text}") for text in unreadable]
    keep = opens_ms >= 0
    opens_ms, values = opens_ms[keep], values[keep]
    broken = _broken_rules(opens_ms, values, interval)
    bad = broken > 0
    rejected += [
        RejectedRow(_instant(ms), _RULES[rule - 1])
        for ms, rule in zip(opens_ms[bad], broken[bad], strict=True)
    ]
    opens_ms, values = opens_ms[~bad], values[~bad]
    opens_ms, values, duplicates, conflicts = _collapse(opens_ms, values)
    rejected += [
        RejectedRow(_instant(ms), "two rows of this open time disagree") for ms in conflicts
    ]
    frame = pd.DataFrame(values, index=open_index(opens_ms), columns=list(COLUMNS))
    candles = Candles(symbol, interval, frame, tuple(rejected), duplicates)
    return candles if now is None else candles.until(now)


def _open_times_ms(column: pd.Series, symbol: str, interval: str) -> tuple[np.ndarray, list[str]]:
    """Return epoch ms per row (-1 = unreadable) and the unreadable texts."""
    if pd.api.types.is_datetime64_any_dtype(column):
        epoch = _epoch_ms(pd.to_datetime(column, utc=True))
    else:
        numbers = _as_numbers(column)
        if np.isfinite(numbers).any() or pd.api.types.is_numeric_dtype(column):
            numbers = np.where((numbers >= 0) & (numbers < _MICROSECONDS_TO), numbers, -1)
            epoch = numbers.astype("int64")
            epoch = np.where(epoch >= MICROSECONDS_FROM, epoch // 1000, epoch)
        else:
            texts = column.astype("str")
            epoch = _epoch_ms(pd.to_datetime(texts, utc=True, errors="coerce", format="ISO8601"))
    readable = (epoch >= 0) & (epoch < MICROSECONDS_FROM)
    if len(epoch) and not readable.any():
        raise DataMalformed(
            f"{symbol} {interval}: open_time holds {_shown(column.iloc[0])}, which is no instant.",
            remedy="Write it as epoch milliseconds, or as ISO 8601 in UTC.",
        )
    return np.where(readable, epoch, -1), [_shown(value) for value in column[~readable]]


def _shown(value: object) -> str:
    """Return what a message repeats of a foreign value."""
    text = str(value)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _epoch_ms(stamps: pd.Series) -> np.ndarray:
    """Return epoch ms; NaT becomes a negative number."""
    epoch: np.ndarray = stamps.dt.as_unit("ms").astype("int64").to_numpy()
    return epoch


def _numbers(table: pd.DataFrame, symbol: str, interval: str) -> np.ndarray:
    """Return the value columns as float64, shape (rows, len(COLUMNS)); text numbers are read."""
    columns = []
    for name in COLUMNS:
        numbers = _as_numbers(table[name])
        if len(numbers) and np.isnan(numbers).all():
            raise DataMalformed(
                f"{symbol} {interval}: the column {name} holds no number"
                f" (its first value is {_shown(table[name].iloc[0])}).",
                remedy="Write prices, volumes and counts as numbers.",
            )
        columns.append(numbers)
    return np.column_stack(columns)


def _as_numbers(column: pd.Series) -> np.ndarray:
    """Return float64, NaN where a value is no number, or more than one can hold."""
    try:
        found = pd.to_numeric(column, errors="coerce")
    except OverflowError:  # 400 digits in a row, which `coerce` does not cover
        found = column.map(_as_float)
    numbers: np.ndarray = found.to_numpy("float64", na_value=np.nan)
    return numbers


def _as_float(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return math.nan


_RULES: Final = (
    "a value is missing or not finite",
    "open time is off the grid",
    "a price is not positive",
    "high lies below open, close or low",
    "low lies above open or close",
    "a volume or count is negative",
    "a taker volume is negative",
    "taker volume exceeds volume",
)
"""Why a row is refused, in the order of `_broken_rules`."""


def _broken_rules(opens_ms: np.ndarray, values: np.ndarray, interval: Interval) -> np.ndarray:
    """Return per row the number of the first rule that it breaks, from 1; 0 where it keeps all."""
    open_, high, low, close, volume, quote, trades, taker_base, taker_quote = values.T
    step_ms = DURATION[interval] // timedelta(milliseconds=1)
    slack = 1 + TAKER_TOLERANCE
    with np.errstate(invalid="ignore"):
        rules = [
            ~np.isfinite(values).all(axis=1),
            opens_ms % step_ms != 0,
            low <= 0,
            (high < np.maximum(open_, close)) | (high < low),
            low > np.minimum(open_, close),
            (volume < 0) | (quote < 0) | (trades < 0),
            (taker_base < 0) | (taker_quote < 0),
            (taker_base > volume * slack) | (taker_quote > quote * slack),
        ]
    return np.select(rules, range(1, len(rules) + 1), default=0)


def _collapse(
    opens_ms: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
    """Sort; drop identical repeats (counted); take out every row of a conflicting open time."""
    order = np.argsort(opens_ms, kind="stable")
    opens_ms, values = opens_ms[order], values[order]
    if len(opens_ms) < 2:
        return opens_ms, values, 0, opens_ms[:0]
    repeat = np.r_[False, opens_ms[1:] == opens_ms[:-1]]
    differs = repeat & np.r_[False, (values[1:] != values[:-1]).any(axis=1)]
    conflicts = np.unique(opens_ms[differs])
    conflicting = np.isin(opens_ms, conflicts)
    keep = ~repeat & ~conflicting
    return opens_ms[keep], values[keep], int((repeat & ~conflicting).sum()), conflicts


def _instant(open_time_ms: int) -> datetime:
    return as_datetime(open_index([int(open_time_ms)])[0])
