"""Candles from elsewhere: files, an exchange, the lake. Candles that keep the contract, or none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.adapters import binance
from forecastlab.adapters.binance import BinanceSource
from forecastlab.adapters.binance_client import BinanceClient
from forecastlab.adapters.candle_files import FUNDING_FILE, FileSource
from forecastlab.adapters.candle_partitions import EMPTY, by_period, decoded, encoded, merged
from forecastlab.adapters.retry import RetryPolicy, retry_after_s
from forecastlab.contracts.candles import COLUMNS, Candles
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.usecases.evidence import read_evidence
from tests.support.fake_time import FakeTime
from tests.support.fuzzing import altered, damaged, json_values, survived, tries
from tests.support.raw_candles import candles, raw_rows

LAST: Final = datetime(2030, 1, 1, tzinfo=UTC)
SERIES: Final = candles(12)
ROWS: Final = raw_rows(SERIES)


def csv_of(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def parquet_of(table: pd.DataFrame, **options: Any) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, **options)
    return buffer.getvalue()


CSV: Final = csv_of(ROWS)
ISO: Final = csv_of(ROWS.assign(open_time=SERIES.frame.index))
PARQUET: Final = parquet_of(ROWS)
PLAIN: Final = parquet_of(ROWS, compression="none", use_dictionary=False, store_schema=False)
((PERIOD, OPENS, VALUES),) = by_period(SERIES)
PARTITION: Final = encoded(merged(EMPTY, OPENS, VALUES, seen_ms=0)[0])


def sound(found: Candles | None) -> None:
    """Demand candles that keep the contract, where there are any."""
    if found is None:
        return
    frame = found.frame
    assert list(frame.columns) == list(COLUMNS)
    assert frame.index.is_monotonic_increasing
    assert frame.index.is_unique
    assert np.isfinite(frame.to_numpy()).all()
    assert (frame["high"] >= frame[["open", "close", "low"]].max(axis=1)).all()


def read(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    sound(survived(FileSource(folder / name).fetch, "BTCUSDT", "1d", None, LAST))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("candles")


def test_the_samples_are_read(folder: Path) -> None:
    for name, data in (("csv", CSV), ("csv", ISO), ("parquet", PARQUET), ("parquet", PLAIN)):
        (folder / f"BTCUSDT_1d.{name}").write_bytes(data)
        found = FileSource(folder / f"BTCUSDT_1d.{name}").fetch("BTCUSDT", "1d", None, LAST)
        assert len(found) == len(SERIES)
    assert len(decoded(PARTITION, key=f"x/{PERIOD}.parquet", interval="1d").opens_ms) == 12


@tries(60)
@given(data=damaged(CSV, ISO))
def test_a_damaged_csv_is_read_or_refused(data: bytes, folder: Path) -> None:
    read(folder, "BTCUSDT_1d.csv", data)


@tries(50)
@given(data=damaged(PARQUET, PLAIN))
def test_a_damaged_parquet_is_read_or_refused(data: bytes, folder: Path) -> None:
    read(folder, "BTCUSDT_1d.parquet", data)


def test_a_table_that_unpacks_to_gigabytes_is_refused(folder: Path) -> None:
    """Six million equal rows take 250 kB, and 400 MB in memory."""
    one = pa.table({"open_time": pa.array([0], "int64"), **{name: [1.0] for name in COLUMNS}})
    many = pa.concat_tables([one.take(pa.array([0] * 1_000_000, "int32"))] * 6)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, many.schema) as writer:
        writer.write_table(many)
    data = bytes(sink.getvalue())
    assert len(data) < 300_000
    (folder / "BTCUSDT_1d.parquet").write_bytes(data)
    with pytest.raises(DataMalformed, match="6,000,000 rows of 10 columns"):
        FileSource(folder / "BTCUSDT_1d.parquet").fetch("BTCUSDT", "1d", None, LAST)
    with pytest.raises(BundleRefused, match="6,000,000 rows of 10 columns"):
        read_evidence(data)


@tries(50)
@given(data=damaged(PARTITION))
def test_a_damaged_partition_is_read_or_refused(data: bytes) -> None:
    found = survived(decoded, data, key=f"x/{PERIOD}.parquet", interval="1d")
    if found is not None:
        assert decoded(encoded(found), key=f"x/{PERIOD}.parquet", interval="1d") is not None


CELLS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["nan", "inf", "1e400", "2025-10-01", "١٢", "9" * 400, "1_0", "0x10", "NaT"]),
)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Make a table of the right columns, with odd cells, of odd types, or with one too many."""
    table = ROWS.copy()
    for _ in range(draw(st.integers(1, 3))):
        column = draw(st.sampled_from(list(table.columns)))
        kind = draw(st.sampled_from(("cells", "all", "gone", "renamed", "type")))
        if kind == "cells":
            table[column] = table[column].astype(object)
            table.loc[draw(st.integers(0, len(table) - 1)), column] = draw(CELLS)
        elif kind == "all":
            table[column] = [draw(CELLS)] * len(table)
        elif kind == "gone":
            table = table.drop(columns=column)
        elif kind == "renamed":
            names = st.sampled_from(["date", "Count", "open time", "", "x"]) | st.text(max_size=4)
            table = table.rename(columns={column: draw(names)})
        else:
            types = ("str", "int8", "bool", "category", "timedelta64[ns]", "datetime64[ns]")
            with np.errstate(all="ignore"):
                table[column] = pd.Series(
                    np.resize(np.arange(100), len(table)).astype("int64")
                ).astype(draw(st.sampled_from(types)))
        if not len(table.columns):
            break
    return table


