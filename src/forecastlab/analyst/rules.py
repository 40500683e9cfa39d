"""The local rules: votes of RSI, MACD and the Bollinger bands, confirmed by volume."""

from __future__ import annotations

from typing import Final

from forecastlab.analyst.readings import Readings
from forecastlab.contracts.analysis import Answer, Side

MODEL: Final = "local_simple"
"""What the rules are called in `models_used`."""

HOLD_FRACTION: Final = 0.1
TOP_CONFIDENCE: Final = 95


def decide(readings: Readings) -> Answer:
    """Return the rules' answer.

    Against the original: confidence counts in whole per cent, so that two equal votes on volume
    give 80 and not .7999…, which fell into the smaller position and the wider stop.

    >>> from forecastlab.analyst.examples import readings
    >>> found = decide(readings(rsi=75.0))
    >>> found.signal, found.confidence, found.stop, found.take
    ('SELL', 70, 0.03, -0.06)
    """
    votes = votes_of(readings)
    buys = sum(side == "BUY" for side in votes.values())
    sells = len(votes) - buys
    if buys == sells:
        why = "RSI, MACD and bands are silent" if not votes else f"votes tie: {_told(votes)}"
        return Answer(signal="HOLD", confidence=50, fraction=HOLD_FRACTION, reasoning=f"{why}.")
    side: Side = "BUY" if buys > sells else "SELL"
    confirmed = readings.volume_ratio > 1.5
    extreme = readings.rsi > 80 or readings.rsi < 20
    confidence = min(60 + 10 * abs(buys - sells), TOP_CONFIDENCE)
    confidence = min(90, confidence + 10) if confirmed else confidence
    confidence = min(TOP_CONFIDENCE, confidence + 15) if extreme else confidence
    stop, take = levels(confidence)
    sign = 1 if side == "BUY" else -1
    told = [_told(votes), *(["volume confirms"] if confirmed else [])]
    return Answer(
        signal=side,
        confidence=confidence,
        fraction=fraction(confidence),
        stop=-sign * stop,
        take=sign * take,
        reasoning=f"{'; '.join(told)}.",
        weights={name: round(1 / max(buys, sells), 4) for name in votes if votes[name] == side},
    )


def votes_of(readings: Readings) -> dict[str, Side]:
    """Return who votes for which side; who has no view is absent.

    >>> from forecastlab.analyst.examples import readings
    >>> votes_of(readings(rsi=25.0, macd=0.01, macd_signal=0.009))
    {'rsi': 'BUY', 'macd': 'BUY'}
    """
    votes: dict[str, Side] = {}
    if readings.rsi > 70 or readings.rsi < 30:
        votes["rsi"] = "SELL" if readings.rsi > 70 else "BUY"
    if readings.macd > 0 and readings.macd > readings.macd_signal:
        votes["macd"] = "BUY"
    elif readings.macd < 0 and readings.macd < readings.macd_signal:
        votes["macd"] = "SELL"
    if readings.band_position > 0.9 or readings.band_position < 0.1:
        votes["bands"] = "SELL" if readings.band_position > 0.9 else "BUY"
    return votes


def fraction(confidence: int) -> float:
    """Return the share of the base position for a confidence in per cent.

    >>> fraction(59), fraction(70), fraction(79), fraction(80)
    (0.1, 0.3, 0.3, 0.5)
    """
    tiers = ((60, 0.1), (70, 0.2), (80, 0.3))
    return next((share for below, share in tiers if confidence < below), 0.5)


def levels(confidence: int) -> tuple[float, float]:
    """Return the distances of stop and target for a confidence in per cent, as fractions.

    >>> levels(80), levels(70)
    ((0.02, 0.06), (0.03, 0.06))
    """
    if confidence >= 80:
        return 0.02, 0.06
    return (0.03, 0.06) if confidence >= 70 else (0.03, 0.045)


def _told(votes: dict[str, Side]) -> str:
    names = {"rsi": "RSI", "macd": "MACD", "bands": "bands"}
    return ", ".join(f"{names[name]} {side}" for name, side in votes.items())
