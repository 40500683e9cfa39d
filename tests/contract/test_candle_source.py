"""The contract of every candle source: exchange, files and simulated market pass the same suite."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from forecastlab.adapters.binance import BinanceSource
from forecastlab.adapters.candle_files import FileSource
from forecastlab.adapters.clocks import FixedClock
from forecastlab.adapters.simulated import SimulatedMarket
from forecastlab.contracts.candles import COLUMNS, INDEX_DTYPE, Candles, Market
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, INTERVALS, Interval, last_closed_open
from forecastlab.contracts.ports import CandleSource, SourceKind
from tests.support.binance_wire import BinanceWire, on_the_wire
from tests.support.faulty_http import FaultyServer
from tests.support.synthetic import START, synthetic_market
from tests.support.workspaces import write_candles

NOW = START + timedelta(days=79, hours=14, minutes=30)
"""Within the last candle of every interval; the world holds candles beyond it."""


@dataclass(frozen=True)
class World:
    """A source of BTCUSDT and ETHUSDT from `START` on, at the instant `NOW`."""

    source: CandleSource
    kind: SourceKind


OpenWorld = Callable[[Path], AbstractContextManager[World]]


def held() -> Market:
    """Return what exchange and files hold: the open candle of each series stands last."""
    drawn = synthetic_market(80, ("BTCUSDT", "ETHUSDT")).series()
    return Market(on_the_wire(one).between(START, NOW) for one in drawn)


@contextmanager
def binance(folder: Path) -> Iterator[World]:
    with FaultyServer(BinanceWire(held().series(), NOW)) as server:
        yield World(BinanceSource([server.url]), "binance")


@contextmanager
def files(folder: Path) -> Iterator[World]:
    write_candles(held(), folder)
    for path in folder.iterdir():
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    yield World(FileSource(folder), "file")


@contextmanager
def simulated(folder: Path) -> Iterator[World]:
    yield World(SimulatedMarket(7, clock=FixedClock(NOW), start=START), "simulated")


SOURCES: dict[str, OpenWorld] = {"binance": binance, "file": files, "simulated": simulated}


@pytest.fixture(params=SOURCES)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with SOURCES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture(params=INTERVALS)
def interval(request: pytest.FixtureRequest) -> Interval:
    return request.param  # type: ignore[no-any-return]


def whole(world: World, interval: Interval) -> Candles:
    return world.source.fetch("BTCUSDT", interval, None, NOW + timedelta(days=30))


def test_kind_is_the_one_that_a_store_is_pinned_to(world: World) -> None:
    assert world.source.kind == world.kind


def test_candles_keep_the_contract(world: World, interval: Interval) -> None:
    candles = whole(world, interval)
    assert (candles.symbol, candles.interval) == ("BTCUSDT", interval)
    index = candles.frame.index
    assert str(index.dtype) == INDEX_DTYPE
    assert index.name == "open_time"
    assert index.is_monotonic_increasing and index.is_unique
    assert tuple(candles.frame.columns) == COLUMNS
    assert (candles.frame.dtypes == "float64").all()
    assert candles.frame.notna().all(axis=None)


def test_history_reaches_from_the_first_candle_to_the_last_closed(
    world: World, interval: Interval
) -> None:
    candles = whole(world, interval)
    assert candles.frame.index[0] == START
    assert candles.last_open == last_closed_open(NOW, interval)
    assert candles.gaps() == ()
    assert len(candles) == (candles.last_open - START) // DURATION[interval] + 1


def test_open_candle_is_never_returned_even_when_asked_for(
    world: World, interval: Interval
) -> None:
    open_now = last_closed_open(NOW, interval) + DURATION[interval]
    assert len(world.source.fetch("BTCUSDT", interval, open_now, open_now)) == 0


def test_range_is_closed_at_both_ends(world: World, interval: Interval) -> None:
    step = DURATION[interval]
    first, last = START + 5 * step, START + 9 * step
    part = world.source.fetch("BTCUSDT", interval, first, last)
    assert part.digest() == whole(world, interval).between(first, last).digest()
    assert [part.frame.index[0], part.last_open, len(part)] == [first, last, 5]


def test_bounds_between_two_opens_add_nothing(world: World, interval: Interval) -> None:
    step = DURATION[interval]
    part = world.source.fetch("BTCUSDT", interval, START + step / 2, START + 3.5 * step)
    assert list(part.frame.index) == [START + step, START + 2 * step, START + 3 * step]


def test_start_before_the_first_candle_means_the_first(world: World, interval: Interval) -> None:
    since_ever = world.source.fetch(
        "BTCUSDT", interval, datetime(2009, 1, 3, tzinfo=UTC), NOW + timedelta(days=30)
    )
    assert since_ever.digest() == whole(world, interval).digest()


def test_range_without_candles_is_empty_and_keeps_the_contract(
    world: World, interval: Interval
) -> None:
    filled = whole(world, interval).frame
    ranges = (
        (None, START - timedelta(days=1)),
        (START - timedelta(days=9), START - timedelta(days=1)),
        (NOW + timedelta(days=1), NOW + timedelta(days=9)),
        (START + timedelta(days=9), START + timedelta(days=8)),
    )
    for first, last in ranges:
        empty = world.source.fetch("BTCUSDT", interval, first, last)
        assert len(empty) == 0
        pd.testing.assert_frame_equal(empty.frame, filled.iloc[:0], check_freq=False)


def test_asking_again_gives_the_same_candles(world: World, interval: Interval) -> None:
    assert whole(world, interval).digest() == whole(world, interval).digest()


def test_symbols_are_not_mixed_up(world: World) -> None:
    bitcoin = whole(world, "1d")
    ether = world.source.fetch("ETHUSDT", "1d", None, NOW)
    assert ether.symbol == "ETHUSDT"
    assert len(ether) == len(bitcoin)
    assert (ether.frame["close"] != bitcoin.frame["close"]).all()


def test_unknown_symbol_is_unavailable(world: World) -> None:
    with pytest.raises(DataUnavailable, match="NOSUCHUSDT") as refusal:
        world.source.fetch("NOSUCHUSDT", "1d", None, NOW)
    assert refusal.value.remedy