@tries(60)
@given(table=tables())
def test_an_odd_table_is_read_or_refused(table: pd.DataFrame, folder: Path) -> None:
    read(folder, "BTCUSDT_1d.csv", csv_of(table))
    try:
        data = parquet_of(table)
    except (ValueError, TypeError, OverflowError):  # no Parquet can hold it
        return
    read(folder, "BTCUSDT_1d.parquet", data)


@tries(30)
@given(data=st.data())
def test_odd_funding_rates_are_read_or_refused(data: st.DataObject, folder: Path) -> None:
    (folder / FUNDING_FILE).parent.mkdir(exist_ok=True)
    table = pd.DataFrame(
        {
            "symbol": ["BTCUSDT"] * 3,
            "funding_time": data.draw(st.lists(CELLS, min_size=3, max_size=3)),
            "funding_rate": data.draw(st.lists(CELLS, min_size=3, max_size=3)),
        }
    )
    try:
        whole = parquet_of(table)
    except (ValueError, TypeError, OverflowError):
        whole = parquet_of(ROWS)
    for one in (whole, data.draw(damaged(whole))):
        (folder / FUNDING_FILE).write_bytes(one)
        survived(FileSource(folder).funding, "BTCUSDT")


class SaysAnything:
    """The exchange's library, with an exchange that answers anything at all."""

    API_URL = ""
    REQUEST_TIMEOUT = 0.0
    response = None
    loop: Any = None

    def __init__(self, time: object, klines: object) -> None:
        self._time, self._klines = time, klines

    def get_server_time(self) -> object:
        return self._time

    def get_klines(self, **parameters: object) -> object:
        return self._klines

    def close_connection(self) -> None:
        pass


@tries(40)
@given(
    after=damaged(b"7", b"Wed, 01 Oct 2025 00:06:00 GMT", b"Wed, 01 Oct 2025 00:06:00 +9999"),
    sent=damaged(b"Wed, 01 Oct 2025 00:05:00 GMT", b"1"),
)
def test_how_long_to_wait_is_read_or_left_open(after: bytes, sent: bytes) -> None:
    headers = {"Retry-After": after.decode("latin-1"), "Date": sent.decode("latin-1")}
    wait_s = retry_after_s(headers)
    assert wait_s is None or wait_s >= 0


KLINES: Final = [
    [int(row[0]), *row[1:6], 0, *row[6:], "0"] for row in ROWS.astype(str).to_numpy().tolist()
]


@tries(75)
@given(
    time=st.just({"serverTime": 1_900_000_000_000})
    | st.fixed_dictionaries({"serverTime": json_values()})
    | json_values(),
    klines=altered({"a": KLINES}).map(lambda one: one.get("a")) | json_values(),
)
def test_whatever_an_exchange_answers_is_read_or_refused(time: object, klines: object) -> None:
    library = SaysAnything(time, klines)

    @contextmanager
    def opened() -> Iterator[BinanceClient]:
        yield BinanceClient(library)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binance, "open_client", opened)
        source = BinanceSource(
            ["http://127.0.0.1"], policy=RetryPolicy(attempts=2), timing=FakeTime().timing
        )
        sound(survived(source.fetch, "BTCUSDT", "1d", None, LAST))
