"""A candle source is added as docs/architecture.md says: an adapter, and one line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import pandas as pd
import pytest

from forecastlab.adapters.clocks import FixedClock, SystemClock
from forecastlab.bootstrap import Choice, chosen_settings, open_workspace, sources
from forecastlab.contracts.candles import COLUMNS, INDEX_DTYPE, Candles, Market, empty_frame
from forecastlab.contracts.errors import ConfigError, DataUnavailable
from forecastlab.contracts.intervals import Interval, last_closed_open
from forecastlab.contracts.ports import Clock, SourceKind
from tests.contract.test_candle_source import *  # noqa: F403 - the contract of every source
from tests.contract.test_candle_source import NOW, World, held
from tests.extension.conftest import Desk
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import DAYS

# What a file `adapters/candle_book.py` holds.


class CandleBook:
    """All series in one Parquet file, with the columns `symbol`, `interval` and a candle's."""

    kind: Final[SourceKind] = "file"

    def __init__(self, path: Path, clock: Clock) -> None:
        self._table, self._clock = pd.read_parquet(path), clock

    def fetch(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        table = self._table
        own = table[(table["symbol"] == symbol) & (table["interval"] == interval)]
        if own.empty:
            raise DataUnavailable(
                f"The book has no {interval} candles of {symbol}.", remedy="Add them."
            )
        frame = own.set_index("open_time").loc[:, list(COLUMNS)].astype("float64")
        frame.index = pd.DatetimeIndex(frame.index).astype(INDEX_DTYPE)
        last = min(last_open, last_closed_open(self._clock.now(), interval))
        kept = frame.loc[frame.index <= last]
        kept = kept if first_open is None else kept.loc[kept.index >= first_open]
        return Candles(symbol, interval, kept if len(kept) else empty_frame())


def write_book(market: Market, path: Path) -> Path:
    parts = [
        one.frame.reset_index().assign(symbol=one.symbol, interval=one.interval)
        for one in market.series()
    ]
    pd.concat(parts).to_parquet(path)
    return path


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Let the suite examine this source alone."""
    return World(CandleBook(write_book(held(), tmp_path / "book"), FixedClock(NOW)), "file")


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the one line of the catalogue."""
    clock = SystemClock()
    monkeypatch.setitem(
        sources.SOURCES,
        "book:PATH",
        lambda _, path, __: sources.Origin(CandleBook(Path(path), clock), clock, clock),
    )


def test_a_morning_forecasts_from_it(added: None, desk: Desk, tmp_path: Path) -> None:
    book = write_book(synthetic_market(DAYS, seed=11), tmp_path / "book")
    from_files = desk.wake(2).published.record
    again = Desk(f"book:{book}", str(tmp_path / "another store"))
    from_book = again.wake(2).published.record
    assert from_book.source.digest == from_files.source.digest
    assert from_book.forecasts == from_files.forecasts
    # It is no archive, so a lake has kept its candles.
    assert again.workspace.store.list("candles/")


def test_a_source_of_another_name_is_still_refused(added: None) -> None:
    settings = chosen_settings(Choice(source="book:"))
    with pytest.raises(ConfigError, match=r"Choose one of .*, file:PATH, book:PATH"):
        open_workspace(settings)
