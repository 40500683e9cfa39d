"""The boundary of the candle contract: raw rows in, checked candles and refused rows out.

Identical duplicates collapse and are counted; conflicting or invalid rows are rejected with time
and reason, never repaired in silence. Gaps stay gaps.
"""

from __future__ import annotations

from datetime import datetime
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
    "quote_asset_volume": "quote_volume",
    "number_of_trades": "trades",
    "taker_buy_base_asset_volume": "taker_buy_base",
    "taker_buy_quote_asset_volume": "taker_buy_quote",
}
"""Column names of Binance's own documents, mapped to the contract's."""

TAKER_TOLERANCE: Final = 1e-9
"""Relative slack of `taker <= volume`: sums of 8-decimal fills differ in the last float digit."""

_MICROSECONDS_FROM: Final = 10**14
"""Epoch values from here on are microseconds: 10**14 ms would be the year 5138."""


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
    table = raw.rename(columns=ALIASES)
    missing = [name for name in ("open_time", *COLUMNS) if name not in table.columns]
    if missing:
        raise DataMalformed(
            f"{symbol} {interval}: the columns {', '.join(missing)} are missing.",
            remedy=f"A candle file needs open_time and {', '.join(COLUMNS)}.",
        )
    opens_ms, unreadable = _open_times_ms(table["open_time"], symbol, interval)
    values = _numbers(table, symbol, interval)
    rejected = [RejectedRow(None, f"unreadable open_time {text!r}") for text in unreadable]
    keep = opens_ms >= 0
    opens_ms, values = opens_ms[keep], values[keep]
    reasons = _reasons(opens_ms, values, interval)
    bad = reasons != ""
    rejected += [
        RejectedRow(_instant(ms), str(why)) for ms, why in zip(opens_ms[bad], reasons[bad], strict=True)
    ]
    opens_ms, values = opens_ms[~bad], values[~bad]
    opens_ms, values, duplicates, conflicts = _collapse(opens_ms, values)
    rejected += [RejectedRow(_instant(ms), "two rows of this open time disagree") for ms in conflicts]
    frame = pd.DataFrame(values, index=open_index(opens_ms), columns=list(COLUMNS))
    candles = Candles(symbol, interval, frame, tuple(rejected), duplicates)
    return candles if now is None else candles.until(now)


def _open_times_ms(column: pd.Series, symbol: str, interval: str) -> tuple[np.ndarray, list[str]]:
    """Return epoch ms per row (-1 = unreadable) and the unreadable texts."""
    if pd.api.types.is_datetime64_any_dtype(column):
        stamps = pd.to_datetime(column, utc=True).dt.as_unit("ms")
        known = stamps.notna().to_numpy()
        return np.where(known, stamps.astype("int64").to_numpy(), -1), ["NaT"] * int((~known).sum())
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().any() or column.empty:
        finite = np.isfinite(numbers.to_numpy(dtype="float64")) & (numbers.to_numpy() >= 0)
        epoch = np.where(finite, numbers, -1).astype("int64")
        epoch = np.where(epoch >= _MICROSECONDS_FROM, epoch // 1000, epoch)
        return epoch, [str(text) for text in column[~finite]]
    stamps = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    known = stamps.notna().to_numpy()
    if not known.any():
        raise DataMalformed(
            f"{symbol} {interval}: open_time holds {column.iloc[0]!r}, which is no instant.",
            remedy="Write it as epoch milliseconds, or as ISO 8601 in UTC.",
        )
    epoch = stamps.dt.as_unit("ms").astype("int64").to_numpy()
    return np.where(known, epoch, -1), [str(text) for text in column[~known]]


def _numbers(table: pd.DataFrame, symbol: str, interval: str) -> np.ndarray:
    """Return the value columns as float64, shape (rows, len(COLUMNS)); text numbers are read."""
    columns = []
    for name in COLUMNS:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if len(numbers) and numbers.isna().all():
            raise DataMalformed(
                f"{symbol} {interval}: the column {name} holds no number"
                f" (its first value is {table[name].iloc[0]!r}).",
                remedy="Write prices, volumes and counts as numbers.",
            )
        columns.append(numbers.to_numpy(dtype="float64"))
    return np.column_stack(columns) if columns else np.empty((0, 0))


def _reasons(opens_ms: np.ndarray, values: np.ndarray, interval: Interval) -> np.ndarray:
    """Return per row why it is refused, or an empty text; the first reason found stands."""
    open_, high, low, close, volume, quote, trades, taker_base, taker_quote = values.T
    step_ms = int(DURATION[interval].total_seconds() * 1000)
    slack = 1 + TAKER_TOLERANCE
    rules = (
        (~np.isfinite(values).all(axis=1), "a value is missing or not finite"),
        (opens_ms % step_ms != 0, f"open time is off the {interval} grid"),
        (low <= 0, "a price is not positive"),
        ((high < np.maximum(open_, close)) | (high < low), "high lies below open, close or low"),
        (low > np.minimum(open_, close), "low lies above open or close"),
        ((volume < 0) | (quote < 0) | (trades < 0), "a volume or count is negative"),
        ((taker_base < 0) | (taker_quote < 0), "a taker volume is negative"),
        ((taker_base > volume * slack) | (taker_quote > quote * slack), "taker volume exceeds volume"),
    )
    with np.errstate(invalid="ignore"):
        return np.select([rule for rule, _ in rules], [why for _, why in rules], default="")


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
