"""Candles in files, read in place: one CSV or Parquet file, or a folder of them, one per series."""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.adapters.parquet_bytes import parquet_table
from forecastlab.contracts.candle_checks import MICROSECONDS_FROM, checked_candles, recognised
from forecastlab.contracts.candles import Candles, RejectedRow, empty_funding, open_index
from forecastlab.contracts.errors import DataMalformed, DataUnavailable, UnknownSymbol
from forecastlab.contracts.intervals import DURATION, INTERVALS, Interval
from forecastlab.contracts.ports import SourceKind

SUFFIXES: Final = (".parquet", ".csv")
"""Kinds of file, in the order in which a folder is searched for a series."""

FUNDING_FILE: Final = "extras/funding_rate_8h_um_futures.parquet"
"""Funding rates beside the candles; `funding_time` in epoch ms."""

FUNDING_COLUMNS: Final = ("symbol", "funding_time", "funding_rate")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class FileSource:
    """Candles of `PATH`: a file, or a folder of `{SYMBOL}_{interval}.parquet` (or `.csv`).

    It is source and archive in one: nothing is copied into a store. A single file says in its name
    which symbol it holds (`BTCUSDT_1d.csv`, `btc_binance_BTCUSDT_1d.csv`, `BTCUSDT.parquet`), so
    that one symbol's candles never pass for another's; its interval is in the name too, or is read
    off the spacing. A file that was last written while its newest candle was still open holds that
    candle half-formed: it is refused.
    """

    kind: Final[SourceKind] = "file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parsed: dict[tuple[Path, str, Interval], tuple[tuple[int, int], Candles]] = {}

    def fetch(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        """Return the candles that open in [first_open, last_open]; refused rows are listed.

        Raises:
            UnknownSymbol: the folder has no file of this series.
            DataUnavailable: the file is of another series, or cannot be read.
            DataMalformed: the file holds something other than candles of this series.
        """
        whole = self._series(self._locate(symbol, interval), symbol, interval)
        first = first_open or _EPOCH
        listed = tuple(
            row
            for row in whole.rejected
            if row.open_time is None or first <= row.open_time <= last_open
        )
        return replace(whole.between(first, last_open), rejected=listed)

    read = fetch
    """A file is its own archive."""

    def funding(self, symbol: str) -> pd.Series:
        """Return the funding rates under `extras/` of the folder; empty where there are none.

        Raises:
            DataMalformed: the file holds no funding rates.
        """
        path = self._path / FUNDING_FILE
        if not path.is_file():
            return empty_funding()
        try:
            table = parquet_table(path.read_bytes(), lambda _: FUNDING_COLUMNS).to_pandas()
            own = table.loc[table["symbol"] == symbol]
            times_ms = pd.to_numeric(own["funding_time"]).to_numpy("float64")
            rates = pd.to_numeric(own["funding_rate"]).to_numpy("float64")
            if not ((times_ms >= 0) & (times_ms < MICROSECONDS_FROM)).all():
                raise ValueError("a funding_time is no epoch in milliseconds")  # noqa: TRY301
        except (KeyError, OSError, TypeError, ValueError) as error:
            raise DataMalformed(
                f"{path} holds no funding rates: {error}.", remedy="Mend the file, or remove it."
            ) from error
        order = np.argsort(times_ms, kind="stable")
        index = open_index(times_ms[order].astype("int64")).rename("funding_time")
        return pd.Series(rates[order], index=index, name="funding_rate")

    def _locate(self, symbol: str, interval: Interval) -> Path:
        try:
            if self._path.is_dir():
                names = [f"{symbol}_{interval}{suffix}" for suffix in SUFFIXES]
                found = [self._path / name for name in names if (self._path / name).exists()]
                if not found:
                    raise UnknownSymbol(
                        f"{self._path} has no {' or '.join(names)}.",
                        remedy="Name a --source that has them.",
                    )
                return found[0]
        except OSError as error:
            raise _unreadable(self._path, error) from error
        _check_name(self._path, symbol, interval)
        return self._path

    def _series(self, path: Path, symbol: str, interval: Interval) -> Candles:
        """Return the whole checked file; each version of it is parsed once per process."""
        try:
            with path.open("rb") as file:
                stat = os.fstat(file.fileno())
                version = (stat.st_mtime_ns, stat.st_size)
                known = self._parsed.get((path, symbol, interval))
                if known is not None and known[0] == version:
                    return known[1]
                data = file.read()
        except OSError as error:
            raise _unreadable(path, error) from error
        candles = _parsed(data, path, symbol, interval)
        candles = _without_half_formed(candles, datetime.fromtimestamp(stat.st_mtime, UTC))
        self._parsed[path, symbol, interval] = version, candles
        return candles


def named_series(file_name: str) -> tuple[str | None, Interval | None]:
    """Return the symbol and the interval that a file's name tells.

    >>> named_series("btc_binance_BTCUSDT_1d.csv"), named_series("ETHUSDT.parquet")
    (('BTCUSDT', '1d'), ('ETHUSDT', None))
    >>> named_series("candles.csv")
    (None, None)
    """
    words = re.split(r"[^A-Za-z0-9]+", Path(file_name).stem)
    interval = next((one for one in INTERVALS if one in words), None)
    ahead = words[: words.index(interval)] if interval else words
    symbols = [word for word in ahead if re.fullmatch(r"(?=.*[A-Z])[A-Z0-9]{5,}", word)]
    return (symbols[-1] if symbols else None), interval


def _check_name(path: Path, symbol: str, interval: Interval) -> None:
    """Refuse a single file whose name tells no symbol, or another series."""
    named_symbol, named_interval = named_series(path.name)
    if named_symbol is None:
        raise DataUnavailable(
            f"The name of {path} does not tell whose candles it holds.",
            remedy=f"Name it like {symbol}_{interval}{path.suffix or '.parquet'}; a link will do.",
        )
    if named_symbol != symbol or named_interval not in (None, interval):
        held = " ".join(filter(None, (named_symbol, named_interval)))
        raise DataUnavailable(
            f"{path} holds {held}, not {symbol} {interval}.",
            remedy="Name a folder of {SYMBOL}_{interval}.parquet files as --source.",
        )


def _parsed(data: bytes, path: Path, symbol: str, interval: Interval) -> Candles:
    raw = _csv_table(data, path) if path.suffix.lower() == ".csv" else _parquet_table(data, path)
    if not len(raw):
        raise DataMalformed(f"{path} holds no row.", remedy="Download it again.")
    try:
        # The grid of hours holds the candles of every interval, so that it shows which these are.
        hourly = checked_candles(symbol, "1h", raw)
        spaced = _spacing(hourly)
        if spaced not in (None, interval):
            raise DataUnavailable(
                f"{path} holds {spaced} candles, not {interval} ones.",
                remedy=f"Name a --source that has candles of {symbol} {interval}.",
            )
        candles = hourly if interval == "1h" else checked_candles(symbol, interval, raw)
    except DataMalformed as error:
        raise DataMalformed(f"{path}: {error.facts}", remedy=error.remedy) from error
    if len(candles.rejected) > len(candles):
        first = candles.rejected[0]
        raise DataMalformed(
            f"{path}: {len(candles.rejected)} of {len(raw)} rows are refused;"
            f" the first ({first.open_time or 'no time'}): {first.reason}.",
            remedy="Check the file's interval, times and numbers.",
        )
    return candles


def _spacing(candles: Candles) -> Interval | None:
    """Return the interval that most neighbours are apart, or None if they tell none."""
    opens_ms = pd.DatetimeIndex(candles.frame.index).asi8
    steps, counts = np.unique(np.diff(opens_ms), return_counts=True)
    common = timedelta(milliseconds=int(steps[counts.argmax()])) if len(steps) else None
    return next((one for one in INTERVALS if DURATION[one] == common), None)


def _csv_table(data: bytes, path: Path) -> pd.DataFrame:
    if data and not data.endswith(b"\n"):
        raise DataMalformed(
            f"{path} ends in the middle of a line, as a cut download does.",
            remedy="Download it again, or end its last line.",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # All columns: with `usecols` pandas lets lines pass that are longer than the header.
            return pd.read_csv(
                BytesIO(data), encoding="utf-8-sig", index_col=False, low_memory=False
            )
    # ValueError is what pandas raises for empty, torn and undecodable text alike.
    except (ValueError, pd.errors.ParserWarning) as error:
        raise _not_a_table(path, "CSV", error) from error


def _parquet_table(data: bytes, path: Path) -> pd.DataFrame:
    try:
        table = parquet_table(data, lambda schema: map(str, recognised(schema.names)))
        frame: pd.DataFrame = table.to_pandas()
    except (TypeError, ValueError) as error:  # of times that no clock shows, too
        raise _not_a_table(path, "Parquet", error) from error
    return frame


def _without_half_formed(candles: Candles, written_at: datetime) -> Candles:
    newest = candles.last_open
    if not newest <= written_at < newest + DURATION[candles.interval]:
        return candles
    why = f"the file was last written at {written_at:%Y-%m-%d %H:%M} UTC, while it was open"
    rejected = (*candles.rejected, RejectedRow(newest, why))
    return replace(candles, frame=candles.frame.iloc[:-1], rejected=rejected)


def _unreadable(path: Path, error: OSError) -> DataUnavailable:
    return DataUnavailable(
        f"{path} cannot be read: {error.strerror or error}.",
        remedy="Check the path of --source file:PATH.",
    )


def _not_a_table(path: Path, form: str, error: Exception) -> DataMalformed:
    first_line = str(error).strip().split("\n")[0]
    return DataMalformed(
        f"{path} is no readable {form} file: {first_line}", remedy="Download it again."
    )
