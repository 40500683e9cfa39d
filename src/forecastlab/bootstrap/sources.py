"""Candle sources as `--source` names them, each with the clock that decides what is closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forecastlab.adapters.candle_files import FileSource
from forecastlab.adapters.clocks import ExchangeClock, FixedClock, SystemClock
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.ports import CandleArchive, CandleSource, Clock, Progress
from forecastlab.settings import Settings


@dataclass(frozen=True)
class Origin:
    """Where candles come from, and what time it is there.

    Attributes:
        clock: decides what is closed, live and stale.
        wall: dates runs and messages.
        archive: the source itself where it is read in place; None where a lake keeps its candles.
    """

    source: CandleSource
    clock: Clock
    wall: Clock
    archive: CandleArchive | None = None


Opener = Callable[[Settings, str, Progress], Origin]
"""Opens a source from the settings, and from what stands after the colon in its name."""


def open_origin(settings: Settings, bars: Progress) -> Origin:
    """Open the candle source that the settings name.

    Raises:
        ConfigError: no source is called so.
    """
    kind, _, place = settings.source.partition(":")
    name = f"{kind}:PATH" if place else settings.source
    if name not in SOURCES:
        raise ConfigError(
            f"The source {settings.source!r} is unknown.",
            remedy=f"Choose one of {', '.join(SOURCES)}.",
        )
    return SOURCES[name](settings, place, bars)


def simulated_market(settings: Settings, clock: Clock) -> CandleSource:
    """Open the simulated market as the settings seed it, at the time of a clock."""
    # Imported only where it is the source, as every run pays for what is imported.
    from forecastlab.adapters.simulated import DEMO_VOL_OF_VOL, SimulatedMarket  # noqa: PLC0415

    return SimulatedMarket(settings.simulated_seed, vol_of_vol=DEMO_VOL_OF_VOL, clock=clock)


def _binance(settings: Settings, _: str, bars: Progress) -> Origin:
    # Its client costs 0.3 s of a start.
    from forecastlab.adapters.binance import DEFAULT_URLS, BinanceSource  # noqa: PLC0415

    exchange = BinanceSource(
        settings.binance_urls or DEFAULT_URLS,
        deadline_s=settings.binance_deadline_s,
        progress=bars,
    )
    return Origin(exchange, ExchangeClock(exchange.server_time), SystemClock())


def _simulated(settings: Settings, _: str, __: Progress) -> Origin:
    now = settings.simulated_now
    clock: Clock = FixedClock(now) if now else SystemClock()
    return Origin(simulated_market(settings, clock), clock, clock)


def _files(_: Settings, path: str, __: Progress) -> Origin:
    files, system = FileSource(Path(path)), SystemClock()
    return Origin(files, system, system, archive=files)


SOURCES: Final[Mapping[str, Opener]] = {
    "binance": _binance,
    "simulated": _simulated,
    "file:PATH": _files,
}
"""A source as `--source` names it -> how it is opened; a further one adds a line."""
