"""The serving window: exactly the candles that a forecast reads, whole or refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from forecastlab.contracts.candles import (
    Candles,
    Market,
    MarketView,
    describe_gap,
    empty_frame,
    funding_digest,
)
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import DataStale, DataUnavailable
from forecastlab.contracts.intervals import (
    DURATION,
    Interval,
    asof_name,
    floor_open,
    last_closed_open,
    per_day,
)
from forecastlab.contracts.manifest import Manifest, ServingEntry
from forecastlab.contracts.ports import CandleArchive, FundingArchive, SourceKind
from forecastlab.contracts.records import SourceReference

_DAY: Final = timedelta(days=1)

INTRADAY: Final[Interval] = "1h"
"""The hours say whether the newest days are whole, whatever a deployment's interval is."""

Series = tuple[str, Interval]


@dataclass(frozen=True)
class Needed:
    """What a bundle's forecasts read: the symbol, its interval, and the window.

    `series` begins with the symbol's own; the others are references, which may be missing: members
    that compare with them then do not answer. With `spans_holes` only the newest hour is demanded:
    the ladder of versions counts what windows may span, and steps down where that is too little.
    """

    symbol: str
    interval: Interval
    entry: ServingEntry
    funding: bool = False
    spans_holes: bool = False

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Return what the bundle of a manifest needs; one of several versions spans holes."""
        recipe = manifest.recipe
        spans, funding = recipe.recipe is not None, recipe.features.funding
        return cls(manifest.symbol, manifest.interval, manifest.serving, funding, spans)

    @property
    def series(self) -> tuple[Series, ...]:
        """Every series, the symbol's own first."""
        listed = tuple((one.symbol, one.interval) for one in self.entry.series)
        return listed or ((self.symbol, "1d"), (self.symbol, INTRADAY))

    def first_open(self, asof_open: datetime) -> datetime:
        """Return the open of the window's first day; the day under way comes on top.

        >>> from datetime import UTC
        >>> two_days = ServingEntry(daily_candles=2, shortest=2, whole_days=1)
        >>> asof_open = datetime(2025, 9, 30, tzinfo=UTC)
        >>> Needed("BTCUSDT", "1d", two_days).first_open(asof_open).day
        29
        """
        return floor_open(self.as_of(asof_open), "1d") - self.entry.daily_candles * _DAY

    def as_of(self, asof_open: datetime) -> datetime:
        """Return the instant at which the as-of candle closed."""
        return asof_open + DURATION[self.interval]


@dataclass(frozen=True, eq=False)
class ServingWindow:
    """What one forecast reads: the view at its as-of, cut to the window."""

    asof_open: datetime
    view: MarketView
    symbol: str
    interval: Interval
    series: tuple[Series, ...]

    @property
    def close(self) -> float:
        """The close of the as-of candle."""
        return float(self.view.candles(self.symbol, self.interval).frame["close"].iloc[-1])

    def reference(self, kind: SourceKind) -> SourceReference:
        """Return what a record says of its candles."""
        series = [self.view.candles(*one) for one in self.series]
        rates = {symbol: self.view.funding(symbol) for symbol, _ in self.series}
        digests = [one.digest() for one in series]
        digests += [funding_digest(symbol, one) for symbol, one in rates.items() if len(one)]
        return SourceReference(
            name=kind,
            rows=sum(len(one) for one in series),
            digest=digest("\n".join(digests).encode()),
            last_open_time_ms=int(self.asof_open.timestamp() * 1000),
        )


def read_market(
    archive: CandleArchive, needed: Needed, first_asof: datetime, last_asof: datetime
) -> Market:
    """Read the candles of the windows of all as-ofs in [first_asof, last_asof].

    Raises:
        DataUnavailable: the symbol's own candles are not there; of a reference there are none then.
    """
    first, closed = needed.first_open(first_asof), needed.as_of(last_asof)
    series = []
    for symbol, interval in needed.series:
        try:
            last = last_closed_open(closed, interval)
            series.append(archive.read(symbol, interval, first, last))
        except DataUnavailable:
            if symbol == needed.symbol:
                raise
            series.append(Candles(symbol, interval, empty_frame()))
    if not needed.funding or not isinstance(archive, FundingArchive):
        return Market(series)
    return Market(series, {symbol: archive.funding(symbol) for symbol, _ in needed.series})


