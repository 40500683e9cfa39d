"""The retry policy, in time that passes only by sleeping."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.adapters.retry import GaveUp, RetryPolicy, TryAgain, retry, retry_after_s
from tests.support.fake_time import FakeTime

POLICY = RetryPolicy(
    first_delay_s=1.0, factor=2.0, max_delay_s=5.0, jitter=0.5, attempts=6, deadline_s=100.0
)


class Attempts:
    """Fails in turn with the given errors, then returns the number of calls."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls


def again(times: int, after_s: float | None = None) -> list[TryAgain]:
    return [TryAgain(f"failure {number}", after_s=after_s) for number in range(1, times + 1)]


def test_success_at_once_sleeps_not() -> None:
    time = FakeTime()
    assert retry(Attempts(), POLICY, time.timing) == 1
    assert time.slept == []


def test_back_off_grows_to_its_ceiling() -> None:
    time = FakeTime()
    assert retry(Attempts(*again(5)), POLICY, time.timing) == 6
    assert time.slept == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_chance_takes_a_share_off() -> None:
    time = FakeTime(chance=0.5)
    retry(Attempts(*again(2)), POLICY, time.timing)
    assert time.slept == [0.75, 1.5]


def test_attempts_run_out() -> None:
    time, attempts = FakeTime(), Attempts(*again(9))
    with pytest.raises(GaveUp, match=r"^failure 6 \(after 6 attempts\)$") as stop:
        retry(attempts, POLICY, time.timing)
    assert attempts.calls == stop.value.attempts == 6
    assert stop.value.wait_s is None
    assert len(time.slept) == 5


def test_final_error_passes_through_at_once() -> None:
    time, attempts = FakeTime(), Attempts(TryAgain("once"), ValueError("final"))
    with pytest.raises(ValueError, match="final"):
        retry(attempts, POLICY, time.timing)
    assert attempts.calls == 2
    assert time.slept == [1.0]


def test_asked_wait_is_honoured_in_full() -> None:
    time = FakeTime(chance=0.9)
    retry(Attempts(*again(1, after_s=37.0)), POLICY, time.timing)
    assert time.slept == [37.0]


def test_asked_wait_never_shortens_the_back_off() -> None:
    time = FakeTime()
    retry(Attempts(*again(3, after_s=0.0)), POLICY, time.timing)
    assert time.slept == [1.0, 2.0, 4.0]


def test_asked_wait_beyond_the_deadline_fails_at_once_and_is_named() -> None:
    time, attempts = FakeTime(), Attempts(*again(9, after_s=600.0))
    with pytest.raises(GaveUp, match="asks to wait 600 s, longer than the deadline leaves") as stop:
        retry(attempts, POLICY, time.timing)
    assert attempts.calls == 1
    assert time.slept == []
    assert stop.value.wait_s == 600.0


def test_deadline_counts_the_calls_own_time() -> None:
    time = FakeTime()

    def slow_failure() -> None:
        time.second += 40
        raise TryAgain("slow")

    with pytest.raises(GaveUp, match=r"after 3 attempts; the deadline leaves no time"):
        retry(slow_failure, POLICY, time.timing)
    assert time.slept == [1.0, 2.0]


def test_within_only_ever_shortens_the_deadline() -> None:
    assert POLICY.within(3.0) == replace(POLICY, deadline_s=3.0)
    assert POLICY.within(1e6) == POLICY


@given(
    failures=st.integers(1, 5000),
    chance=st.floats(0, 1, exclude_max=True),
    jitter=st.floats(0, 1),
)
def test_back_off_stays_between_nothing_and_its_ceiling(
    failures: int, chance: float, jitter: float
) -> None:
    delay = replace(POLICY, jitter=jitter).delay_s(failures, chance)
    assert 0 <= delay <= POLICY.max_delay_s


@given(waits=st.lists(st.none() | st.floats(0, 80), max_size=12), attempts=st.integers(1, 12))
def test_no_wait_ends_after_the_deadline(waits: list[float | None], attempts: int) -> None:
    time = FakeTime()
    calls = Attempts(*(TryAgain("no", after_s=wait) for wait in waits))
    policy = replace(POLICY, attempts=attempts)
    with suppress(GaveUp):
        assert retry(calls, policy, time.timing) == len(waits) + 1
    assert calls.calls == len(time.slept) + 1 <= attempts
    assert time.second - 1000.0 <= policy.deadline_s + 1e-9
    assert all(slept >= (asked or 0.0) for slept, asked in zip(time.slept, waits, strict=False))


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "Wed, 01 Oct 2025 00:06:00 GMT"}, None),
        ({"Retry-After": "Wed, 01 Oct 2025 00:06:00 GMT", "Date": "yesterday"}, None),
        (
            {
                "Retry-After": "Wed, 01 Oct 2025 00:00:00 GMT",
                "date": "Wed, 01 Oct 2025 00:05:00 GMT",
            },
            0.0,
        ),
        ({}, None),
    ],
)
def test_retry_after_header(headers: dict[str, str], wait_s: float | None) -> None:
    assert retry_after_s(headers) == wait_s


def test_later_error_is_not_chained_to_an_earlier_attempt() -> None:
    attempts = Attempts(TryAgain("first"), ValueError("final"))
    with pytest.raises(ValueError, match="final") as final:
        retry(attempts, POLICY, FakeTime().timing)
    assert final.value.__context__ is None
