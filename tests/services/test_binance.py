"""The Binance source against a real HTTP server that misbehaves, through the real client library."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import pytest

from forecastlab.adapters.binance import PAGE, BinanceSource
from forecastlab.adapters.clocks import ExchangeClock
from forecastlab.adapters.retry import RetryPolicy
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import ConfigError, DataMalformed, DataUnavailable
from forecastlab.contracts.intervals import last_closed_open
from forecastlab.contracts.ports import Step
from tests.support.binance_wire import (
    KLINES,
    TIME,
    BinanceWire,
    disagreeing,
    error,
    microseconds,
    on_the_wire,
    overlapping,
    rate_limited,
    repeated,
    restricted,
    reversed_rows,
    stuck_at,
    without_end_time,
)
from tests.support.fake_time import FakeTime
from tests.support.faulty_http import (
    Fault,
    FaultyServer,
    answer,
    cut_off,
    edited,
    honest,
    html,
    reset,
    slow,
    truncated,
)
from tests.support.synthetic import START, synthetic_market, without

HOUR = timedelta(hours=1)
LAST = START + 2399 * HOUR
"""Open of the last candle of the exchange: it is still open, for `NOW` lies in its middle."""
NOW = LAST + HOUR / 2


@lru_cache
def market_series() -> tuple[Candles, ...]:
    return tuple(on_the_wire(one) for one in synthetic_market(100).series())


@lru_cache
def hourly() -> Candles:
    """Return the 2,399 closed hours: three pages."""
    return next(one for one in market_series() if one.interval == "1h").until(NOW)


class Exchange:
    """One misbehaving host, and a source that asks it (then `others`) in time that costs nothing."""

    def __init__(self, server: FaultyServer, *others: FaultyServer) -> None:
        self.server = server
        self.time = FakeTime()
        self.urls = [one.url for one in (server, *others)]
        self.source = self.source_with()

    def source_with(self, policy: RetryPolicy | None = None, **options: float) -> BinanceSource:
        return BinanceSource(self.urls, policy=policy, timing=self.time.timing, **options)

    def fetch(self) -> Candles:
        return self.source.fetch("BTCUSDT", "1h", None, LAST)

    def pages(self) -> int:
        return len(self.server.asked(KLINES))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers are on this machine, whatever proxy the environment names."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@contextmanager
def hosts(count: int) -> Iterator[list[FaultyServer]]:
    wire = BinanceWire(market_series(), NOW)
    with ExitStack() as stack:
        yield [stack.enter_context(FaultyServer(wire)) for _ in range(count)]


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with hosts(1) as (only,):
        yield Exchange(only)


@pytest.fixture
def pair() -> Iterator[tuple[Exchange, FaultyServer]]:
    """Give an exchange of two hosts, and the second of them."""
    with hosts(2) as (first, second):
        yield Exchange(first, second), second


def same(found: Candles, expected: Candles) -> bool:
    return found.digest() == expected.digest()


# --- The honest exchange ---------------------------------------------------------------------------


def test_pages_join_to_the_whole_history(exchange: Exchange) -> None:
    found = exchange.fetch()
    assert same(found, hourly())
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
    assert same(found, hourly().between(first, last))
    assert len(found) == 11
    assert exchange.pages() == 1


def test_range_from_before_the_first_candle(exchange: Exchange) -> None:
    found = exchange.source.fetch("BTCUSDT", "1d", datetime(2010, 1, 1, tzinfo=UTC), START)
    assert list(found.frame.index) == [START]


def test_range_that_holds_nothing_is_empty(exchange: Exchange) -> None:
    early = exchange.source.fetch("BTCUSDT", "1h", None, START - HOUR)
    late = exchange.source.fetch("BTCUSDT", "1h", NOW + HOUR, NOW + 2 * HOUR)
    assert (len(early), len(late)) == (0, 0)
    assert early.frame.dtypes.equals(hourly().frame.dtypes)
    assert early.frame.index.dtype == hourly().frame.index.dtype


def test_history_that_ends_before_the_range_ends(exchange: Exchange) -> None:
    wire = BinanceWire([hourly().until(START + 1500 * HOUR)], NOW)
    with FaultyServer(wire) as delisted:
        found = Exchange(delisted).fetch()
    assert same(found, hourly().until(START + 1500 * HOUR))


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
    assert same(found, hourly())
    assert found.rejected == ()


def test_candle_counts_as_closed_at_the_very_instant_of_its_end(exchange: Exchange) -> None:
    with FaultyServer(BinanceWire(market_series(), LAST + HOUR)) as server:
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


# --- Faults that pass ------------------------------------------------------------------------------

PASSING: dict[str, Fault] = {
    "500": error(500, -1000, "An unknown error occurred."),
    "502 with a web page": html(502),
    "503 without a body": answer(503),
    "500 with JSON that is no object": answer(500, ["down"]),
    "a web page": html(),
    "truncated JSON": truncated(),
    "a connection that closes early": cut_off(),
    "a reset": reset(),
    "no body": answer(408),
}


@pytest.mark.parametrize("path", [TIME, KLINES])
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_passing_fault_is_retried(exchange: Exchange, fault: Fault, path: str) -> None:
    exchange.server.next(fault, path=path)
    assert same(exchange.fetch(), hourly())
    assert exchange.time.slept == [0.5]
    assert len(exchange.server.requests) == 5


def test_fault_in_the_middle_repeats_only_its_page(exchange: Exchange) -> None:
    exchange.server.next(honest, reset(), html(503), honest, path=KLINES)
    assert same(exchange.fetch(), hourly())
    starts = [request.query["startTime"] for request in exchange.server.asked(KLINES)]
    assert starts[1] == starts[2] == starts[3]
    assert len(set(starts)) == 3
    assert exchange.time.slept == [0.5, 1.0]


def test_slow_reply_times_out_and_is_retried(exchange: Exchange) -> None:
    exchange.server.next(slow(5.0), path=KLINES)
    source = exchange.source_with(timeout_s=0.2)
    assert same(source.fetch("BTCUSDT", "1h", None, LAST), hourly())
    assert exchange.time.slept == [0.5]


@pytest.mark.parametrize(
    ("retry_after", "slept"), [("7", [7.0]), ("0", [0.5]), (None, [0.5]), ("soon", [0.5])]
)
def test_rate_limit_waits_as_told_and_goes_on(
    exchange: Exchange, retry_after: str | None, slept: list[float]
) -> None:
    exchange.server.next(honest, rate_limited(retry_after), path=KLINES)
    assert same(exchange.fetch(), hourly())
    assert exchange.time.slept == slept
    assert exchange.pages() == 4


# --- Faults that stay ------------------------------------------------------------------------------


def test_rate_limit_beyond_the_deadline_fails_at_once(pair: tuple[Exchange, FaultyServer]) -> None:
    exchange, second = pair
    exchange.server.always(rate_limited("600"), path=KLINES)
    with pytest.raises(DataUnavailable, match="limits the requests.*wait 600 s"):
        exchange.fetch()
    assert exchange.pages() == 1
    assert exchange.time.slept == []
    # The limit is the address's: another host would count on.
    assert second.requests == []


@pytest.mark.parametrize(
    ("ban", "end"),
    [
        (
            error(418, -1003, "Way too many requests; IP banned until 1759190400000."),
            "until 2025-09-30 00:00:00 UTC",
        ),
        (error(418, -1003, "Banned.", Retry_After="120"), "for another 120 s"),
        (html(418), "until a time that it does not state"),
    ],
)
def test_ban_stops_at_once_and_names_its_end(
    pair: tuple[Exchange, FaultyServer], ban: Fault, end: str
) -> None:
    exchange, second = pair
    exchange.server.always(ban, path=KLINES)
    with pytest.raises(DataUnavailable, match=f"banned this address {end}"):
        exchange.fetch()
    assert exchange.pages() == 1
    assert second.requests == []
    assert exchange.time.slept == []


REFUSING: dict[str, tuple[Fault, str]] = {
    "451": (restricted(), "region"),
    "403": (html(403), "firewall"),
    "404": (html(404), "refuses the request"),
}


@pytest.mark.parametrize(("fault", "said"), REFUSING.values(), ids=REFUSING)
def test_refusing_host_falls_through_to_the_next(
    pair: tuple[Exchange, FaultyServer], fault: Fault, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    exchange, second = pair
    exchange.server.always(fault)
    assert same(exchange.fetch(), hourly())
    assert exchange.source.answered_by == second.url
    assert len(exchange.server.requests) == 1
    assert said in caplog.text and exchange.server.url in caplog.text
    # The host that answered is asked first from then on.
    exchange.fetch()
    assert len(exchange.server.requests) == 1


@pytest.mark.parametrize(("fault", "said"), REFUSING.values(), ids=REFUSING)
def test_refusal_of_all_hosts_is_final(
    pair: tuple[Exchange, FaultyServer], fault: Fault, said: str
) -> None:
    exchange, second = pair
    for server in (exchange.server, second):
        server.always(fault)
    with pytest.raises(DataUnavailable, match=said) as refusal:
        exchange.fetch()
    assert [len(server.requests) for server in (exchange.server, second)] == [1, 1]
    assert exchange.time.slept == []
    assert exchange.server.url in refusal.value.facts and second.url in refusal.value.facts
    assert "FORECASTLAB_BINANCE_URL" in refusal.value.remedy


def test_region_and_firewall_have_their_own_remedies(exchange: Exchange) -> None:
    remedies = []
    for fault in (restricted(), html(403)):
        exchange.server.always(fault)
        with pytest.raises(DataUnavailable) as refusal:
            exchange.fetch()
        remedies.append(refusal.value.remedy)
    assert "another region" in remedies[0]
    assert "another address" in remedies[1]
    assert all("https://data-api.binance.vision" in remedy for remedy in remedies)


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_fault_that_stays_falls_through_to_the_next_host(
    pair: tuple[Exchange, FaultyServer], fault: Fault
) -> None:
    exchange, second = pair
    exchange.server.always(fault)
    assert same(exchange.fetch(), hourly())
    assert len(exchange.server.requests) == 4
    assert exchange.time.slept == [0.5, 1.0, 2.0]
    assert exchange.source.answered_by == second.url


def test_host_that_fails_half_way_hands_over(pair: tuple[Exchange, FaultyServer]) -> None:
    exchange, second = pair
    exchange.server.next(honest, honest, path=KLINES)
    exchange.server.always(restricted(), path=KLINES)
    assert same(exchange.fetch(), hourly())
    assert [request.path for request in second.requests] == [KLINES]


def test_hosts_that_are_all_down_are_all_named() -> None:
    with hosts(2) as servers:
        exchange = Exchange(*servers)
    with pytest.raises(DataUnavailable, match="no Binance host answers") as refusal:
        exchange.fetch()
    assert all(url in refusal.value.facts for url in exchange.urls)
    assert "Connection refused" in refusal.value.facts
    assert "network" in refusal.value.remedy
    assert exchange.source.answered_by is None


def test_unknown_host_name_is_unavailable() -> None:
    source = BinanceSource(["http://binance.invalid"], timing=FakeTime().timing, timeout_s=1.0)
    with pytest.raises(DataUnavailable, match="no Binance host answers"):
        source.server_time()


def test_deadline_is_for_all_hosts_and_waits_together(pair: tuple[Exchange, FaultyServer]) -> None:
    exchange, second = pair
    for server in (exchange.server, second):
        server.always(answer(503, headers={"Retry-After": "9"}))
    exchange.source = exchange.source_with(deadline_s=30.0)
    with pytest.raises(DataUnavailable, match="503"):
        exchange.fetch()
    # Three waits of 9 s at the first host; the second gets what is left: one call.
    assert exchange.time.slept == [9.0, 9.0, 9.0]
    assert [len(server.requests) for server in (exchange.server, second)] == [4, 1]


def test_deadline_bounds_a_history_of_honest_pages(exchange: Exchange) -> None:
    def tired(request: object, respond: object) -> object:
        exchange.time.second += 20
        return honest(request, respond)  # type: ignore[arg-type]

    exchange.server.always(tired, path=KLINES)  # type: ignore[arg-type]
    exchange.source = exchange.source_with(deadline_s=30.0)
    with pytest.raises(DataUnavailable, match="not done within 30 s") as refusal:
        exchange.fetch()
    assert "FORECASTLAB_BINANCE_DEADLINE_S" in refusal.value.remedy
    assert exchange.pages() == 2


def test_invalid_symbol_is_named_and_not_retried(pair: tuple[Exchange, FaultyServer]) -> None:
    exchange, second = pair
    with pytest.raises(DataUnavailable, match="no symbol 'NOSUCH'"):
        exchange.source.fetch("NOSUCH", "1h", None, LAST)
    assert exchange.pages() == 1
    assert second.requests == []


@pytest.mark.parametrize("url", ["", "api.binance.com", "ftp://api.binance.com", "https://"])
def test_base_url_must_be_one(url: str) -> None:
    with pytest.raises(ConfigError, match="FORECASTLAB_BINANCE_URL"):
        BinanceSource([url])


def test_base_url_may_end_in_api(exchange: Exchange) -> None:
    assert BinanceSource([f"{exchange.server.url}/api/"]).server_time() == NOW


# --- Answers that are not what they should be ------------------------------------------------------


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
    assert same(found, hourly())
    assert (found.rejected, found.duplicates) == ((), repeats)
    assert exchange.pages() == 3


def test_disagreeing_rows_are_refused_and_the_rest_is_kept(exchange: Exchange) -> None:
    exchange.server.next(honest, disagreeing(4), path=KLINES)
    found = exchange.fetch()
    at = START + (PAGE + 4) * HOUR
    assert [row.open_time for row in found.rejected] == [at]
    assert "disagree" in found.rejected[0].reason
    assert same(found, Candles("BTCUSDT", "1h", hourly().frame.drop(index=at)))


def test_page_that_repeats_once_is_asked_again(exchange: Exchange) -> None:
    exchange.server.next(honest, stuck_at(START), path=KLINES)
    assert same(exchange.fetch(), hourly())
    assert exchange.time.slept == [0.5]


def test_page_that_repeats_without_end_is_given_up(pair: tuple[Exchange, FaultyServer]) -> None:
    exchange, second = pair
    exchange.server.always(stuck_at(START), path=KLINES)
    assert same(exchange.fetch(), hourly())
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
        edited(lambda body: {"serverTime": body["serverTime"] * 1000}),  # type: ignore[index]
        path=TIME,
    )
    assert exchange.source.server_time() == NOW


# --- What it costs others --------------------------------------------------------------------------


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

    assert same(asyncio.run(fetch()), hourly())


def test_last_closed_open_is_what_is_asked_for(exchange: Exchange) -> None:
    exchange.fetch()
    asked = {request.query["endTime"] for request in exchange.server.asked(KLINES)}
    assert asked == {str(round(last_closed_open(NOW, "1h").timestamp() * 1000))}
