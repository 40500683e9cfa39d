"""Candles in files: what is read in place, and how each kind of broken file ends."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecastlab.adapters.candle_files import FileSource
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import DataMalformed, DataUnavailable, ForecastLabError
from forecastlab.contracts.intervals import DURATION, INTERVALS, Interval
from tests.support.market_data import market_data_folder, real_market
from tests.support.raw_candles import candles, raw_rows
from tests.support.synthetic import START

DAY = timedelta(days=1)
SERIES = candles(20)
LAST = SERIES.last_open


def as_the_shared_data(table: pd.DataFrame) -> pd.DataFrame:
    """Write rows under the names of the exchange's documents, with a close time."""
    names = {
        "quote_volume": "quote_asset_volume",
        "trades": "number_of_trades",
        "taker_buy_base": "taker_buy_base_asset_volume",
        "taker_buy_quote": "taker_buy_quote_asset_volume",
    }
    return table.rename(columns=names).assign(close_time=table["open_time"] + 86_399_999)


def as_the_seed_csv(table: pd.DataFrame) -> pd.DataFrame:
    """Write rows as the earlier project's downloader did: ISO opens in front, epochs behind."""
    values = as_the_shared_data(table).rename(columns={"close_time": "close_time_ms"})
    stamps = pd.to_datetime(table["open_time"], unit="ms", utc=True)
    values = values.rename(columns={"open_time": "open_time_ms"})
    values.insert(0, "timestamp", stamps.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00"))
    return values


def write(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    return path


def read_all(path: Path, interval: Interval = "1d", symbol: str = "BTCUSDT") -> Candles:
    return FileSource(path).read(symbol, interval, None, START + 1000 * DAY)


@pytest.mark.parametrize("form", [as_the_shared_data, as_the_seed_csv, lambda table: table])
@pytest.mark.parametrize("name", ["BTCUSDT_1d.csv", "BTCUSDT_1d.parquet"])
def test_known_columns_are_read(
    form: Callable[[pd.DataFrame], pd.DataFrame], name: str, tmp_path: Path
) -> None:
    path = write(form(raw_rows(SERIES)), tmp_path / name)
    assert read_all(path).digest() == SERIES.digest()


@pytest.mark.parametrize(
    "name", ["btc_binance_BTCUSDT_1d.csv", "BTCUSDT-1d.parquet", "BTCUSDT.csv", "BTCUSDT.parquet"]
)
def test_single_file_tells_its_symbol_by_name_and_its_interval_by_name_or_spacing(
    name: str, tmp_path: Path
) -> None:
    path = write(raw_rows(SERIES), tmp_path / name)
    assert len(read_all(path)) == 20
    for symbol, interval in (("ETHUSDT", "1d"), ("BTCUSDT", "1h"), ("BTCUSDT", "4h")):
        with pytest.raises(DataUnavailable, match=f"{symbol}|{interval}"):
            read_all(path, interval, symbol)  # type: ignore[arg-type]


def test_name_that_tells_no_symbol_is_refused(tmp_path: Path) -> None:
    path = write(raw_rows(SERIES), tmp_path / "candles_1d.csv")
    with pytest.raises(DataUnavailable, match=r"does not tell whose.*BTCUSDT_1d\.csv"):
        read_all(path)


@pytest.mark.parametrize("named", INTERVALS)
@pytest.mark.parametrize("held", INTERVALS)
def test_interval_in_the_name_must_be_true(named: Interval, held: Interval, tmp_path: Path) -> None:
    path = write(raw_rows(candles(20, held)), tmp_path / f"BTCUSDT_{named}.parquet")
    if named == held:
        assert read_all(path, named).digest() == candles(20, held).digest()
    else:
        with pytest.raises(DataUnavailable, match=f"holds {held} candles, not {named}"):
            read_all(path, named)


def test_folder_is_searched_for_each_series(tmp_path: Path) -> None:
    write(raw_rows(SERIES), tmp_path / "BTCUSDT_1d.csv")
    write(raw_rows(candles(20, "1h")), tmp_path / "BTCUSDT_1h.parquet")
    source = FileSource(tmp_path)
    assert source.kind == "file"
    assert source.fetch("BTCUSDT", "1d", None, LAST).digest() == SERIES.digest()
    assert len(source.fetch("BTCUSDT", "1h", None, LAST)) == 19 * 24 + 1
    with pytest.raises(DataUnavailable, match=r"no SOLUSDT_1d\.parquet or SOLUSDT_1d\.csv"):
        source.fetch("SOLUSDT", "1d", None, LAST)


def test_request_bounds_are_closed(tmp_path: Path) -> None:
    source = FileSource(write(raw_rows(SERIES), tmp_path / "BTCUSDT_1d.parquet"))
    cut = source.read("BTCUSDT", "1d", START + 3 * DAY, START + 5 * DAY)
    assert list(cut.frame.index) == [START + i * DAY for i in (3, 4, 5)]
    assert not len(source.read("BTCUSDT", "1d", LAST + DAY, LAST + 9 * DAY))
    assert not len(source.read("BTCUSDT", "1d", None, START - DAY))


def test_nothing_is_written_beside_the_file(tmp_path: Path) -> None:
    path = write(raw_rows(SERIES), tmp_path / "BTCUSDT_1d.csv")
    before = path.read_bytes(), path.stat().st_mtime_ns
    read_all(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [path]


def test_changed_file_is_read_again(tmp_path: Path) -> None:
    path = write(raw_rows(SERIES), tmp_path / "BTCUSDT_1d.parquet")
    source = FileSource(path)
    first = source.read("BTCUSDT", "1d", None, LAST + 9 * DAY)
    assert source.read("BTCUSDT", "1d", None, LAST + 9 * DAY).digest() == first.digest()
    write(raw_rows(candles(25)), path)
    assert len(source.read("BTCUSDT", "1d", None, LAST + 9 * DAY)) == 25


def test_candle_that_was_open_when_the_file_was_written_is_refused(tmp_path: Path) -> None:
    path = write(raw_rows(SERIES), tmp_path / "BTCUSDT_1d.csv")
    noon = (LAST + timedelta(hours=12)).timestamp()
    os.utime(path, (noon, noon))
    read = read_all(path)
    assert read.last_open == LAST - DAY
    assert [row.open_time for row in read.rejected] == [LAST]
    assert "2018-01-20 12:00 UTC, while it was open" in read.rejected[0].reason
    closed = (LAST + DAY).timestamp()
    os.utime(path, (closed, closed))
    assert read_all(path).digest() == SERIES.digest()


# Broken in rows: what is wrong is listed, the rest is served.


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_unsorted_file_is_sorted(suffix: str, tmp_path: Path) -> None:
    shuffled = raw_rows(SERIES).sample(frac=1, random_state=3)
    assert read_all(write(shuffled, tmp_path / f"BTCUSDT_1d{suffix}")).digest() == SERIES.digest()


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    path = write(raw_rows(SERIES).drop(index=[5, 6, 11]), tmp_path / "BTCUSDT_1d.csv")
    read = read_all(path)
    assert [gap.candles for gap in read.gaps()] == [2, 1]
    assert not read.rejected


def test_sparse_file_is_not_taken_for_another_interval(tmp_path: Path) -> None:
    path = write(raw_rows(SERIES).iloc[::5], tmp_path / "BTCUSDT_1d.csv")
    assert len(read_all(path)) == 4


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_conflicting_duplicates_are_refused_and_listed(suffix: str, tmp_path: Path) -> None:
    table = raw_rows(SERIES)
    other = table.iloc[[7]].assign(close=table["low"][7])
    path = write(pd.concat([table, other]), tmp_path / f"BTCUSDT_1d{suffix}")
    read = read_all(path)
    assert [row.open_time for row in read.rejected] == [START + 7 * DAY]
    assert len(read) == 19


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_nan_rows_are_refused_and_listed(suffix: str, tmp_path: Path) -> None:
    table = raw_rows(SERIES)
    table.loc[[2, 9], "close"] = np.nan
    read = read_all(write(table, tmp_path / f"BTCUSDT_1d{suffix}"))
    assert [row.open_time for row in read.rejected] == [START + 2 * DAY, START + 9 * DAY]


def test_only_refused_rows_of_the_request_are_listed(tmp_path: Path) -> None:
    table = raw_rows(SERIES).astype({"open_time": object})
    table.loc[[2, 9], "close"] = np.nan
    table.loc[4, "open_time"] = "soon"
    source = FileSource(write(table, tmp_path / "BTCUSDT_1d.csv"))
    read = source.read("BTCUSDT", "1d", START + 5 * DAY, START + 9 * DAY)
    assert [row.open_time for row in read.rejected] == [None, START + 9 * DAY]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_numbers_in_strings_are_read(suffix: str, tmp_path: Path) -> None:
    table = raw_rows(SERIES)
    table["volume"] = [f"'{v!r}'".strip("'") for v in table["volume"].tolist()]
    if suffix == ".csv":
        path = tmp_path / "BTCUSDT_1d.csv"
        table.to_csv(path, index=False, quoting=2)
    else:
        path = write(table, tmp_path / "BTCUSDT_1d.parquet")
    assert read_all(path).digest() == SERIES.digest()


def test_a_word_among_numbers_costs_its_row_only(tmp_path: Path) -> None:
    table = raw_rows(SERIES).astype({"volume": object})
    table.loc[6, "volume"] = "n/k"
    read = read_all(write(table, tmp_path / "BTCUSDT_1d.csv"))
    assert [row.open_time for row in read.rejected] == [START + 6 * DAY]


def test_short_line_costs_its_row_only(tmp_path: Path) -> None:
    path = write(raw_rows(SERIES), tmp_path / "BTCUSDT_1d.csv")
    lines = path.read_text().splitlines()
    lines[7] = ",".join(lines[7].split(",")[:5])
    path.write_text("\n".join(lines) + "\n")
    assert [row.open_time for row in read_all(path).rejected] == [START + 6 * DAY]


# Broken as a whole: one clear error that names the file.


def _text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content) and None


def _table(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    return lambda path: write(change(raw_rows(SERIES)), path) and None


def _cut(share: float) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        whole = write(raw_rows(SERIES), path).read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])

    return make


def _long_line(path: Path) -> None:
    write(raw_rows(SERIES), path)
    lines = path.read_text().splitlines()
    lines[7] += ",9,9,9"
    path.write_text("\n".join(lines) + "\n")


def _long_lines(path: Path) -> None:
    write(raw_rows(SERIES), path)
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *(f"{line},9" for line in lines)]) + "\n")


