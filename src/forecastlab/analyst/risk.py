"""Risk of an answer, and the position and levels that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from forecastlab.analyst.readings import Readings
from forecastlab.contracts.analysis import Answer, Condition, Side
from forecastlab.contracts.canonical import rounded

BASE_POSITION: Final = 1_000.0
"""Quote units of a position at full confidence without risk."""

SMALLEST_POSITION: Final = 100.0

STOP: Final = 0.02
TAKE: Final = 0.05
LEVEL_DIGITS: Final = 8
"""Significant digits of a price level: two decimals would make 0 of a coin below a cent."""


@dataclass(frozen=True)
class Sized:
    """An answer in money.

    Attributes:
        risk: 0 to 100.
        position: in quote units; 0 on HOLD.
        stop_loss: a price, or None on HOLD; likewise `take_profit`.
    """

    risk: int
    position: float
    stop_loss: float | None
    take_profit: float | None


def size(answer: Answer, readings: Readings, price: float) -> Sized:
    """Size an answer at a price; its own levels stand, else those of the volatility.

    Against the original: HOLD takes no position (it took a positive one).

    >>> from forecastlab.analyst.examples import readings
    >>> told = Answer(signal="BUY", confidence=80, fraction=0.5, reasoning="")
    >>> size(told, readings(atr_percent=0.2, rsi=25.0), 45_000.0)
    Sized(risk=17, position=732.0, stop_loss=44100.0, take_profit=47250.0)
    """
    risk = risk_score(answer.signal, answer.confidence, readings)
    if answer.signal == "HOLD":
        return Sized(risk, 0.0, None, None)
    position = BASE_POSITION * answer.confidence / 100 * (1 - 0.5 * risk / 100)
    width = min(max(readings.atr_percent / 2, 1.0), 3.0)
    sign = 1 if answer.signal == "BUY" else -1
    stop = answer.stop if answer.stop is not None else -sign * STOP * width
    take = answer.take if answer.take is not None else sign * TAKE * width
    return Sized(
        risk,
        round(max(position, SMALLEST_POSITION), 2),
        rounded(price * (1 + stop), LEVEL_DIGITS),
        rounded(price * (1 + take), LEVEL_DIGITS),
    )


def risk_score(side: Side, confidence: int, readings: Readings) -> int:
    """Return the mean of four risks, 0 to 100: volatility, doubt, RSI against the side, spread.

    >>> from forecastlab.analyst.examples import readings
    >>> risk_score("BUY", 80, readings(atr_percent=0.2, rsi=25.0))
    17
    """
    volatility = _tier(readings.atr_percent, ((1, 20), (3, 40), (5, 60)), 80)
    spread = _tier(readings.spread_percent, ((0.05, 10), (0.1, 20), (0.2, 40)), 60)
    return (volatility + 100 - confidence + _rsi_risk(side, readings.rsi) + spread) // 4


def condition(readings: Readings) -> Condition:
    """Name the market's condition.

    >>> from forecastlab.analyst.examples import readings
    >>> condition(readings(rsi=25.0)), condition(readings(atr_percent=3.5))
    ('Oversold', 'Volatile')
    """
    if readings.rsi < 30:
        return "Oversold"
    if readings.rsi > 70:
        return "Overbought"
    return "Volatile" if readings.atr_percent > 3 else "Sideways"


def _rsi_risk(side: Side, rsi: float) -> int:
    if side == "HOLD":
        return 30
    against = rsi if side == "BUY" else 100 - rsi
    return _tier(-against, ((-70, 70), (-60, 40)), 20)


def _tier(value: float, tiers: tuple[tuple[float, int], ...], last: int) -> int:
    return next((risk for below, risk in tiers if value < below), last)
