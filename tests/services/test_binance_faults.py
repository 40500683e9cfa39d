"""What the Binance source does when a real server refuses, stalls or breaks off."""

from __future__ import annotations

from collections import Counter

import pytest

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.usecases.counted_events import counted_events
from tests.support.binance_wire import (
    KLINES,
    TIME,
    error,
    rate_limited,
    restricted,
)
from tests.support.exchange import LAST, Exchange, closed_hours, hosts
from tests.support.faulty_http import (
    Fault,
    FaultyServer,
    Reply,
    Request,
    Respond,
    answer,
    cut_off,
    honest,
    html,
    reset,
    slow,
    truncated,
)


def same(found: Candles, expected: Candles) -> bool:
    return found.digest() == expected.digest()


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
    assert same(exchange.fetch(), closed_hours())
    assert exchange.time.slept == [0.5]
    assert len(exchange.server.requests) == 5


def test_fault_in_the_middle_repeats_only_its_page(exchange: Exchange) -> None:
    exchange.server.next(honest, reset(), html(503), honest, path=KLINES)
    assert same(exchange.fetch(), closed_hours())
    starts = [request.query["startTime"] for request in exchange.server.asked(KLINES)]
    assert starts[1] == starts[2] == starts[3]
    assert len(set(starts)) == 3
    assert exchange.time.slept == [0.5, 1.0]


def test_what_was_overcome_is_counted(
    pair: tuple[Exchange, FaultyServer],
) -> None:
    """A morning that published holds in its report that the exchange faltered."""
    exchange, _ = pair
    counts: Counter[str] = Counter()
    with counted_events(counts):
        exchange.server.next(rate_limited("7"), reset(), restricted(), path=KLINES)
        exchange.fetch()
    assert counts == {"exchange_request_failed": 2, "exchange_host_passed_over": 1}


def test_slow_reply_times_out_and_is_retried(exchange: Exchange) -> None:
    exchange.server.next(slow(5.0), path=KLINES)
    source = exchange.source_with(timeout_s=0.2)
    assert same(source.fetch("BTCUSDT", "1h", None, LAST), closed_hours())
    assert exchange.time.slept == [0.5]


@pytest.mark.parametrize(
    ("retry_after", "slept"), [("7", [7.0]), ("0", [0.5]), (None, [0.5]), ("soon", [0.5])]
)
def test_rate_limit_waits_as_told_and_goes_on(
    exchange: Exchange, retry_after: str | None, slept: list[float]
) -> None:
    exchange.server.next(honest, rate_limited(retry_after), path=KLINES)
    assert same(exchange.fetch(), closed_hours())
    assert exchange.time.slept == slept
    assert exchange.pages() == 4


def test_rate_limit_beyond_the_deadline_fails_at_once(pair: tuple[Exchange, FaultyServer]) -> None:
    exchange, second = pair
    exchange.server.always(rate_limited("600"), path=KLINES)
    with pytest.raises(DataUnavailable, match=r"limits the requests.*wait 600 s"):
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
    ids=["in the message", "in the header", "nowhere"],
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
    assert same(exchange.fetch(), closed_hours())
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
    assert same(exchange.fetch(), closed_hours())
    assert len(exchange.server.requests) == 4
    assert exchange.time.slept == [0.5, 1.0, 2.0]
    assert exchange.source.answered_by == second.url


def test_host_that_fails_half_way_hands_over(pair: tuple[Exchange, FaultyServer]) -> None:
    exchange, second = pair
    exchange.server.next(honest, honest, path=KLINES)
    exchange.server.always(restricted(), path=KLINES)
    assert same(exchange.fetch(), closed_hours())
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
    def tired(request: Request, respond: Respond) -> Reply:
        exchange.time.second += 20
        return respond(request)

    exchange.server.always(tired, path=KLINES)
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
