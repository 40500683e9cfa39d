"""The rules' golden vectors at a price of 100, and where they differ from the original."""

from __future__ import annotations

from typing import Any

import pytest

from forecastlab.analyst.examples import readings
from forecastlab.analyst.risk import condition, risk_score, size
from forecastlab.analyst.rules import decide, fraction, levels
from forecastlab.contracts.analysis import Answer

RISING = {"macd": 0.01, "macd_signal": 0.009}
FALLING = {"macd": -0.01, "macd_signal": -0.009}


@pytest.mark.parametrize(
    ("given", "signal", "confidence", "share", "stop", "take"),
    [
        ({"rsi": 75.0}, "SELL", 70, 0.3, 103, 94),
        ({"rsi": 85.0}, "SELL", 85, 0.5, 102, 94),
        ({"rsi": 25.0, **RISING}, "BUY", 80, 0.5, 98, 106),
        ({"rsi": 25.0, **RISING, "volume_ratio": 1.6}, "BUY", 90, 0.5, 98, 106),
        ({"rsi": 75.0, **RISING}, "HOLD", 50, 0.1, None, None),
        ({"rsi": 15.0, **RISING, "band_position": 0.05}, "BUY", 95, 0.5, 98, 106),
        ({}, "HOLD", 50, 0.1, None, None),
        ({**FALLING, "band_position": 0.95}, "SELL", 80, 0.5, 102, 94),
        ({"band_position": 0.95, "volume_ratio": 1.6}, "SELL", 80, 0.5, 102, 94),
    ],
)
def test_golden_vectors(
    given: dict[str, float],
    signal: str,
    confidence: int,
    share: float,
    stop: float | None,
    take: float | None,
) -> None:
    found = decide(readings(**given))
    assert (found.signal, found.confidence, found.fraction) == (signal, confidence, share)
    prices = [None if one is None else 100 * (1 + one) for one in (found.stop, found.take)]
    assert prices == [stop, take] or prices == pytest.approx([stop, take])


def test_eighty_per_cent_is_eighty() -> None:
    """In floats two votes gave .6 + .1 + .1 = .7999…, the tier below."""
    found = decide(readings(rsi=75.0, volume_ratio=1.6))
    assert found.confidence == 80
    assert (fraction(80), levels(80)) == (0.5, (0.02, 0.06))


@pytest.mark.parametrize("line", [0.01, -0.01])
def test_a_line_between_zero_and_its_signal_has_no_vote(line: float) -> None:
    assert decide(readings(macd=line, macd_signal=2 * line)).signal == "HOLD"


def buy(**changed: Any) -> Answer:
    return Answer(
        **{"signal": "BUY", "confidence": 80, "fraction": 0.5, "reasoning": "", **changed}
    )


def test_size_of_the_original_example() -> None:
    found = size(buy(), readings(atr_percent=0.2, rsi=25.0), 45_000.0)
    assert (found.risk, found.position) == (17, 732.0)
    assert (found.stop_loss, found.take_profit) == (44_100.0, 47_250.0)


def test_levels_of_the_answer_stand_and_keep_a_coin_below_a_cent() -> None:
    found = size(buy(stop=-0.02, take=0.06), readings(), 0.000_012_34)
    assert found.stop_loss == pytest.approx(0.000_012_093_2)
    assert found.take_profit == pytest.approx(0.000_013_080_4)


def test_volatility_widens_levels_up_to_three_times() -> None:
    calm, wild = (size(buy(), readings(atr_percent=atr), 100.0) for atr in (0.5, 50.0))
    assert (calm.stop_loss, wild.stop_loss) == (98.0, 94.0)


def test_hold_takes_no_position() -> None:
    found = size(decide(readings()), readings(), 100.0)
    assert (found.position, found.stop_loss, found.take_profit) == (0.0, None, None)


@pytest.mark.parametrize(
    ("side", "rsi", "risk"),
    [
        *(("BUY", 75.0, 70), ("BUY", 65.0, 40), ("BUY", 55.0, 20)),
        *(("SELL", 25.0, 70), ("SELL", 35.0, 40), ("SELL", 45.0, 20)),
        ("HOLD", 75.0, 30),
    ],
)
def test_rsi_against_the_side_is_a_risk(side: Any, rsi: float, risk: int) -> None:
    found = risk_score(side, 100, readings(rsi=rsi, atr_percent=0.5, spread_percent=0.0))
    assert found == (20 + 0 + risk + 10) // 4


@pytest.mark.parametrize(
    ("rsi", "atr", "said"),
    [
        (29.9, 9.0, "Oversold"),
        (70.1, 9.0, "Overbought"),
        (50.0, 3.1, "Volatile"),
        (50.0, 3.0, "Sideways"),
    ],
)
def test_conditions(rsi: float, atr: float, said: str) -> None:
    assert condition(readings(rsi=rsi, atr_percent=atr)) == said
