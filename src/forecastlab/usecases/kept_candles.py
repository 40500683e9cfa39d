"""Candles that an archive holds whole are not asked of the source."""

from __future__ import annotations

from datetime import datetime

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.ports import CandleArchive, CandleSource, SourceKind


class KeptFirst:
    """A source over an archive: the archive answers where it holds every candle of a span.

    Where the source cannot be reached, what the archive holds of the span is all there is.
    """

    def __init__(self, archive: CandleArchive, source: CandleSource) -> None:
        self._archive = archive
        self._source = source

    @property
    def kind(self) -> SourceKind:
        """The kind of the source, which is the archive's too."""
        return self._source.kind

    def fetch(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        """Return the closed candles that open in [first_open, last_open].

        Raises:
            DataUnavailable: the archive holds none of them, and the source cannot be reached.
        """
        if first_open is None:
            return self._source.fetch(symbol, interval, first_open, last_open)
        kept = self._archive.read(symbol, interval, first_open, last_open)
        if len(kept) == (last_open - first_open) // DURATION[interval] + 1:
            return kept
        try:
            return self._source.fetch(symbol, interval, first_open, last_open)
        except DataUnavailable:
            if not len(kept):
                raise
            return kept
