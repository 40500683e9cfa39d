"""A Binance of hosts that can misbehave, and a source that asks them at no cost of time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import lru_cache

from forecastlab.adapters.binance import BinanceSource
from forecastlab.contracts.candles import Candles
from tests.support.binance_wire import KLINES, BinanceWire, on_the_wire
from tests.support.fake_time import FakeTime
from tests.support.faulty_http import FaultyServer
from tests.support.synthetic import START, synthetic_market

HOUR = timedelta(hours=1)

LAST = START + 2399 * HOUR
"""Open of the exchange's last candle: it is still open, for `NOW` lies in its middle."""

NOW = LAST + HOUR / 2


@lru_cache
def listed_series() -> tuple[Candles, ...]:
    """Return what the exchange has: 100 days of BTCUSDT, the open hour included."""
    return tuple(on_the_wire(one) for one in synthetic_market(100).series())


@lru_cache
def closed_hours() -> Candles:
    """Return the 2,399 closed hours: three pages."""
    return next(one for one in listed_series() if one.interval == "1h").until(NOW)


@contextmanager
def hosts(count: int) -> Iterator[list[FaultyServer]]:
    """Start so many hosts of the exchange."""
    wire = BinanceWire(listed_series(), NOW)
    with ExitStack() as stack:
        yield [stack.enter_context(FaultyServer(wire)) for _ in range(count)]


class Exchange:
    """Hosts to be told to misbehave, and a source that asks them in order; sleeping is free."""

    def __init__(self, *servers: FaultyServer) -> None:
        self.server = servers[0]
        self.time = FakeTime()
        self.urls = [one.url for one in servers]
        self.source = self.source_with()

    def source_with(self, *, timeout_s: float = 10.0, deadline_s: float = 120.0) -> BinanceSource:
        """Return a source of the same hosts with other limits."""
        return BinanceSource(
            self.urls, timeout_s=timeout_s, deadline_s=deadline_s, timing=self.time.timing
        )

    def fetch(self) -> Candles:
        """Fetch all hours."""
        return self.source.fetch("BTCUSDT", "1h", None, LAST)

    def pages(self) -> int:
        """Count the pages that the first host was asked for."""
        return len(self.server.asked(KLINES))
