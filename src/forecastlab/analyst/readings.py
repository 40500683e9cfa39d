"""What the analyst reads off a market: indicators that are what their names say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from forecastlab.contracts.analysis import MarketData
from forecastlab.contracts.errors import UsageError

RSI_LENGTH: Final = 14
ATR_LENGTH: Final = 14
BAND_LENGTH: Final = 20
BAR: Final = 12
"""Five-minute closes in an hour."""

NEUTRAL_RSI: Final = 50.0


@dataclass(frozen=True)
class Readings:
    """A market in numbers that do not say which market, when, or at what price it is.

    Attributes:
        rsi: 0 to 100; 50 where the price stood still.
        macd: EMA12 less EMA26 of the closes, as a fraction of the price.
        macd_signal: EMA9 of that.
        band_position: 0 at the lower Bollinger band, 1 at the upper one; .5 where they meet.
        atr_percent: average true range of an hour, in per cent of the price.
        change_1h: return over the last hour, a fraction; likewise `change_24h`.
        high_24h: highest close of the day over the price, less 1; likewise `low_24h`.
        volume_ratio: newest volume over the mean of the last 20; 1 without volumes.
        spread_percent: of the price.
    """

    rsi: float
    macd: float
    macd_signal: float
    band_position: float
    atr_percent: float
    change_1h: float
    change_24h: float
    high_24h: float
    low_24h: float
    volume_ratio: float
    spread_percent: float


def read_market(market: MarketData) -> Readings:
    """Compute the readings of a market.

    The original took the deviation of five-minute returns for the ATR, 95 minutes for a day, .9
    times MACD for its signal line, and .5 for every position in the bands: most of its rules could
    not fire.

    Raises:
        UsageError: a series is too short, or holds what is no positive number.
    """
    closes = _checked("prices_24h", market.prices_24h, shortest=BAR * (ATR_LENGTH + 1))
    hour = _checked("prices_1h", market.prices_1h, shortest=BAR)
    price = _checked("current_price", (market.current_price,), shortest=1)[0]
    line, signal = macd(closes)
    return Readings(
        rsi=rsi(closes),
        macd=line / price,
        macd_signal=signal / price,
        band_position=band_position(closes, price),
        atr_percent=100 * average_true_range(hourly_bars(closes)) / price,
        change_1h=price / hour[0] - 1,
        change_24h=price / closes[0] - 1,
        high_24h=max(*closes, price) / price - 1,
        low_24h=min(*closes, price) / price - 1,
        volume_ratio=volume_ratio(market.volumes_24h),
        spread_percent=100 * market.bid_ask_spread / price,
    )


def rsi(closes: Sequence[float], length: int = RSI_LENGTH) -> float:
    """Return the RSI of the last `length` changes, by simple means; 50 where nothing moved.

    >>> rsi([100.0] * 20), rsi([float(price) for price in range(100, 120)])
    (50.0, 100.0)
    """
    changes = [after - before for before, after in pairwise(closes[-length - 1 :])]
    gains = sum(change for change in changes if change > 0)
    losses = -sum(change for change in changes if change < 0)
    return NEUTRAL_RSI if gains + losses == 0 else 100 * gains / (gains + losses)


def macd(closes: Sequence[float]) -> tuple[float, float]:
    """Return MACD(12, 26) of the closes and its EMA9, both in price units.

    >>> macd([100.0] * 40)
    (0.0, 0.0)
    """
    lines = [fast - slow for fast, slow in zip(ema(closes, 12), ema(closes, 26), strict=True)]
    return lines[-1], ema(lines, 9)[-1]


def ema(values: Sequence[float], length: int) -> list[float]:
    """Return the exponential moving averages of a series that begins with its first value.

    >>> ema([1.0, 3.0], 3)
    [1.0, 2.0]
    """
    weight = 2 / (length + 1)
    found = [values[0]]
    for value in values[1:]:
        found.append(found[-1] + weight * (value - found[-1]))
    return found


def band_position(closes: Sequence[float], price: float) -> float:
    """Return where the price stands between the Bollinger bands (20 closes, two deviations).

    >>> band_position([100.0] * 20, 100.0)
    0.5
    """
    last = closes[-BAND_LENGTH:]
    middle = sum(last) / len(last)
    deviation = math.sqrt(sum((close - middle) ** 2 for close in last) / len(last))
    return 0.5 if deviation == 0 else (price - middle + 2 * deviation) / (4 * deviation)


def hourly_bars(closes: Sequence[float]) -> list[tuple[float, float, float]]:
    """Return high, low and close of the whole hours, counted from the newest close backwards.

    >>> hourly_bars([float(minute) for minute in range(1, 25)])
    [(12.0, 1.0, 12.0), (24.0, 13.0, 24.0)]
    """
    start = len(closes) % BAR
    hours = [closes[place : place + BAR] for place in range(start, len(closes), BAR)]
    return [(max(hour), min(hour), hour[-1]) for hour in hours]


def average_true_range(bars: Sequence[tuple[float, float, float]]) -> float:
    """Return Wilder's average true range over 14 bars, seeded by the mean of the first 14.

    >>> average_true_range([(101.0, 99.0, 100.0)] * 20)
    2.0
    """
    ranges = [
        max(high, before) - min(low, before) for (_, _, before), (high, low, _) in pairwise(bars)
    ]
    seed = ranges[:ATR_LENGTH]
    found = sum(seed) / len(seed)
    for one in ranges[ATR_LENGTH:]:
        found += (one - found) / ATR_LENGTH
    return found


def volume_ratio(volumes: Sequence[float]) -> float:
    """Return the newest volume over the mean of the last 20; 1 where there is nothing to compare.

    >>> volume_ratio([]), volume_ratio([1.0] * 19 + [2.9])
    (1.0, 2.64)
    """
    last = volumes[-20:]
    mean = sum(last) / len(last) if last else 0.0
    return last[-1] / mean if mean else 1.0


def _checked(name: str, values: Sequence[float], *, shortest: int) -> Sequence[float]:
    if len(values) < shortest:
        raise UsageError(
            f"{name} holds {len(values)} value(s); {shortest} are needed.",
            remedy="Send the whole day of five-minute closes, oldest first.",
        )
    if not all(math.isfinite(value) and value > 0 for value in values):
        raise UsageError(
            f"{name} holds a value that is no positive number.",
            remedy="Leave out what is not known; nothing is guessed.",
        )
    return values
