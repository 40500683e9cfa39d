"""Candles for callers: from the lake where it has them all, else from the source, each once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.adapters.clocks import FixedClock
from forecastlab.contracts.candles import Candles, Market
from forecastlab.contracts.errors import DataError, DataUnavailable, UnknownSymbol
from forecastlab.contracts.intervals import Interval
from forecastlab.usecases.klines import UPSTREAM, KlineQuery, KlineReader
from tests.support.memory_store import MemoryStore
from tests.support.synthetic import START, synthetic_market, without

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS = 40 * 24
NOW = START + HOURS * HOUR + HOUR / 2
"""The last hour of the market is closed, and the next one is open."""

LAST = START + (HOURS - 1) * HOUR
MARKET = synthetic_market(40, ("BTCUSDT", "ETHUSDT"))


class Source:
    """Gives what the market has, after `before` was called."""

    kind = "binance"

    def __init__(self, market: Market = MARKET) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self.before: Callable[[], None] = lambda: None
        self._view = market.as_of(NOW)

    def fetch(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        assert first_open is not None
        self.asked.append((first_open, last_open))
        self.before()
        if not self._view.has(symbol, interval):
            raise UnknownSymbol(f"There is no {symbol}.", remedy="Spell it.")
        return self._view.candles(symbol, interval).between(first_open, last_open)


def reader(
    source: Source, kept: Candles | None = None, *, told: Callable[[Any], None] = lambda _: None
) -> KlineReader:
    lake = CandleLake(MemoryStore())
    if kept is not None:
        lake.append(kept, seen_at=NOW)
    workspace: Any = SimpleNamespace(
        source=source, lake=lake, archive=lake, wall=FixedClock(NOW), source_kind="binance"
    )
    return KlineReader(workspace, told=told)


def hours(first: datetime, last: datetime) -> Candles:
    return MARKET.as_of(NOW).candles("BTCUSDT", "1h").between(first, last)


def query(limit: int = 5, **sides: datetime) -> KlineQuery:
    return KlineQuery("BTCUSDT", "1h", limit, **sides)


def test_the_newest_closed_candles_come_oldest_first() -> None:
    source = Source()
    found = reader(source).read(query())
    assert found.digest() == hours(LAST - 4 * HOUR, LAST).digest()
    assert source.asked == [(LAST - 4 * HOUR, LAST)]


def test_the_lake_is_asked_first() -> None:
    source = Source()
    found = reader(source, hours(LAST - 9 * HOUR, LAST)).read(query(10))
    assert len(found) == 10 and source.asked == []


@pytest.mark.parametrize("missing", [LAST, LAST - 2 * HOUR, LAST - 4 * HOUR])
def test_what_the_lake_has_in_part_comes_from_the_source(missing: datetime) -> None:
    source = Source()
    kept = hours(LAST - 9 * HOUR, LAST)
    holed = Candles("BTCUSDT", "1h", kept.frame.drop(missing))
    found = reader(source, holed).read(query())
    assert found.digest() == hours(LAST - 4 * HOUR, LAST).digest()
    assert len(source.asked) == 1


def test_an_outage_of_the_exchange_is_read_over() -> None:
    gone = [LAST - i * HOUR for i in range(2, 5)]
    source = Source(without(MARKET, "BTCUSDT", "1h", gone))
    found = reader(source).read(query(6))
    assert len(found) == 6
    assert found.frame.index.is_monotonic_increasing
    assert found.frame.index[0] == LAST - 8 * HOUR


def test_a_young_symbol_gives_what_there_is() -> None:
    source = Source()
    assert len(reader(source).read(query(HOURS + 500))) == HOURS
    assert len(source.asked) == 2


@pytest.mark.parametrize(
    ("sides", "first", "count"),
    [
        ({"first_open": LAST - 2 * HOUR}, LAST - 2 * HOUR, 3),
        ({"last_open": LAST - 10 * HOUR}, LAST - 14 * HOUR, 5),
        ({"first_open": LAST - 12 * HOUR, "last_open": LAST - 10 * HOUR}, LAST - 12 * HOUR, 3),
        ({"first_open": LAST - 40 * HOUR, "last_open": LAST - 10 * HOUR}, LAST - 14 * HOUR, 5),
        ({"first_open": LAST - 3 * HOUR + HOUR / 2}, LAST - 2 * HOUR, 3),
        ({"last_open": LAST - 10 * HOUR + HOUR / 2}, LAST - 14 * HOUR, 5),
        ({"last_open": NOW + 100 * HOUR}, LAST - 4 * HOUR, 5),
    ],
)
def test_a_span_has_its_newest(sides: dict[str, datetime], first: datetime, count: int) -> None:
    found = reader(Source()).read(query(**sides))
    assert (len(found), found.frame.index[0]) == (count, first)


@pytest.mark.parametrize(
    "sides",
    [
        {"first_open": LAST + HOUR},
        {"first_open": LAST, "last_open": LAST - HOUR},
        {"last_open": START - HOUR},
    ],
)
def test_an_empty_span_is_no_error(sides: dict[str, datetime]) -> None:
    assert len(reader(Source()).read(query(**sides))) == 0


def test_no_time_before_1970_is_asked_for() -> None:
    source = Source()
    assert len(reader(source).read(query(limit=1000, last_open=EPOCH + 3 * HOUR))) == 0
    assert source.asked == [(EPOCH, EPOCH + 3 * HOUR)]


def test_files_are_read_in_place_to_their_end() -> None:
    """A file's newest candles, however old the file is."""
    archive = SimpleNamespace(read=lambda symbol, interval, first, last: hours(START, LAST))
    workspace: Any = SimpleNamespace(
        lake=None, archive=archive, wall=FixedClock(NOW + timedelta(days=999))
    )
    assert KlineReader(workspace).read(query()).last_open == LAST


def test_one_fetch_serves_all_who_ask_meanwhile() -> None:
    source, go = Source(), threading.Event()
    source.before = lambda: go.wait(10) and None
    shared = reader(source)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(shared.read, query()) for _ in range(8)]
        while not source.asked:
            pass
        go.set()
        digests = {one.result(10).digest() for one in answers}
    # A thread that came after the first fetch had ended may have made one of its own.
    assert len(digests) == 1
    assert len(source.asked) < 8


def test_few_fetches_run_at_once() -> None:
    source, lock, now, most = Source(), threading.Lock(), [0], [0]
    meet = threading.Barrier(UPSTREAM, timeout=5)

    def counted() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        meet.wait()  # so many do run at once …
        with lock:
            now[0] -= 1

    source.before = counted
    shared = reader(source)
    with ThreadPoolExecutor(3 * UPSTREAM) as threads:
        found = threads.map(
            lambda i: shared.read(query(last_open=LAST - i * HOUR)), range(3 * UPSTREAM)
        )
        assert all(len(one) == 5 for one in found)
    assert most == [UPSTREAM]  # … and never more


def test_each_failure_of_the_source_is_told() -> None:
    told: list[DataError | None] = []
    source = Source()
    shared = reader(source, told=told.append)
    shared.read(query())
    error = DataUnavailable("Nobody answers.", remedy="Wait.")

    def fail() -> None:
        raise error

    source.before = fail
    with pytest.raises(DataUnavailable):
        shared.read(query())
    assert told == [None, error]