def serving_window(market: Market, needed: Needed, asof_open: datetime) -> ServingWindow:
    """Cut the window of one as-of out of a market and check that it is whole.

    Whole means: every daily candle, all shorter ones of the last `whole_days` days (unless holes
    are spanned), no rejected row. The window may begin later, where a symbol's history does, but
    holds at least the history without which the answers would be others. Older holes in the hours
    are the exchange's outages; the features count them as they are.

    Raises:
        DataStale: the as-of candle itself is not there yet.
        DataUnavailable: the window has a hole, a rejected row, or begins too late.
    """
    symbol, interval, first = needed.symbol, needed.interval, needed.first_open(asof_open)
    as_of = needed.as_of(asof_open)
    view = market.as_of(as_of)
    cut = {one: view.candles(*one).between(first, asof_open + _DAY) for one in needed.series}
    own = cut[symbol, interval]
    if not len(own) or own.last_open < asof_open:
        newest = asof_name(own.last_open, interval) if len(own) else "none"
        raise DataStale(
            f"The {interval} candle {asof_name(asof_open, interval)} of {symbol} is not there"
            f" (newest: {newest}).",
            remedy="Run `forecastlab update`, and again once the exchange has closed it.",
        )
    refuse_rejected((series for (name, _), series in cut.items() if name == symbol), first)
    daily = cut[symbol, "1d"]
    if len(daily) < needed.entry.shortest or daily.gaps():
        raise _not_whole(daily, needed.entry.shortest, first)
    for (name, one), candles in cut.items():
        if name == symbol and one != "1d" and not needed.spans_holes:
            _demand_whole(candles, needed, as_of)
    rates = {one: view.funding(one).loc[first:] for one, _ in needed.series}
    shown = view.with_series(cut).with_funding(rates)
    return ServingWindow(asof_open, shown, symbol, interval, needed.series)


def _demand_whole(candles: Candles, needed: Needed, as_of: datetime) -> None:
    interval = candles.interval
    count, last = needed.entry.whole_days * per_day(interval), last_closed_open(as_of, interval)
    recent_from = last - (count - 1) * DURATION[interval]
    recent = candles.between(recent_from, last)
    if len(recent) < count:
        raise _not_whole(recent, count, recent_from)


def refuse_rejected(own: Iterable[Candles], first: datetime) -> None:
    """Refuse series with a row from `first` on that the boundary rejected.

    Raises:
        DataUnavailable: one has.
    """
    for candles in own:
        if len(candles):
            _refuse_rejected(candles, first)


def _refuse_rejected(candles: Candles, first: datetime) -> None:
    last = candles.last_open
    rejected = [
        row
        for row in candles.rejected
        if row.open_time is None or first <= row.open_time <= last + DURATION[candles.interval]
    ]
    if rejected:
        when = rejected[0].open_time
        raise DataUnavailable(
            f"{len(rejected)} {candles.interval} row(s) of {candles.symbol} in the serving window"
            f" were refused; the first ({when or 'no time'}): {rejected[0].reason}.",
            remedy="Mend the source; a forecast is published only from a whole window.",
        )


def _not_whole(candles: Candles, needed: int, first: datetime) -> DataUnavailable:
    gaps = candles.gaps()
    hole = (
        describe_gap(gaps[0], candles.interval) if gaps else f"it should begin at {first:%Y-%m-%d}"
    )
    return DataUnavailable(
        f"The serving window of {candles.symbol} {candles.interval} holds {len(candles)} of"
        f" {needed} candles; {hole}.",
        remedy="Run `forecastlab update`, or name a --source with enough history.",
    )
