"""Candles over HTTP, from a real exchange on loopback, through the client library."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecastlab.adapters.candle_files import FileSource
from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.adapters.clocks import FixedClock
from forecastlab.api.klines import Klines
from forecastlab.api.metrics import Metrics
from forecastlab.bootstrap import open_workspace
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.settings import read_settings
from forecastlab.usecases.workspace import Workspace
from tests.support.binance_wire import KLINES
from tests.support.exchange import LAST, NOW, Exchange, closed_hours
from tests.support.faulty_http import answer, slow
from tests.support.service import Service, running, wait_until
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import write_candles

BATCH = "/v1/klines/batch"


@pytest.fixture
def workspace(tmp_path: Path, exchange: Exchange) -> Workspace:
    settings = read_settings({"FORECASTLAB_STORE": str(tmp_path / "store")}, folder=tmp_path)
    return replace(
        open_workspace(settings, quiet=True),
        source=exchange.source_with(deadline_s=2),
        wall=FixedClock(NOW),
    )


@pytest.fixture
def service(workspace: Workspace) -> Iterator[Service]:
    metrics = Metrics()
    with running([Klines(workspace, metrics)], metrics=metrics) as (service, _):
        yield service


class Asleep:
    """A source that nothing may ask."""

    kind = "binance"
    asked = False

    def fetch(self, *_: object) -> None:
        Asleep.asked = True
        raise AssertionError("the source was asked")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    store = str(tmp_path_factory.mktemp("store"))
    workspace: Any = open_workspace(read_settings({"FORECASTLAB_STORE": store}), quiet=True)
    with running([Klines(replace(workspace, source=Asleep()), Metrics())]) as (service, _):
        yield service
    assert not Asleep.asked


def one(symbol: str = "BTCUSDT", interval: str = "1h", **more: int) -> dict[str, object]:
    return {"symbol": symbol, "interval": interval, **more}


def ask(service: Service, *queries: dict[str, object]) -> Any:
    got = service.post(BATCH, {"queries": list(queries)})
    assert got.status == 200, got.body
    count = got.document["metadata"]
    assert count["total_queries"] == count["successful_queries"] + count["failed_queries"]
    assert count["total_klines"] == sum(len(rows) for rows in got.document["results"].values())
    assert got.document["success"] is (got.document["errors"] == {})
    return got.document


def test_a_candle_has_the_shape_of_the_wire(service: Service) -> None:
    told = ask(service, one(limit=2))
    row = told["results"]["BTCUSDT:1h"][-1]
    last = closed_hours().frame.iloc[-1]
    opened = int(LAST.timestamp() * 1000)  # the hour that is still open
    assert row == {
        "symbol": "BTCUSDT",
        "interval": "1h",
        "open_time": opened - 3_600_000,
        "close_time": opened - 1,
        "open_price": last["open"],
        "high_price": last["high"],
        "low_price": last["low"],
        "close_price": last["close"],
        "volume": last["volume"],
        "quote_volume": last["quote_volume"],
        "trade_count": int(last["trades"]),
        "taker_buy_base_volume": last["taker_buy_base"],
        "taker_buy_quote_volume": last["taker_buy_quote"],
        "source": "binance",
    }
    assert isinstance(row["trade_count"], int)


def test_a_batch_is_oldest_first_and_a_hundred_by_default(service: Service) -> None:
    told = ask(service, one(), one(interval="4h", limit=25), one(interval="1d", limit=1))
    assert {name: len(rows) for name, rows in told["results"].items()} == {
        "BTCUSDT:1h": 100,
        "BTCUSDT:4h": 25,
        "BTCUSDT:1d": 1,
    }
    opens = [row["open_time"] for row in told["results"]["BTCUSDT:1h"]]
    assert opens == sorted(opens)


def test_a_partial_failure_is_partial(service: Service) -> None:
    told = ask(service, one(limit=3), one("NOPEUSDT"))
    assert len(told["results"]["BTCUSDT:1h"]) == 3
    assert "NOPEUSDT" in told["errors"]["NOPEUSDT:1h"]
    assert told["metadata"]["failed_queries"] == 1
    assert service.get("/health").document["status"] == "ok"  # a typo is no illness


def test_duplicates_collapse_and_are_counted(service: Service, exchange: Exchange) -> None:
    told = ask(service, one(limit=2), one(limit=7), one(limit=2), one("NOPE"), one("NOPE"))
    assert len(told["results"]["BTCUSDT:1h"]) == 7
    assert told["metadata"] == {
        "total_queries": 5,
        "successful_queries": 3,
        "failed_queries": 2,
        "duplicate_queries": 3,
        "total_klines": 7,
    }
    assert len(exchange.server.asked(KLINES)) == 2


def test_one_series_in_a_span(service: Service) -> None:
    opened = int(LAST.timestamp() * 1000)
    span = f"start_time={opened - 5 * 3_600_000}&end_time={opened - 2 * 3_600_000}"
    rows = service.get(f"/v1/klines/BTCUSDT/1h?{span}").document
    hours = [(opened - row["open_time"]) // 3_600_000 for row in rows]
    assert hours == [5, 4, 3, 2]
    newest = service.get(f"/v1/klines/BTCUSDT/1h?{span}&limit=2").document
    assert newest == rows[-2:]


def test_an_unknown_symbol_is_not_found(service: Service) -> None:
    service.get("/v1/klines/NOPEUSDT/1h").refused(404, "NOPEUSDT")


def test_an_exchange_that_is_down_is_503_and_seen_in_health(
    service: Service, exchange: Exchange
) -> None:
    exchange.server.always(answer(500))
    service.get("/v1/klines/BTCUSDT/1h").refused(503, "no Binance host answers")
    told = service.get("/health").document
    assert told["status"] == "degraded"
    assert "no Binance host answers" in told["components"]["klines"]["last_error"]
    text = service.get("/metrics").body.decode()
    assert 'forecastlab_upstream_total{outcome="failure"} 1.0' in text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"queries": []},
        {"queries": [one()] * 51},
        {"queries": [one(limit=0)]},
        {"queries": [one(limit=1001)]},
        {"queries": [one(limit=10**30)]},
        {"queries": [{**one(), "limit": "5"}]},
        {"queries": [{**one(), "limit": True}]},
        {"queries": [{**one(), "limit": 1.5}]},
        {"queries": [{**one(), "limit": None}]},
        {"queries": [one(interval="15m")]},
        {"queries": [one("btcusdt")]},
        {"queries": [one("../../secrets")]},
        {"queries": [one("BTC\n")]},
        {"queries": [{"symbol": "BTCUSDT"}]},
        {"queries": [None]},
        {"queries": {"0": one()}},
        [],
        None,
    ],
    ids=lambda body: str(body)[:40],
)
def test_a_batch_that_cannot_be_meant_is_refused(strict: Service, body: object) -> None:
    strict.post(BATCH, body).refused(400, "body")


@pytest.mark.parametrize(
    "path",
    [
        "BTCUSDT/2h",
        "btcusdt/1h",
        "B%00/1h",
        "BTCUSDT%2F..%2F/1h",
        "BTCUSDT/1h?limit=0",
        "BTCUSDT/1h?limit=many",
        "BTCUSDT/1h?start_time=-1",
        f"BTCUSDT/1h?end_time={10**19}",
    ],
)
def test_a_series_that_cannot_be_meant_is_refused(strict: Service, path: str) -> None:
    answered = strict.get(f"/v1/klines/{path}")
    answered.refused(404 if "%2F" in path else 400)


def test_a_slow_series_holds_no_other_up(service: Service, exchange: Exchange) -> None:
    exchange.server.next(slow(1.4), path=KLINES)
    thread = threading.Thread(target=service.get, args=("/v1/klines/BTCUSDT/1d",))
    thread.start()
    wait_until(lambda: len(exchange.server.asked(KLINES)) == 1)
    assert service.get("/livez").status == 200
    assert len(ask(service, one(interval="4h"))["results"]["BTCUSDT:4h"]) == 100
    assert thread.is_alive()
    thread.join()


def test_a_series_that_hangs_fails_alone(workspace: Workspace, exchange: Exchange) -> None:
    CandleLake(workspace.store).append(closed_hours(), seen_at=NOW)
    exchange.server.always(slow(1.5))
    with running([Klines(workspace, Metrics(), within_s=0.5)]) as (service, _):
        asked = ask(service, one(limit=10), one(interval="4h"))
    assert len(asked["results"]["BTCUSDT:1h"]) == 10
    assert asked["errors"] == {"BTCUSDT:4h": "BTCUSDT:4h did not come within 0.5 s."}


class Hanging:
    """A source that answers nobody until it is told to end."""

    kind = "binance"

    def __init__(self) -> None:
        self.end = threading.Event()

    def fetch(self, *_: object) -> None:
        self.end.wait(30)
        raise DataUnavailable("The exchange is away.", remedy="Wait.")


def test_what_the_lake_holds_waits_for_no_fetch(workspace: Workspace) -> None:
    CandleLake(workspace.store).append(closed_hours(), seen_at=NOW)
    source: Any = Hanging()
    part = Klines(replace(workspace, source=source), Metrics(), within_s=1)
    with running([part]) as (service, _):
        try:
            others = [one(f"{letter}USDT") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
            assert ask(service, *others)["metadata"]["failed_queries"] == len(others)
            found = ask(service, one("BTCUSDT", limit=24), *others)
            assert list(found["results"]) == ["BTCUSDT:1h"]
            assert len(found["results"]["BTCUSDT:1h"]) == 24
            assert len(service.get("/v1/klines/BTCUSDT/1h?limit=5").document) == 5
        finally:
            source.end.set()


def test_what_the_lake_holds_is_not_asked_for(
    service: Service, workspace: Workspace, exchange: Exchange
) -> None:
    CandleLake(workspace.store).append(closed_hours(), seen_at=NOW)
    exchange.server.always(answer(500))
    assert len(ask(service, one(limit=1000))["results"]["BTCUSDT:1h"]) == 1000
    assert exchange.server.requests == []


def test_files_are_served_in_place(tmp_path: Path, workspace: Workspace) -> None:
    folder = write_candles(synthetic_market(10), tmp_path / "candles")
    files = FileSource(folder)
    of_files = replace(workspace, source=files, archive=files, lake=None)
    with running([Klines(of_files, Metrics())]) as (service, _):
        rows = service.get("/v1/klines/BTCUSDT/4h?limit=3").document
        assert [row["source"] for row in rows] == ["file"] * 3
        service.get("/v1/klines/SOLUSDT/4h").refused(404, "SOLUSDT")
    newest = pd.Timestamp(rows[-1]["open_time"], unit="ms", tz="UTC")
    assert newest == synthetic_market(10).newest("BTCUSDT", "4h")
