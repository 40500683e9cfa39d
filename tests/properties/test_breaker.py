"""The breaker against a model of it that is written as a story, in whole minutes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from forecastlab.contracts.breaker import (
    Admission,
    BreakerPolicy,
    BreakerState,
    admit,
    settle,
)

START = datetime(2025, 10, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = {"timeout": 2, "transport": 3}
POLICY = BreakerPolicy(LIMITS, cool_down=10 * MINUTE, longest=35 * MINUTE, probe=2 * MINUTE)


class Naive:
    """The same as a story: streaks, a closed gate, and one scout at a time."""

    def __init__(self) -> None:
        self.streaks: Counter[str] = Counter()
        self.gate_opens_at: int | None = None
        self.pauses = [10, 20, 35]
        self.scout_due: int | None = None

    def may_call(self, minute: int) -> tuple[bool, bool]:
        if self.gate_opens_at is None:
            return True, False
        if minute < self.gate_opens_at:
            return False, False
        if self.scout_due is not None and minute < self.scout_due:
            return False, False
        self.scout_due = minute + 2
        return True, True

    def came_back(self, minute: int, *, scout: bool, with_: str | None) -> None:
        if self.gate_opens_at is not None and not scout:
            return
        if with_ is None:
            self.__init__()  # type: ignore[misc]
        elif with_ not in LIMITS:
            self.scout_due = None
        else:
            self.streaks[with_] += 1
            if self.gate_opens_at is not None or self.streaks[with_] == LIMITS[with_]:
                self.gate_opens_at = minute + self.pauses[0]
                self.pauses = self.pauses[1:] or [35]
                self.scout_due = None
                self.streaks.clear()


class BreakerMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.minute = 0
        self.state = BreakerState()
        self.naive = Naive()
        self.out: list[Admission] = []
        self.probes: list[int] = []

    @property
    def now(self) -> datetime:
        return START + self.minute * MINUTE

    @rule(minutes=st.integers(1, 40))
    def wait(self, minutes: int) -> None:
        self.minute += minutes

    @rule()
    def call(self) -> None:
        self.state, admission = admit(self.state, self.now, POLICY)
        assert (admission.allowed, admission.probe) == self.naive.may_call(self.minute)
        assert admission.allowed == (admission.why_not == "")
        if admission.allowed:
            self.out.append(admission)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), kind=st.sampled_from([None, "timeout", "transport", "privacy"]))
    def end(self, data: st.DataObject, kind: str | None) -> None:
        admission = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.state = settle(self.state, admission, kind, self.now, POLICY)
        self.naive.came_back(self.minute, scout=admission.probe, with_=kind)

    @invariant()
    def the_store_keeps_it(self) -> None:
        assert BreakerState.parse(self.state.stored(), what="it") == self.state

    @invariant()
    def it_never_stays_open_for_longer_than_the_longest(self) -> None:
        if self.state.retry_at is not None:
            assert self.state.retry_at <= self.now + POLICY.longest

    @invariant()
    def below_its_limit_a_streak_opens_nothing(self) -> None:
        assert all(0 < count < LIMITS[kind] for kind, count in self.state.failures.items())


TestBreaker = BreakerMachine.TestCase


def opened(kind: str = "timeout") -> BreakerState:
    state = BreakerState()
    for _ in range(LIMITS[kind]):
        state = settle(state, Admission(allowed=True), kind, START, POLICY)
    assert state.phase == "open"
    return state


def test_a_kind_that_is_no_outage_never_opens_it() -> None:
    state = BreakerState()
    for _ in range(100):
        state = settle(state, Admission(allowed=True), "privacy", START, POLICY)
    assert state == BreakerState()


def test_kinds_are_counted_apart() -> None:
    state = BreakerState()
    for kind in ("timeout", "transport", "transport"):
        state = settle(state, Admission(allowed=True), kind, START, POLICY)
    assert state.phase == "closed"
    assert settle(state, Admission(allowed=True), "timeout", START, POLICY).why == "timeout"


def test_a_clock_that_is_set_back_does_not_keep_it_open() -> None:
    long_ago = START - timedelta(days=400)
    state, admission = admit(opened(), long_ago, POLICY)
    assert admission.probe
    assert admit(state, long_ago - timedelta(days=1), POLICY)[1].probe


def test_a_probe_that_nobody_settles_is_followed_by_another() -> None:
    due = START + POLICY.cool_down
    state, first = admit(opened(), due, POLICY)
    assert first.probe
    assert admit(state, due + MINUTE, POLICY)[1].why_not == "probing(timeout)"
    assert admit(state, due + 2 * MINUTE, POLICY)[1].probe
