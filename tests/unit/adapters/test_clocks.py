"""The three clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from forecastlab.adapters.clocks import ExchangeClock, FixedClock, SystemClock
from forecastlab.contracts.errors import DataUnavailable
from tests.support.fake_time import FakeTime

NOON = datetime(2025, 10, 1, 12, tzinfo=UTC)


def test_system_clock_is_aware_and_in_utc() -> None:
    before, now, after = datetime.now(UTC), SystemClock().now(), datetime.now(UTC)
    assert before <= now <= after
    assert now.utcoffset() == timedelta(0)


def test_fixed_clock_stands_still_and_can_be_set_back() -> None:
    clock = FixedClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.set(NOON - timedelta(days=1))
    assert clock.now() == NOON - timedelta(days=1)


def test_fixed_clock_answers_in_utc() -> None:
    shanghai = datetime(2025, 10, 1, 20, tzinfo=timezone(timedelta(hours=8)))
    now = FixedClock(shanghai).now()
    assert (now, now.utcoffset()) == (NOON, timedelta(0))


def test_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        FixedClock(datetime(2025, 10, 1))  # noqa: DTZ001


def test_exchange_clock_asks_once_and_runs_on() -> None:
    time, asked = FakeTime(), []

    def server_time() -> datetime:
        asked.append(time.second)
        time.second += 3  # the way there and back
        return NOON

    clock = ExchangeClock(server_time, monotonic=time.timing.monotonic)
    assert asked == []
    assert clock.now() == NOON  # dated to its arrival: never ahead of the exchange
    time.second += 90.5
    assert clock.now() == NOON + timedelta(seconds=90.5)
    assert len(asked) == 1


def test_exchange_clock_asks_again_after_a_failure() -> None:
    errors = [DataUnavailable("no host answers.", remedy="Try again later.")]

    def server_time() -> datetime:
        if errors:
            raise errors.pop()
        return NOON

    clock = ExchangeClock(server_time, monotonic=FakeTime().timing.monotonic)
    with pytest.raises(DataUnavailable):
        clock.now()
    assert clock.now() == NOON
