"""Token buckets: a burst, then the rate; one caller's use is not another's; memory is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from forecastlab.api import rate_limit
from forecastlab.api.rate_limit import RateLimit
from tests.support.fake_time import FakeTime


def limit_of(rate: float) -> tuple[RateLimit, FakeTime]:
    time = FakeTime()
    return RateLimit(rate, monotonic=lambda: time.second), time


@given(st.integers(1, 50), st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_in_any_span_no_more_pass_than_burst_and_rate_allow(rate: int, gaps: list[float]) -> None:
    limit, time = limit_of(rate)
    passed = []
    for gap in gaps:
        time.sleep(gap)
        if not limit.wait_s("a"):
            passed.append(time.second)
    for i, first in enumerate(passed):
        for j in range(i, len(passed)):
            assert j - i + 1 <= 2 * rate + rate * (passed[j] - first) + 1e-6


@given(st.integers(1, 50), st.integers(0, 30))
def test_who_waits_as_told_passes(rate: int, more: int) -> None:
    limit, time = limit_of(rate)
    for _ in range(2 * rate):
        assert not limit.wait_s("a")
    for _ in range(more):
        wait_s = limit.wait_s("a")
        assert 0 < wait_s <= 1 / rate
        time.sleep(wait_s + 1e-9)
        assert not limit.wait_s("a")


def test_callers_have_their_own() -> None:
    limit, _ = limit_of(1)
    assert [bool(limit.wait_s(one)) for one in ("a", "a", "a", "b", "b", "b")] == [
        *(False, False, True),
        *(False, False, True),
    ]


def test_no_rate_is_no_limit() -> None:
    limit, _ = limit_of(0)
    assert not any(limit.wait_s("a") for _ in range(1000))


def test_a_crowd_of_callers_is_forgotten_from_its_oldest_on() -> None:
    limit, _ = limit_of(1)
    limit.wait_s("first")
    limit.wait_s("first")
    for i in range(rate_limit._CALLERS):
        limit.wait_s(f"caller-{i}")
    assert len(limit._buckets) == rate_limit._CALLERS
    assert not limit.wait_s("first")
