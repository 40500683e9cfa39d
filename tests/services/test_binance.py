"""What the Binance source makes of a real server's answers, through the real client library."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from forecastlab.adapters.binance import PAGE, BinanceSource
from forecastlab.adapters.clocks import ExchangeClock
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import ConfigError, DataMalformed, DataUnavailable
from forecastlab.contracts.intervals import last_closed_open
from forecastlab.contracts.ports import Step
from tests.support.binance_wire import (
    KLINES,
    TIME,
    BinanceWire,
    disagreeing,
    microseconds,
    on_the_wire,
    overlapping,
    repeated,
    reversed_rows,
    stuck_at,
    without_end_time,
)
from tests.support.exchange import HOUR, LAST, NOW, Exchange, closed_hours, listed_series
from tests.support.faulty_http import (
    Fault,
    FaultyServer,
    answer,
    edited,
    honest,
)
from tests.support.synthetic import START, synthetic_market, without


def same(found: Candles, expected: Candles) -> bool:
    return found.digest() == expected.digest()


def test_pages_join_to_the_whole_history(exchange: Exchange) -> None:
    found = exchange.fetch()
    assert same(found, closed_hours())
    assert (found.rejected, found.duplicates) == ((), 0)
    assert [request.path for request in exchange.server.requests] == [TIME, *[KLINES] * 3]
    assert exchange.source.answered_by == exchange.server.url
    assert exchange.time.slept == []


def test_no_key_is_sent(exchange: Exchange) -> None:
    exchange.fetch()
    for request in exchange.server.requests:
        assert request.method == "GET"
        assert not {"x-mbx-apikey", "authorization", "cookie"} & set(request.headers)
        assert "signature" not in request.query


def test_range_is_closed_at_both_ends(exchange: Exchange) -> None:
    first, last = START + 10 * HOUR, START + 20 * HOUR
    found = exchange.source.fetch("BTCUSDT", "1h", first, last)
    assert same(found, closed_hours().between(first, last))
    assert len(found) == 11
    assert exchange.pages() == 1


def test_range_from_before_the_first_candle(exchange: Exchange) -> None:
    found = exchange.source.fetch("BTCUSDT", "1d", datetime(2010, 1, 1, tzinfo=UTC), START)
    assert list(found.frame.index) == [START]


def test_range_that_holds_nothing_is_empty(exchange: Exchange) -> None:
    early = exchange.source.fetch("BTCUSDT", "1h", None, START - HOUR)
    late = exchange.source.fetch("BTCUSDT", "1h", NOW + HOUR, NOW + 2 * HOUR)
    assert (len(early), len(late)) == (0, 0)
    assert early.frame.dtypes.equals(closed_hours().frame.dtypes)
    assert early.frame.index.dtype == closed_hours().frame.index.dtype


def test_history_that_ends_before_the_range_ends(exchange: Exchange) -> None:
    wire = BinanceWire([closed_hours().until(START + 1500 * HOUR)], NOW)
    with FaultyServer(wire) as delisted:
        found = Exchange(delisted).fetch()
    assert same(found, closed_hours().until(START + 1500 * HOUR))


@pytest.mark.parametrize(
    "missing", [range(PAGE - 5, PAGE + 5), range(500, 1700), range(PAGE, PAGE + 1)]
)
def test_page_boundary_on_a_gap(missing: range) -> None:
    gapped = without(
        synthetic_market(100), "BTCUSDT", "1h", [START + place * HOUR for place in missing]
    )
    series = [on_the_wire(one) for one in gapped.series()]
    with FaultyServer(BinanceWire(series, NOW)) as server:
        found = Exchange(server).fetch()
    assert same(found, next(one for one in series if one.interval == "1h").until(NOW))
    assert [gap.candles for gap in found.gaps()] == [len(missing)]


def test_unclosed_candle_is_left_out_by_server_time(exchange: Exchange) -> None:
    exchange.server.always(without_end_time(), path=KLINES)
    found = exchange.source.fetch("BTCUSDT", "1h", None, LAST + 5 * HOUR)
    assert found.last_open == LAST - HOUR
    assert same(found, closed_hours())
    assert found.rejected == ()


def test_candle_counts_as_closed_at_the_very_instant_of_its_end(exchange: Exchange) -> None:
    with FaultyServer(BinanceWire(listed_series(), LAST + HOUR)) as server:
        assert Exchange(server).fetch().last_open == LAST


def test_server_time_feeds_the_exchange_clock(exchange: Exchange) -> None:
    clock = ExchangeClock(exchange.source.server_time, monotonic=exchange.time.timing.monotonic)
    assert clock.now() == NOW
    exchange.time.second += 45
    assert clock.now() == NOW + timedelta(seconds=45)
    assert [request.path for request in exchange.server.requests] == [TIME]


def test_progress_reaches_its_total(exchange: Exchange) -> None:
    bars: list[Bar] = []

    class Bar:
        def __init__(self, label: str, total: int) -> None:
            self.label, self.total, self.steps = label, total, list[int]()

        def advance(self, steps: int = 1) -> None:
            self.steps.append(steps)

    class Bars:
        @contextmanager
        def track(self, label: str, total: int) -> Iterator[Step]:
            bars.append(Bar(label, total))
            yield bars[-1]

    source = BinanceSource([exchange.server.url], progress=Bars())
    source.fetch("BTCUSDT", "1h", None, LAST)
    assert [(bar.label, bar.total, bar.steps) for bar in bars] == [
        ("BTCUSDT 1h", 2399, [PAGE, PAGE, 399])
    ]


@pytest.mark.parametrize(
    ("fault", "repeats"),
    [
        (overlapping(7), 14),
        (repeated(), 2399),
        (microseconds(), 0),
        (reversed_rows(), 0),
        (without_end_time(), 0),
    ],
    ids=["overlapping", "repeated", "microseconds", "reversed", "past the end"],
)
def test_odd_pages_join_to_the_same_candles(exchange: Exchange, fault: Fault, repeats: int) -> None:
    exchange.server.always(fault, path=KLINES)
    found = exchange.fetch()
    assert same(found, closed_hours())
    assert (found.rejected, found.duplicates) == ((), repeats)
    assert exchange.pages() == 3


def test_disagreeing_rows_are_refused_and_the_rest_is_kept(exchange: Exchange) -> None:
    exchange.server.next(honest, disagreeing(4), path=KLINES)
    found = exchange.fetch()
    at = START + (PAGE + 4) * HOUR
    assert [row.open_time for row in found.rejected] == [at]
    assert "disagree" in found.rejected[0].reason
    assert same(found, Candles("BTCUSDT", "1h", closed_hours().frame.drop(index=at)))


def test_page_that_repeats_once_is_asked_again(exchange: Exchange) -> None:
    exchange.server.next(honest, stuck_at(START), path=KLINES)
    assert same(exchange.fetch(), closed_hours())
    assert exchange.time.slept == [0.5]


def test_page_that_repeats_without_end_is_given_up(pair: tuple[Exchange, FaultyServer]) -> None:
    exchange, second = pair
    exchange.server.always(stuck_at(START), path=KLINES)
    assert same(exchange.fetch(), closed_hours())
    second.always(stuck_at(START), path=KLINES)
    with pytest.raises(DataUnavailable, match="repeats candles"):
        exchange.fetch()
    assert exchange.pages() + len(second.asked(KLINES)) < 20


@pytest.mark.parametrize(
    "body",
    [
        {"code": 0},
        [[1514764800000, "1"]],
        [{"open": 1}],
        [["2018-01-01", *["1"] * 11]],
        [[None, *["1"] * 11]],
        [[-1, *["1"] * 11]],
        [[1514764800000, *["cheap"] * 11]],
    ],
    ids=["object", "short row", "no row", "text stamp", "no stamp", "negative stamp", "no numbers"],
)
def test_answer_without_candles_is_malformed(exchange: Exchange, body: object) -> None:
    exchange.server.always(answer(200, body), path=KLINES)
    with pytest.raises(DataMalformed):
        exchange.source.fetch("BTCUSDT", "1h", START, START)
    assert exchange.pages() == 1


@pytest.mark.parametrize("body", [{}, [], {"serverTime": "noon"}])
def test_answer_without_a_time_is_malformed(exchange: Exchange, body: object) -> None:
    exchange.server.always(answer(200, body), path=TIME)
    with pytest.raises(DataMalformed, match="for its time"):
        exchange.source.server_time()


def test_server_time_in_microseconds_is_understood(exchange: Exchange) -> None:
    exchange.server.always(
        edited(lambda body: {"serverTime": body["serverTime"] * 1000}),
        path=TIME,
    )
    assert exchange.source.server_time() == NOW


@pytest.mark.parametrize("url", ["", "api.binance.com", "ftp://api.binance.com", "https://"])
def test_base_url_must_be_one(url: str) -> None:
    with pytest.raises(ConfigError, match="FORECASTLAB_BINANCE_URL"):
        BinanceSource([url])


def test_base_url_may_end_in_api(exchange: Exchange) -> None:
    assert BinanceSource([f"{exchange.server.url}/api/"]).server_time() == NOW


def test_library_is_imported_only_when_used() -> None:
    code = (
        "import sys; from forecastlab.adapters.binance import BinanceSource; BinanceSource();"
        "print(*{'binance', 'requests', 'aiohttp', 'websockets'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_it_works_within_a_running_event_loop(exchange: Exchange) -> None:
    async def fetch() -> Candles:
        return exchange.fetch()

    assert same(asyncio.run(fetch()), closed_hours())


def test_last_closed_open_is_what_is_asked_for(exchange: Exchange) -> None:
    exchange.fetch()
    asked = {request.query["endTime"] for request in exchange.server.asked(KLINES)}
    assert asked == {str(round(last_closed_open(NOW, "1h").timestamp() * 1000))}
