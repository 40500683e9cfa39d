"""A source that could not be reached is left alone for a while, and then asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from forecastlab.contracts.errors import DataError, DataUnavailable, UnknownSymbol
from forecastlab.usecases.resting_source import RestingSource, rested
from forecastlab.usecases.workspace import Workspace
from tests.support.signal_service import NOW, Lacking, workspace_of


class Time:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class AwayClock:
    """The exchange's clock, which answers once the exchange does."""

    def __init__(self) -> None:
        self.away = True
        self.asked = 0

    def now(self) -> datetime:
        self.asked += 1
        if self.away:
            raise DataUnavailable("The exchange is away.", remedy="Wait.")
        return NOW


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_of(tmp_path)


def fetch(source: RestingSource, symbol: str = "BTCUSDT") -> int:
    return len(source.fetch(symbol, "1d", None, NOW))


def test_after_a_failure_nobody_asks_until_the_pause_has_passed(workspace: Workspace) -> None:
    market, passing = Lacking(workspace.source, away=True), Time()
    told: list[DataError | None] = []
    whole = replace(workspace, source=market)
    source = RestingSource(whole, pause_s=30, told=told.append, monotonic=passing)
    for _ in range(3):
        with pytest.raises(DataUnavailable, match="The exchange is away"):
            fetch(source)
    assert (market.asked, len(told)) == (1, 1)
    market.away = False
    passing.now_s = 29.9
    with pytest.raises(DataUnavailable):
        fetch(source)
    passing.now_s = 30.0
    errors = [source.error]
    assert fetch(source) > 2000
    errors.append(source.error)
    assert [error is None for error in errors] == [False, True]
    assert told[1:] == [None]


def test_a_symbol_that_nobody_has_is_no_failure(workspace: Workspace) -> None:
    told: list[DataError | None] = []
    source = RestingSource(workspace, told=told.append)
    with pytest.raises(UnknownSymbol):
        fetch(source, "DOGEUSDT")
    assert fetch(source) > 2000
    assert (source.error, told) == (None, [None, None])


def test_a_clock_rests_until_it_has_told_the_time_once(workspace: Workspace) -> None:
    clock, passing = AwayClock(), Time()
    market = Lacking(workspace.source)
    whole = replace(workspace, clock=clock, source=market)
    source = RestingSource(whole, pause_s=30, monotonic=passing)
    on_it = rested(whole, source)
    for _ in range(2):
        with pytest.raises(DataUnavailable):
            on_it.clock.now()
    assert clock.asked == 1
    passing.now_s = 31
    clock.away = False
    assert on_it.clock.now() == NOW
    market.away = True
    with pytest.raises(DataUnavailable):
        fetch(source)
    # It asks nobody any more.
    assert on_it.clock.now() == NOW
