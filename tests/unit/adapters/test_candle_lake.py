"""The lake: what it appends, reads, keeps beside, and how it fails."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow.parquet import read_table, write_table

from forecastlab.adapters.candle_files import FileSource
from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.adapters.local_store import LocalStore
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import DataMalformed, StoreUnavailable
from forecastlab.contracts.intervals import INTERVALS, Interval
from forecastlab.contracts.ports import AppendReport
from forecastlab.usecases.counted_events import counted_events
from tests.support.market_data import real_market
from tests.support.memory_store import Killed, MemoryStore
from tests.support.raw_candles import candles
from tests.support.synthetic import START, synthetic_market

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SEEN = datetime(2018, 6, 1, 0, 5, tzinfo=UTC)
LATER = SEEN + DAY
HOURLY = candles(100, "1h")
DAILY = candles(800, "1d")
LAST_HOUR = HOURLY.last_open


def filled(series: Candles = HOURLY) -> tuple[CandleLake, MemoryStore]:
    store = MemoryStore()
    lake = CandleLake(store)
    lake.append(series, seen_at=SEEN)
    return lake, store


def whole(lake: CandleLake, series: Candles = HOURLY) -> Candles:
    return lake.read(series.symbol, series.interval, None, series.last_open)


def revised(series: Candles, opens: list[datetime], factor: float = 2.0) -> Candles:
    """Return those candles of a series with another volume."""
    frame = series.frame.loc[opens].copy()
    frame["volume"] *= factor
    return replace(series, frame=frame)


def test_candles_lie_by_month_and_year() -> None:
    store = MemoryStore()
    for one in synthetic_market(400).series():
        CandleLake(store).append(one, seen_at=SEEN)
    keys = store.list("candles/BTCUSDT/")
    assert [key for key in keys if "/1h/" not in key] == [
        f"candles/BTCUSDT/{interval}/{year}.parquet"
        for interval in ("1d", "4h")
        for year in (2018, 2019)
    ]
    assert [key for key in keys if "/1h/" in key][-3:] == [
        f"candles/BTCUSDT/1h/{month}.parquet" for month in ("2018-12", "2019-01", "2019-02")
    ]


def test_append_writes_each_month_once_and_oldest_first() -> None:
    _, store = filled()
    months = ("2018-01", "2018-02", "2018-03", "2018-04")
    assert store.written == [f"candles/BTCUSDT/1h/{month}.parquet" for month in months]


@pytest.mark.parametrize("interval", INTERVALS)
def test_what_was_appended_reads_back(interval: Interval) -> None:
    series = candles(90, interval)
    lake, _ = filled(series)
    assert whole(lake, series).digest() == series.digest()


def test_equal_candles_write_nothing() -> None:
    lake, store = filled()
    before = len(store.written)
    report = lake.append(HOURLY, seen_at=LATER)
    assert report == AppendReport(new=0, equal=2400, revised=0)
    assert len(store.written) == before


def test_only_what_is_missing_is_appended() -> None:
    lake, store = filled(HOURLY.between(START, START + 60 * DAY - HOUR))
    before = len(store.written)
    report = lake.append(HOURLY.between(START + 59 * DAY, LAST_HOUR), seen_at=LATER)
    assert report == AppendReport(new=40 * 24, equal=24, revised=0)
    assert store.written[before:] == [
        f"candles/BTCUSDT/1h/{month}.parquet" for month in ("2018-03", "2018-04")
    ]
    assert whole(lake).digest() == HOURLY.digest()


def test_nothing_appended_writes_nothing() -> None:
    lake, store = filled(HOURLY.between(START - DAY, START - DAY))
    assert store.written == []
    assert not len(lake.read("BTCUSDT", "1h", None, LAST_HOUR))
    assert not len(lake.read("BTCUSDT", "1h", START, LAST_HOUR))


def test_read_touches_only_the_objects_it_needs() -> None:
    lake, store = filled()
    store.gets.clear()
    cut = lake.read("BTCUSDT", "1h", START + 35 * DAY, START + 40 * DAY)
    assert store.gets == ["candles/BTCUSDT/1h/2018-02.parquet"]
    assert cut.digest() == HOURLY.between(START + 35 * DAY, START + 40 * DAY).digest()


def test_candles_read_cannot_change_what_is_read_next() -> None:
    lake, _ = filled()
    frame = whole(lake).frame
    frame.loc[:, "close"] = 0.0
    one_month = lake.read("BTCUSDT", "1h", START, START + DAY).frame
    one_month.loc[:, "close"] = 0.0
    assert whole(lake).digest() == HOURLY.digest()


def test_other_objects_in_the_folder_are_no_candles() -> None:
    lake, store = filled()
    store.put("candles/BTCUSDT/1h/notes.txt", b"x", if_generation="")
    assert whole(lake).digest() == HOURLY.digest()


# Holes


def test_missing_spans_of_an_empty_lake_are_the_request() -> None:
    lake = CandleLake(MemoryStore())
    assert lake.missing_spans("BTCUSDT", "1h", START, LAST_HOUR) == ((START, LAST_HOUR),)
    assert lake.missing_spans("BTCUSDT", "1h", None, LAST_HOUR) == ((None, LAST_HOUR),)
    assert lake.missing_spans("BTCUSDT", "1h", LAST_HOUR, START) == ()


def test_missing_spans_are_head_holes_and_tail() -> None:
    first, last = START + 10 * HOUR, START + 90 * DAY
    kept = HOURLY.between(first, last)
    frame = kept.frame.drop(index=[START + 50 * DAY, START + 50 * DAY + HOUR])
    lake, _ = filled(replace(kept, frame=frame))
    assert lake.missing_spans("BTCUSDT", "1h", START, LAST_HOUR) == (
        (START, first - HOUR),
        (START + 50 * DAY, START + 50 * DAY + HOUR),
        (last + HOUR, LAST_HOUR),
    )
    assert lake.missing_spans("BTCUSDT", "1h", None, last)[0] == (None, first - HOUR)
    assert lake.missing_spans("BTCUSDT", "1h", START + 51 * DAY, last) == ()


# Revisions


def test_first_seen_candle_stays_in_force(caplog: pytest.LogCaptureFixture) -> None:
    lake, _ = filled()
    opens = [START + 3 * HOUR, START + 40 * DAY]
    with caplog.at_level(logging.WARNING):
        report = lake.append(revised(HOURLY, opens), seen_at=LATER)
    assert report == AppendReport(new=0, equal=0, revised=2)
    assert "2 candles of BTCUSDT 1h differ from those first seen" in caplog.text
    assert whole(lake).digest() == HOURLY.digest()
    assert lake.pending_revisions("BTCUSDT", "1h") == 2


def test_revision_lies_beside_with_the_instant_it_was_seen() -> None:
    lake, store = filled()
    lake.append(revised(HOURLY, [START + 3 * HOUR]), seen_at=LATER)
    stored = store.get("candles/BTCUSDT/1h/2018-01.parquet")
    assert stored is not None
    rows = [
        row
        for row in read_table(pa.BufferReader(stored.data)).to_pylist()
        if row["open_time"] == START + 3 * HOUR
    ]
    assert [(row["revised_at"], row["in_force"]) for row in rows] == [(None, True), (LATER, False)]
    assert rows[1]["volume"] == rows[0]["volume"] * 2


def test_revisions_stand_in_the_report_of_the_run() -> None:
    lake, _ = filled()
    counts: Counter[str] = Counter()
    with counted_events(counts):
        lake.append(revised(HOURLY, [START + 3 * HOUR]), seen_at=LATER)
        lake.append(HOURLY, seen_at=LATER)
    assert counts == {"candles_revised": 1}


def test_revision_seen_again_is_counted_and_not_written_again() -> None:
    lake, store = filled()
    other = revised(HOURLY, [START + 3 * HOUR])
    lake.append(other, seen_at=LATER)
    before = len(store.written)
    assert lake.append(other, seen_at=LATER + DAY) == AppendReport(0, 0, 1)
    assert len(store.written) == before


def test_accepted_revisions_come_into_force_and_the_old_candle_is_kept() -> None:
    lake, store = filled()
    opens = [START + 3 * HOUR, START + 40 * DAY]
    lake.append(revised(HOURLY, opens), seen_at=LATER)
    assert lake.accept_revisions("BTCUSDT", "1h") == 2
    expected = HOURLY.frame.copy()
    expected.loc[opens, "volume"] *= 2
    assert whole(lake).digest() == replace(HOURLY, frame=expected).digest()
    assert lake.pending_revisions("BTCUSDT", "1h") == 0
    before = len(store.written)
    assert lake.accept_revisions("BTCUSDT", "1h") == 0
    assert len(store.written) == before
    stored = store.get("candles/BTCUSDT/1h/2018-01.parquet")
    assert stored is not None
    assert read_table(pa.BufferReader(stored.data)).num_rows == 31 * 24 + 1


def test_newest_revision_wins_and_a_return_to_the_first_counts_as_one() -> None:
    lake, _ = filled()
    opens = [START + 3 * HOUR]
    lake.append(revised(HOURLY, opens, 2.0), seen_at=LATER)
    lake.append(revised(HOURLY, opens, 3.0), seen_at=LATER + DAY)
    assert lake.accept_revisions("BTCUSDT", "1h") == 1
    assert whole(lake).frame["volume"][opens[0]] == HOURLY.frame["volume"][opens[0]] * 3
    assert lake.append(HOURLY, seen_at=LATER + 2 * DAY).revised == 1
    assert lake.accept_revisions("BTCUSDT", "1h") == 1
    assert whole(lake).digest() == HOURLY.digest()


# Kills and races


@pytest.mark.parametrize("hook", ["before_put", "after_put"])
@pytest.mark.parametrize("writes", range(4))
def test_killed_append_is_completed_by_the_next(hook: str, writes: int) -> None:
    store, reached = MemoryStore(), []

    def kill(key: str) -> None:
        reached.append(key)
        if len(reached) > writes:
            raise Killed

    setattr(store, hook, kill)
    lake = CandleLake(store)
    with pytest.raises(Killed):
        lake.append(HOURLY, seen_at=SEEN)
    setattr(store, hook, lambda _: None)
    spans = lake.missing_spans("BTCUSDT", "1h", START, LAST_HOUR)
    for first, last in spans:
        assert first is not None
        lake.append(HOURLY.between(first, last), seen_at=LATER)
    assert whole(lake).digest() == HOURLY.digest()
    assert store.contents() == filled()[1].contents()


def test_lost_race_reads_again_and_merges() -> None:
    store = MemoryStore()
    early, late = HOURLY.between(START, START + 9 * DAY), HOURLY.between(START + 5 * DAY, LAST_HOUR)
    raced: list[str] = []

    def other_writer(key: str) -> None:
        if not raced:
            raced.append(key)
            CandleLake(store).append(late, seen_at=SEEN)

    store.before_put = other_writer
    report = CandleLake(store).append(early, seen_at=SEEN)
    assert report == AppendReport(new=5 * 24, equal=4 * 24 + 1, revised=0)
    assert whole(CandleLake(store)).digest() == HOURLY.digest()


def test_endless_race_ends_with_a_clear_error() -> None:
    lake, store = filled(DAILY.between(START, START + DAY))
    other, step = CandleLake(store), iter(range(2, 800))
    writing: list[bool] = []

    def other_writer(_: str) -> None:
        if not writing:
            writing.append(True)
            opened = START + next(step) * DAY
            other.append(DAILY.between(opened, opened), seen_at=SEEN)
            writing.clear()

    store.before_put = other_writer
    with pytest.raises(StoreUnavailable, match=r"2018\.parquet in memory was changed by others"):
        lake.append(DAILY.between(START + 300 * DAY, START + 310 * DAY), seen_at=SEEN)


# Damage


def _table(change: Callable[[pa.Table], pa.Table]) -> Callable[[bytes], bytes]:
    def make(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        write_table(change(read_table(pa.BufferReader(data))), sink, store_schema=False)
        return bytes(sink.getvalue())

    return make


def _with(name: str, value: float, *, at: int) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        values = table.column(name).to_pylist()
        values[at] = value
        field = table.schema.field(place)
        return table.set_column(place, field, pa.array(values, field.type))

    return change


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "no Parquet": lambda _: b"<html>503</html>",
    "no rows": _table(lambda table: table.slice(0, 0)),
    "columns missing": _table(lambda table: table.drop_columns(["volume"])),
    "rows out of order": _table(lambda table: table.take(list(range(743, -1, -1)))),
    "rows twice": _table(lambda table: pa.concat_tables([table, table]).sort_by("open_time")),
    "a NaN": _table(_with("close", float("nan"), at=7)),
    "a candle not in force": _table(_with("in_force", False, at=7)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_object_is_named_and_left_as_it_is(damage: str) -> None:
    lake, store = filled()
    key = "candles/BTCUSDT/1h/2018-01.parquet"
    found = store.get(key)
    assert found is not None
    damaged = DAMAGES[damage](found.data)
    store.put(key, damaged, if_generation=found.generation)
    calls: list[Callable[[], object]] = [
        lambda: whole(lake),
        lambda: lake.append(HOURLY, seen_at=LATER),
        lambda: lake.accept_revisions("BTCUSDT", "1h"),
    ]
    for call in calls:
        with pytest.raises(DataMalformed, match=f"{key} are damaged.*forecastlab update"):
            call()
    after = store.get(key)
    assert after is not None
    assert after.data == damaged


def test_object_under_the_key_of_another_month_is_damage() -> None:
    lake, store = filled()
    found = store.get("candles/BTCUSDT/1h/2018-02.parquet")
    assert found is not None
    store.put("candles/BTCUSDT/1h/2018-05.parquet", found.data, if_generation="")
    with pytest.raises(DataMalformed, match=r"2018-05.*another period"):
        lake.read("BTCUSDT", "1h", None, LAST_HOUR + 31 * DAY)


def test_a_flipped_bit_in_the_values_is_caught() -> None:
    lake, store = filled()
    key = "candles/BTCUSDT/1h/2018-01.parquet"
    found = store.get(key)
    assert found is not None
    generation, rng = found.generation, np.random.default_rng(2)
    for place in rng.integers(8, len(found.data) * 3 // 4, 40):
        flipped = bytearray(found.data)
        flipped[place] ^= 1 << int(rng.integers(8))
        generation = store.put(key, bytes(flipped), if_generation=generation)
        with pytest.raises(DataMalformed, match=key):
            whole(lake)


@pytest.mark.parametrize("interval", INTERVALS)
def test_real_candles_keep_every_value(interval: Interval) -> None:
    (series,) = real_market(("BTCUSDT",), (interval,)).series()
    recent = series.between(datetime(2023, 1, 1, tzinfo=UTC), series.last_open)
    lake, _ = filled(recent)
    assert whole(lake, recent).digest() == recent.digest()
    first = recent.frame.index[0].to_pydatetime()
    holes = tuple((gap.first_missing, gap.last_missing) for gap in recent.gaps())
    assert lake.missing_spans("BTCUSDT", interval, first, recent.last_open) == holes


def test_object_of_the_lake_reads_as_a_file(tmp_path: Path) -> None:
    CandleLake(LocalStore(tmp_path)).append(DAILY, seen_at=SEEN)
    copied = tmp_path / "BTCUSDT_1d.parquet"
    copied.write_bytes((tmp_path / "candles/BTCUSDT/1d/2018.parquet").read_bytes())
    read = FileSource(copied).read("BTCUSDT", "1d", None, DAILY.last_open)
    assert read.digest() == DAILY.between(START, START + 364 * DAY).digest()
