"""Real candles for tests, read in place; a test that needs them skips where they are absent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import pandas as pd
import pytest

from forecastlab.contracts.candle_checks import checked_candles
from forecastlab.contracts.candles import Candles, Market
from forecastlab.contracts.intervals import Interval
from tests.support.imports import ROOT

NEEDS_CANDLES: Final = "needs real candles"
"""Begins the one reason for which a test may skip, even where all others must run."""


def found_market_data() -> Path | None:
    """Return the folder of real candles (`FORECASTLAB_TEST_DATA`), or None where it is absent."""
    folder = ROOT / (os.environ.get("FORECASTLAB_TEST_DATA") or "../shared/data")
    return folder.resolve() if folder.is_dir() else None


def market_data_folder() -> Path:
    """Return the folder of real candles, or skip the test."""
    folder = found_market_data()
    if folder is None:
        pytest.skip(f"{NEEDS_CANDLES}: FORECASTLAB_TEST_DATA names no folder that is there")
    return folder


@pytest.fixture
def market_data() -> Path:
    """Give the folder of real candles, or skip the test."""
    return market_data_folder()


def real_market(symbols: Sequence[str], intervals: Sequence[Interval]) -> Market:
    """Read real candles into a market, or skip the test."""
    folder = market_data_folder()
    return Market(_read(folder, symbol, interval) for symbol in symbols for interval in intervals)


@lru_cache(maxsize=16)
def _read(folder: Path, symbol: str, interval: Interval) -> Candles:
    return checked_candles(
        symbol, interval, pd.read_parquet(folder / f"{symbol}_{interval}.parquet")
    )
