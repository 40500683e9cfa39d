"""The boundary of the candle contract: what it reads, refuses and counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.candle_checks import checked_candles
from forecastlab.contracts.candles import COLUMNS
from forecastlab.contracts.errors import DataMalformed
from tests.support.raw_candles import candles, raw_rows

SERIES = candles(20)
DIGEST = SERIES.digest()
DAY_5 = datetime(2018, 1, 6, tzinfo=UTC)

SPELLINGS = {
    "the exchange's documents": {
        "quote_volume": "quote_asset_volume",
        "trades": "number_of_trades",
        "taker_buy_base": "taker_buy_base_asset_volume",
        "taker_buy_quote": "taker_buy_quote_asset_volume",
    },
    "the exchange's archives": {
        "trades": "count",
        "taker_buy_base": "taker_buy_volume",
        "taker_buy_quote": "taker_buy_quote_volume",
    },
    "titles": {
        "open_time": "Open time",
        "open": "Open",
        "quote_volume": "Quote asset volume",
        "trades": "Number of trades",
        "taker_buy_base": "Taker buy base asset volume",
        "taker_buy_quote": "Taker-buy quote asset volume",
    },
}

TIMES = {
    "epoch ms": lambda ms: ms,
    "epoch µs": lambda ms: ms * 1000,
    "epoch ms as text": lambda ms: ms.astype(str),
    "ISO with Z": lambda ms: pd.to_datetime(ms, unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "ISO with offset": lambda ms: pd.to_datetime(ms, unit="ms").dt.strftime(
        "%Y-%m-%d %H:%M:%S+00:00"
    ),
    "dates": lambda ms: pd.to_datetime(ms, unit="ms").dt.strftime("%Y-%m-%d"),
    "naive stamps": lambda ms: pd.to_datetime(ms, unit="ms"),
    "stamps in UTC": lambda ms: pd.to_datetime(ms, unit="ms", utc=True).dt.as_unit("ns"),
    "stamps in Shanghai": lambda ms: pd.to_datetime(ms, unit="ms", utc=True).dt.tz_convert(
        "Asia/Shanghai"
    ),
    "nullable integers": lambda ms: ms.astype("Int64"),
    "objects": lambda ms: ms.astype(object),
}

BROKEN = {
    "volume NaN": ({"volume": np.nan}, "a value is missing or not finite"),
    "close infinite": ({"close": np.inf}, "a value is missing or not finite"),
    "off the grid": ({"open_time": 1_515_200_400_000}, "open time is off the grid"),
    "price zero": ({"low": 0.0}, "a price is not positive"),
    "high too low": ({"high": 1.0}, "high lies below open, close or low"),
    "low too high": ({"low": 1e6, "high": 1e7}, "low lies above open or close"),
    "volume negative": ({"volume": -1.0}, "a volume or count is negative"),
    "trades negative": ({"trades": -1.0}, "a volume or count is negative"),
    "taker negative": ({"taker_buy_quote": -1.0}, "a taker volume is negative"),
    "taker above volume": ({"taker_buy_base": 1e12}, "taker volume exceeds volume"),
    "taker above quote": ({"taker_buy_quote": 1e15}, "taker volume exceeds volume"),
}


def rows() -> pd.DataFrame:
    return raw_rows(SERIES)


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_columns_are_read(names: dict[str, str]) -> None:
    assert checked_candles("BTCUSDT", "1d", rows().rename(columns=names)).digest() == DIGEST


def test_epoch_time_is_preferred_to_a_text_beside_it() -> None:
    table = rows().rename(columns={"open_time": "open_time_ms"})
    table.insert(0, "timestamp", "not read")
    table["close_time_ms"] = 0
    assert checked_candles("BTCUSDT", "1d", table).digest() == DIGEST


@pytest.mark.parametrize("write", TIMES.values(), ids=TIMES)
def test_forms_of_time_are_read(write: object) -> None:
    table = rows()
    table["open_time"] = write(table["open_time"])  # type: ignore[operator]
    assert checked_candles("BTCUSDT", "1d", table).digest() == DIGEST


def test_numbers_in_text_are_read() -> None:
    table = rows()
    for name in COLUMNS:
        table[name] = [repr(value) for value in table[name].tolist()]
    assert checked_candles("BTCUSDT", "1d", table).digest() == DIGEST


@pytest.mark.parametrize(("change", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_row_is_rejected_with_time_and_reason(change: dict[str, float], reason: str) -> None:
    table = rows()
    for name, value in change.items():
        table.loc[5, name] = value
    checked = checked_candles("BTCUSDT", "1d", table)
    assert [row.reason for row in checked.rejected] == [reason]
    when = datetime.fromtimestamp(int(table.loc[5, "open_time"]) / 1000, UTC)
    assert checked.rejected[0].open_time == when
    assert len(checked) == 19
    assert DAY_5 not in checked.frame.index


def test_taker_volume_may_exceed_volume_by_a_float_digit() -> None:
    table = rows()
    table["taker_buy_base"] = table["volume"] * (1 + 1e-12)
    assert not checked_candles("BTCUSDT", "1d", table).rejected


def test_identical_duplicates_collapse_and_are_counted() -> None:
    table = rows()
    doubled = pd.concat([table, table.iloc[[3, 3, 7]]])
    checked = checked_candles("BTCUSDT", "1d", doubled)
    assert (checked.digest(), checked.duplicates, checked.rejected) == (DIGEST, 3, ())


def test_conflicting_rows_are_all_rejected() -> None:
    table = rows()
    other = table.iloc[[5]].assign(volume=table["volume"][5] + 1)
    checked = checked_candles("BTCUSDT", "1d", pd.concat([table, other, table.iloc[[5, 9]]]))
    assert [(row.open_time, row.reason) for row in checked.rejected] == [
        (DAY_5, "two rows of this open time disagree")
    ]
    assert DAY_5 not in checked.frame.index
    assert (len(checked), checked.duplicates) == (19, 1)


@pytest.mark.parametrize("junk", ["", "soon", None, -1.0, 1e17, 1e300, np.inf, np.nan], ids=repr)
def test_unreadable_time_is_rejected_without_a_time(junk: object) -> None:
    table = rows()
    table["open_time"] = table["open_time"].astype(object)
    table.loc[5, "open_time"] = junk
    checked = checked_candles("BTCUSDT", "1d", table)
    assert [row.open_time for row in checked.rejected] == [None]
    assert checked.rejected[0].reason.startswith("unreadable open_time")
    assert len(checked) == 19


@pytest.mark.parametrize("stamp", [pd.NaT, pd.Timestamp("1969-12-31", tz="UTC")], ids=str)
def test_stamp_that_opens_no_candle_is_rejected(stamp: object) -> None:
    table = rows()
    table["open_time"] = pd.to_datetime(table["open_time"], unit="ms", utc=True)
    table.loc[5, "open_time"] = stamp
    checked = checked_candles("BTCUSDT", "1d", table)
    assert (len(checked), [row.open_time for row in checked.rejected]) == (19, [None])


@pytest.mark.parametrize(
    ("column", "values", "facts"),
    [
        ("open_time", "soon", "open_time holds 'soon', which is no instant"),
        ("open_time", -5.0, "open_time holds '-5.0', which is no instant"),
        ("volume", "many", "the column volume holds no number (its first value is 'many')"),
        ("volume", np.nan, "the column volume holds no number"),
        ("close", [[1.0]] * 20, "the column close holds no number (its first value is '[1.0]')"),
    ],
    ids=["times text", "times negative", "volumes text", "volumes NaN", "lists"],
)
def test_mistyped_column_is_malformed(column: str, values: object, facts: str) -> None:
    table = rows()
    table[column] = values
    with pytest.raises(DataMalformed) as caught:
        checked_candles("BTCUSDT", "1d", table)
    assert facts in caught.value.facts


def test_missing_columns_are_named() -> None:
    with pytest.raises(DataMalformed, match="trades, taker_buy_quote are missing"):
        checked_candles("BTCUSDT", "1d", rows().drop(columns=["trades", "taker_buy_quote"]))


def test_column_that_is_there_twice_is_malformed() -> None:
    table = rows()
    with pytest.raises(DataMalformed, match="there twice"):
        checked_candles("BTCUSDT", "1d", pd.concat([table, table["close"]], axis=1))


def test_candles_not_closed_now_are_dropped_and_no_fault() -> None:
    now = DAY_5 + timedelta(hours=23, minutes=59)
    checked = checked_candles("BTCUSDT", "1d", rows(), now=now)
    assert checked.last_open == DAY_5 - timedelta(days=1)
    assert not checked.rejected
    closed = checked_candles("BTCUSDT", "1d", rows(), now=DAY_5 + timedelta(days=1))
    assert closed.last_open == DAY_5


def test_no_rows_give_no_candles() -> None:
    checked = checked_candles("BTCUSDT", "1d", rows().iloc[:0])
    assert (len(checked), checked.rejected) == (0, ())
    assert str(checked.frame.index.dtype) == "datetime64[ms, UTC]"


@given(st.permutations(range(20)), st.lists(st.integers(0, 19)))
def test_order_and_repeats_of_rows_do_not_matter(order: list[int], again: list[int]) -> None:
    checked = checked_candles("BTCUSDT", "1d", rows().iloc[[*order, *again]])
    assert (checked.digest(), checked.duplicates) == (DIGEST, len(again))
