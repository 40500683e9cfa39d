"""Analyses on their way to the store, a rival beside them, and what the report makes of both."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from forecastlab.cli import analyse as analyse_command
from forecastlab.contracts import keys
from forecastlab.contracts.analysis_log import AnalysisBatch, AnalysisEntry
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import DataUnavailable, StoreUnavailable
from forecastlab.contracts.intervals import Interval
from forecastlab.usecases.analysis import log as analysis_log
from forecastlab.usecases.analysis.log import AnalysisLog, chosen
from forecastlab.usecases.analysis.report import read_analyses, scene_reports, sides_taken
from tests.support.analyst_world import NOW, AnalystWorld
from tests.support.faulty_http import FaultyServer
from tests.support.faulty_http import slow as slow_fault
from tests.support.llm_server import LlmWire
from tests.support.memory_store import MemoryStore

DEPLOYMENT = "flow_T21X8_T14X8"


def entry(**changed: object) -> AnalysisEntry:
    given = {
        "at": NOW,
        "market": "BTCUSDT",
        "scene": "complex",
        "scene_reason": "volatile",
        "path": "llm",
        "fallback_reason": None,
        "provider": "deepseek",
        "model": "m",
        "prompt_version": "signal-1",
        "signal": "BUY",
        "confidence": 62,
        "values": {"rsi": 50.0},
        "duration_ms": 1200.0,
    }
    return AnalysisEntry.model_validate({**given, **changed})


def key(number: int) -> str:
    return f"sha256:{number:08x}"


def stored(store: MemoryStore) -> list[AnalysisEntry]:
    return list(read_analyses(store, DEPLOYMENT, since=NOW, until=NOW + timedelta(days=1)))


def test_analyses_are_written_together(tmp_path: Path) -> None:
    world = AnalystWorld(tmp_path, None)

    async def run() -> None:
        log = AnalysisLog(world.store, DEPLOYMENT, world.clock, every_s=0.05)
        for number in range(5):
            log.keep(key(number), entry())
        await asyncio.sleep(0.3)
        log.keep(key(9), entry(scene_reason="last", at=NOW + timedelta(seconds=1)))
        await log.close()

    asyncio.run(run())
    assert len(world.store.written) == 2
    assert [one.scene_reason for one in stored(world.store)] == [*["volatile"] * 5, "last"]


def test_what_comes_while_the_store_writes_is_written_too(tmp_path: Path) -> None:
    world = AnalystWorld(tmp_path, None)

    async def run() -> None:
        log = AnalysisLog(world.store, DEPLOYMENT, world.clock, every_s=0.02)
        loop, writing = asyncio.get_running_loop(), asyncio.Event()

        def slow(_: str) -> None:
            loop.call_soon_threadsafe(writing.set)
            time.sleep(0.1)

        world.store.before_put = slow
        log.keep(key(1), entry())
        await writing.wait()
        log.keep(key(2), entry())
        await asyncio.sleep(0.5)
        assert len(stored(world.store)) == 2, "nobody else came by, and nobody closed it"
        await log.close()

    asyncio.run(run())


@pytest.mark.parametrize("broken", [False, True])
def test_an_analysis_is_kept_though_its_rival_never_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    monkeypatch.setattr(analysis_log, "CLOSE_S", 0.2)
    with FaultyServer(LlmWire()) as server:
        server.always(slow_fault(3.0))
        world = AnalystWorld(tmp_path, server)

        async def run() -> None:
            desk = world.desk(name="claude")
            if broken:
                desk = replace(desk, prompt="no such words")
            log = AnalysisLog(world.store, DEPLOYMENT, world.clock, rival=desk, share=1.0)
            log.keep(key(1), entry())
            await asyncio.sleep(0.05)
            await log.close()
            await desk.close()

        asyncio.run(run())
    [found] = stored(world.store)
    assert (found.signal, found.rival) == ("BUY", None)


def test_a_store_that_fails_costs_analyses_and_nothing_else(tmp_path: Path) -> None:
    world = AnalystWorld(tmp_path, None)

    def full(_: str) -> None:
        raise StoreUnavailable("full", remedy="Make room.")

    world.store.before_put = full

    async def run() -> int:
        log = AnalysisLog(world.store, DEPLOYMENT, world.clock)
        log.keep(key(1), entry())
        await log.close()
        return log.dropped

    assert asyncio.run(run()) == 1


def test_a_rival_is_asked_on_its_share_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    wire = LlmWire(content=LlmWire().content.replace("BUY", "HOLD"), served="rival-1")
    with FaultyServer(wire) as server:
        world = AnalystWorld(tmp_path, server)

        async def run() -> None:
            desk = replace(world.desk(name="claude"), prompt="signal-doubt-1")
            log = AnalysisLog(world.store, DEPLOYMENT, world.clock, rival=desk, share=0.5)
            for number in (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
                log.keep(key(number), entry())
            log.keep(key(0), entry(scene="simple"))
            assert not server.requests
            await log.close()
            await desk.close()

        asyncio.run(run())
        assert wire.answered == 2
    rivals = [one.rival for one in stored(world.store) if one.rival is not None]
    assert [(one.provider, one.model, one.prompt_version, one.signal) for one in rivals] == [
        ("claude", "rival-1", "signal-doubt-1", "HOLD")
    ] * 2


def test_a_rival_that_fails_is_noted(tmp_path: Path) -> None:
    with FaultyServer(LlmWire(content="no json")) as server:
        world = AnalystWorld(tmp_path, server)

        async def run() -> None:
            desk = world.desk(name="claude")
            log = AnalysisLog(world.store, DEPLOYMENT, world.clock, rival=desk, share=1.0)
            log.keep(key(1), entry())
            await log.close()
            await desk.close()

        asyncio.run(run())
    [found] = stored(world.store)
    assert found.rival is not None
    assert found.rival.signal is None
    assert "malformed" in (found.rival.failure or "")
    assert found.rival.usage is not None


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.25, 256), (1.0, 1024)])
def test_the_share_is_a_share(share: float, expected: int) -> None:
    step = 0x1_0000_0000 // 1024
    assert sum(chosen(key(number * step), share) for number in range(1024)) == expected


class Archive:
    """Hourly candles of one market, rising by one an hour until `turns`, then falling."""

    def __init__(self, turns: int, hours: int = 48) -> None:
        self.turns, self.hours = turns, hours

    def read(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        if symbol != "BTCUSDT":
            raise DataUnavailable("none", remedy="")
        opens = pd.date_range("2026-11-20", periods=self.hours, freq="h", tz=UTC)
        closes = [100.0 + min(n, 2 * self.turns - n) for n in range(self.hours)]
        frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), closes), index=opens)
        frame.index.name = "open_time"
        for name in ("volume", "quote_volume", "trades", "taker_buy_base", "taker_buy_quote"):
            frame[name] = 1.0
        return Candles(symbol, interval, frame)


def test_outcomes_are_read_from_closes_after_the_answer() -> None:
    hour = timedelta(hours=1)
    entries = [
        entry(at=NOW),  # 00:05: from the close of 00:00 to that of 04:00
        entry(at=NOW, signal="SELL"),
        entry(at=NOW, signal="HOLD"),
        entry(at=NOW + 20 * hour),
        entry(at=NOW + 40 * hour),
        entry(at=NOW + 47 * hour),  # not closed yet
        entry(at=NOW, market="XYZUSDT"),
    ]
    found = sides_taken(Archive(turns=22), entries)
    assert found == {0: True, 1: False, 4: False}
    # From hour 20 to 24 the price goes up two and down two: nobody was right.


@pytest.mark.parametrize("written", ["BTC/USDT", "btc-usdt", "../BTCUSDT"])
def test_outcomes_are_found_however_a_caller_writes_the_market(written: str) -> None:
    assert sides_taken(Archive(turns=22), [entry(market=written)]) == {0: True}


def test_the_table_shows_what_the_rival_cost() -> None:
    usage = {"cached_tokens": 0, "input_tokens": 1, "output_tokens": 1, "currency": "USD"}
    rival = {
        "provider": "claude",
        "model": "r",
        "prompt_version": "signal-1",
        "signal": "BUY",
        "confidence": 60,
        "usage": {**usage, "cost": "0.0123"},
    }
    entries = [entry(usage={**usage, "cost": "0.0001"}, rival=rival)]
    row = analyse_command._row(scene_reports(entries, {})[0])
    assert {"0.0001 USD", "0.0123 USD"} <= set(row)


def test_the_report_tells_by_scene() -> None:
    usage = {
        "cached_tokens": 0,
        "input_tokens": 1,
        "output_tokens": 1,
        "cost": "0.0001",
        "currency": "USD",
    }
    rival = {
        "provider": "claude",
        "model": "r",
        "prompt_version": "signal-1",
        "signal": "BUY",
        "confidence": 60,
        "usage": {**usage, "cost": "0.01"},
    }
    entries = [
        *(entry(usage=usage, rival=rival) for _ in range(3)),
        entry(usage=usage, rival={**rival, "signal": "SELL"}),
        entry(scene_reason="standard", scene="simple", path="local", signal="HOLD", confidence=50),
    ]
    volatile, standard, whole = scene_reports(entries, {0: True, 1: False})
    assert (volatile.scene, volatile.count, volatile.paths) == ("volatile", 4, {"llm": 4})
    assert (volatile.compared, volatile.agreement) == (4, 0.75)
    assert volatile.cost == {"USD": Decimal("0.0004")}
    assert volatile.rival_cost == {"USD": Decimal("0.04")}
    assert (volatile.resolved, volatile.hits) == (2, None)  # too few to tell
    assert (standard.signals, standard.agreement) == ({"BUY": 0, "SELL": 0, "HOLD": 1}, None)
    assert (whole.scene, whole.count) == ("all", 5)
    many = scene_reports([entry()] * 40, dict.fromkeys(range(40), True))
    assert many[0].hits == 1.0
    assert scene_reports([], {}) == ()


def test_a_batch_holds_nothing_of_the_request(tmp_path: Path) -> None:
    data = AnalysisBatch(entries=(entry(),)).stored().decode()
    assert "price" not in data
    assert keys.analysis_batch(DEPLOYMENT, NOW, "1").startswith("analyses/2026-11-20/")
