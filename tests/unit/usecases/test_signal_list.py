"""The signals that a service made: the last of each symbol and hour, and no more than so many."""

from __future__ import annotations

from datetime import datetime, timedelta

from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.signals import NoSignal
from forecastlab.usecases.signal_list import MadeSignals
from tests.support.signal_service import NOW


def nothing(hour: int, symbol: str = "BTCUSDT", reason: str = "none") -> NoSignal:
    opened: datetime = NOW.replace(minute=0) + timedelta(hours=hour)
    return NoSignal(
        symbol=symbol,
        as_of=opened + timedelta(hours=1),
        asof_date=asof_name(opened, "1h"),
        created_at=NOW,
        reason=reason,
        latency_ms=1.0,
    )


def test_of_one_symbol_and_hour_the_last_one_is_kept() -> None:
    made = MadeSignals()
    made.keep([nothing(0), nothing(0, "ETHUSDT"), nothing(1)])
    made.keep([nothing(0, reason="again")])
    assert made.of("BTCUSDT") == [nothing(1), nothing(0, reason="again")]
    assert len(made.of(None)) == 3
    assert made.of("ADAUSDT") == []


def test_what_was_kept_first_goes_first() -> None:
    made = MadeSignals(most=3)
    made.keep(nothing(hour) for hour in range(5))
    assert made.of(None) == [nothing(hour) for hour in (2, 3, 4)]
    made.keep([nothing(2)])  # made anew: the youngest now
    made.keep([nothing(9)])
    assert made.of(None) == [nothing(hour) for hour in (4, 2, 9)]
