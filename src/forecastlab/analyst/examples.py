"""Made-up readings for examples: a market in which nothing happens, but for what is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from forecastlab.analyst.readings import Readings

QUIET: Final = Readings(
    rsi=50.0,
    macd=0.0,
    macd_signal=0.0,
    band_position=0.5,
    atr_percent=1.0,
    change_1h=0.0,
    change_24h=0.0,
    high_24h=0.01,
    low_24h=-0.01,
    volume_ratio=1.0,
    spread_percent=0.01,
)


def readings(**changed: float) -> Readings:
    """Return quiet readings with some of them changed.

    >>> readings(rsi=75.0).rsi
    75.0
    """
    return replace(QUIET, **changed)
