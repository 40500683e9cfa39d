"""Real candles for the benchmarks that need them: `--candles PATH`, or what the tests use."""

from __future__ import annotations

import argparse
from pathlib import Path

from forecastlab.contracts.errors import DataUnavailable
from tests.support.market_data import found_market_data


def add_candles(parser: argparse.ArgumentParser) -> None:
    """Add `--candles`."""
    parser.add_argument(
        "--candles",
        type=Path,
        metavar="PATH",
        help="folder of {SYMBOL}_{interval}.parquet or .csv, or one such file\n"
        "(default: FORECASTLAB_TEST_DATA)",
    )


def real_candles(asked: argparse.Namespace) -> Path:
    """Return where real candles lie.

    Raises:
        DataUnavailable: nothing is there.
    """
    path: Path | None = asked.candles or found_market_data()
    if path is None or not path.exists():
        raise DataUnavailable(
            "This benchmark needs real candles, and there are none.",
            remedy="Name them by --candles or FORECASTLAB_TEST_DATA.",
        )
    return path
