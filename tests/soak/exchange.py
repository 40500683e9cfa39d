"""An exchange of two hosts on loopback that replays a simulated market, day by day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from forecastlab.adapters.clocks import FixedClock
from forecastlab.adapters.simulated import DEMO_VOL_OF_VOL, SimulatedMarket
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.intervals import Interval
from tests.support.binance_wire import KLINES, BinanceWire, on_the_wire
from tests.support.faulty_http import FaultyServer, Reply, Request, json_reply

CUT_OFF: Final = datetime(2025, 9, 30, tzinfo=UTC)
"""Open of the newest candle that the shipped bundles have seen."""

SYMBOL: Final = "BTCUSDT"
SYMBOLS: Final = (SYMBOL, "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT")

LONGEST: Final = 400
"""Days after the cut-off that the market is drawn for."""

_FROM: Final = CUT_OFF - timedelta(days=1530)
"""The shipped bundles read 1,500 daily candles."""

_INTERVALS: Final[tuple[Interval, ...]] = ("1h", "4h", "1d")


@lru_cache(maxsize=1)
def replayed_market() -> tuple[Candles, ...]:
    """Draw every series of the exchange, as the wire carries it."""
    last = CUT_OFF + timedelta(days=LONGEST + 1)  # when the last day's candle closes
    market = SimulatedMarket(
        7, clock=FixedClock(last), vol_of_vol=DEMO_VOL_OF_VOL, symbols=SYMBOLS, start=_FROM
    )
    return tuple(
        on_the_wire(market.fetch(symbol, interval, None, last))
        for symbol in SYMBOLS
        for interval in _INTERVALS
    )


@dataclass(frozen=True)
class CandleName:
    """One candle of the exchange."""

    symbol: str
    interval: Interval
    opened: datetime

    @property
    def place(self) -> tuple[str, str, int]:
        """Where it stands on the wire."""
        return self.symbol, self.interval, round(self.opened.timestamp() * 1000)


@dataclass
class ReplayedExchange:
    """What both hosts answer: the market up to the instant, but for candles spoiled on purpose.

    Attributes:
        withheld: candles that the exchange does not give yet.
        revised: candles whose volumes it tells otherwise than before.
    """

    wire: BinanceWire
    withheld: set[CandleName] = field(default_factory=set)
    revised: set[CandleName] = field(default_factory=set)

    def set_clock(self, now: datetime) -> None:
        """Let the exchange's time be this."""
        self.wire.now = now

    def __call__(self, request: Request) -> Reply:
        """Answer as the exchange does on this day."""
        reply = self.wire(request)
        if request.path != KLINES or not (self.withheld or self.revised):
            return reply
        series = request.query.get("symbol", ""), request.query.get("interval", "")
        gone = {one.place for one in self.withheld}
        other = {one.place for one in self.revised}
        kept = [row for row in json.loads(reply.body) if (*series, row[0]) not in gone]
        return json_reply([_revised(row) if (*series, row[0]) in other else row for row in kept])


@dataclass(frozen=True)
class Hosts:
    """The hosts of the exchange in the order in which they are asked."""

    exchange: ReplayedExchange
    first: FaultyServer
    second: FaultyServer

    @property
    def urls(self) -> str:
        """Their addresses, as the setting names them."""
        return f"{self.first.url},{self.second.url}"

    def heal(self) -> None:
        """Answer honestly again, and forget what was asked: a server answers only so many."""
        for one in (self.first, self.second):
            one.heal()


@contextmanager
def hosts() -> Iterator[Hosts]:
    """Start both hosts."""
    exchange = ReplayedExchange(BinanceWire(replayed_market(), CUT_OFF))
    with ExitStack() as stack:
        first, second = (stack.enter_context(FaultyServer(exchange)) for _ in range(2))
        yield Hosts(exchange, first, second)


def closes_from(opened: datetime) -> list[float]:
    """Return the daily closes as the exchange first told them, from a candle on."""
    [daily] = [one for one in replayed_market() if (one.symbol, one.interval) == (SYMBOL, "1d")]
    return [float(close) for close in daily.frame.loc[opened:, "close"]]


def _revised(row: list[object]) -> list[object]:
    """Tell of a hundredth more trades; every bound of a candle still holds."""
    return [*row[:8], round(float(str(row[8])) * 1.01) + 1, *row[9:]]