def _broken_name(path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(raw_rows(SERIES)), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"trades", b"\xffrades"))


BROKEN: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "empty csv": ("csv", _text(""), "no readable CSV"),
    "blank csv": ("csv", _text("\n\n"), "no readable CSV"),
    "header alone": ("csv", _table(lambda t: t.iloc[:0]), "holds no row"),
    "cut csv": ("csv", _cut(0.6), "ends in the middle of a line"),
    "long line": ("csv", _long_line, "no readable CSV"),
    "long lines": ("csv", _long_lines, "no readable CSV"),
    "web page": ("csv", _text("<html>\n<body>451</body>\n</html>\n"), "columns open_time"),
    "binary csv": ("csv", lambda p: p.write_bytes(b"\xff\xfe\x00\x81\n") and None, "CSV|columns"),
    "no taker flow": ("csv", _table(lambda t: t.drop(columns="taker_buy_base")), "taker_buy_base"),
    "words": ("csv", _table(lambda t: t.assign(volume="many")), "volume holds no number"),
    "times in words": ("csv", _table(lambda t: t.assign(open_time="soon")), "no instant"),
    "all NaN": ("parquet", _table(lambda t: t.assign(close=np.nan)), "close holds no number"),
    "mostly broken": ("parquet", _table(lambda t: t.assign(high=t["low"])), "of 20 rows are refu"),
    "seconds": ("csv", _table(lambda t: t.assign(open_time=t["open_time"] // 1000)), "1970-01-18"),
    "empty parquet": ("parquet", _text(""), "no readable Parquet"),
    "text as parquet": ("parquet", _text("open_time,open\n1,2\n"), "no readable Parquet"),
    "cut parquet": ("parquet", _cut(0.6), "no readable Parquet"),
    "parquet with a broken name": ("parquet", _broken_name, "no readable Parquet"),
    "parquet without rows": ("parquet", _table(lambda t: t.iloc[:0]), "holds no row"),
    "parquet of lists": (
        "parquet",
        _table(lambda t: t.assign(close=[[1.0]] * len(t))),
        "close holds no number",
    ),
}


@pytest.mark.parametrize(("suffix", "make", "facts"), BROKEN.values(), ids=BROKEN)
def test_broken_file_is_one_clear_error(
    suffix: str, make: Callable[[Path], None], facts: str, tmp_path: Path
) -> None:
    path = tmp_path / f"BTCUSDT_1d.{suffix}"
    make(path)
    with warnings.catch_warnings():
        # A run outside the tests does not turn warnings into errors.
        warnings.simplefilter("ignore")
        with pytest.raises(DataMalformed, match=facts) as caught:
            read_all(path)
    assert str(path) in caught.value.facts
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_file_that_is_not_there_or_locked_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailable, match="cannot be read: No such file"):
        read_all(tmp_path / "BTCUSDT_1d.csv")
    (tmp_path / "BTCUSDT_1d.parquet").mkdir()
    with pytest.raises(DataUnavailable, match="cannot be read: Is a directory"):
        FileSource(tmp_path).read("BTCUSDT", "1d", None, LAST)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_damage_anywhere_never_leaks_a_foreign_exception(suffix: str, tmp_path: Path) -> None:
    path = write(raw_rows(SERIES), tmp_path / f"BTCUSDT_1d.{suffix}")
    whole, rng = path.read_bytes(), random.Random(5)
    for _ in range(150):
        place = rng.randrange(len(whole))
        flipped = bytes([whole[place] ^ (1 << rng.randrange(8))])
        damaged = whole[:place] + flipped + whole[place + 1 :]
        path.write_bytes(damaged[: rng.choice([len(whole), rng.randrange(len(whole))])])
        try:
            read = read_all(path)
        except ForecastLabError as error:
            assert error.exit_code == 3  # noqa: PT017 - most damages raise, some leave candles
        else:
            assert len(read) <= 20


@pytest.mark.parametrize("interval", INTERVALS)
def test_real_candles_are_read_whole(interval: Interval) -> None:
    folder = market_data_folder()
    (expected,) = real_market(("BTCUSDT",), (interval,)).series()
    last = datetime(2025, 10, 1, tzinfo=UTC) - DURATION[interval]
    read = FileSource(folder).read("BTCUSDT", interval, None, last)
    assert (read.digest(), read.last_open) == (expected.digest(), last)
    assert (read.rejected, read.duplicates) == ((), 0)
