"""When a machine elsewhere is left alone for a while: the circuit breaker as a pure state machine.

Closed: calls go through. After so many failures of one kind in a row it opens: nobody calls until
the cool-down is over. Then it is half-open: one caller probes, the others go on without. A probe
that succeeds closes it; one that fails opens it again, for twice as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field

from forecastlab.contracts.records import Document, utc_text

Phase = Literal["closed", "open", "half_open"]


@dataclass(frozen=True)
class BreakerPolicy:
    """When a breaker opens, and for how long.

    Attributes:
        limits: kind of failure -> so many in a row open it. A kind that is not named is none of the
            other side's outages: it never opens anything, nor does it close anything.
        cool_down: how long it stays open at first; it doubles with every probe that fails.
        longest: how long it stays open at most.
        probe: after so long a probe that nobody has settled counts as lost.
    """

    limits: Mapping[str, int]
    cool_down: timedelta = timedelta(minutes=10)
    longest: timedelta = timedelta(hours=6)
    probe: timedelta = timedelta(minutes=1)

    def pause(self, opened: int) -> timedelta:
        """Return how long it stays open when it opens for the so-many-th time in a row.

        >>> [str(BreakerPolicy({}).pause(n)) for n in (1, 2, 99)]
        ['0:10:00', '0:20:00', '6:00:00']
        """
        # The exponent stays small: a timedelta overflows at 2 ** 42 minutes.
        return min(self.cool_down * (1 << min(opened - 1, 20)), self.longest)


class BreakerState(Document):
    """What a breaker remembers; the default is a breaker that never saw a failure.

    Attributes:
        failures: kind -> failures in a row since the last success, while closed.
        opened: times in a row that it has opened; 0 while closed.
        why: the kind of failure that opened it last.
        retry_at: when a probe may go through; None while closed.
        probe_until: until when a probe that is under way is waited for.
    """

    schema_version: Literal[1] = 1
    failures: dict[str, int] = Field(default_factory=dict)
    opened: int = 0
    why: str = ""
    retry_at: AwareDatetime | None = None
    probe_until: AwareDatetime | None = None

    @property
    def phase(self) -> Phase:
        """Where the machine stands."""
        if self.retry_at is None:
            return "closed"
        return "open" if self.probe_until is None else "half_open"


@dataclass(frozen=True)
class Admission:
    """Whether a call may be made, whether it is the probe, and why it may not."""

    allowed: bool
    probe: bool = False
    why_not: str = ""


class Breaker(Protocol):
    """A breaker that remembers; safe to use from many threads, and never raises."""

    def admit(self) -> Admission:
        """Say whether a call may be made now."""
        ...

    def settle(self, admission: Admission, kind: str | None) -> None:
        """Note how an admitted call ended: with a kind of failure, or None where it succeeded."""
        ...


def admit(
    state: BreakerState, now: datetime, policy: BreakerPolicy
) -> tuple[BreakerState, Admission]:
    """Return whether a call may be made at `now`, and the state after the question.

    >>> from datetime import UTC
    >>> now, policy = datetime(2025, 10, 1, tzinfo=UTC), BreakerPolicy({"timeout": 1})
    >>> state = settle(BreakerState(), Admission(True), "timeout", now, policy)
    >>> admit(state, now, policy)[1].why_not
    'open(timeout, until 2025-10-01T00:10:00Z)'
    """
    if state.retry_at is None:
        return state, Admission(allowed=True)
    if _ahead(state.retry_at, now, policy.longest):
        why_not = f"open({state.why}, until {utc_text(state.retry_at)})"
        return state, Admission(allowed=False, why_not=why_not)
    if state.probe_until is not None and _ahead(state.probe_until, now, policy.probe):
        return state, Admission(allowed=False, why_not=f"probing({state.why})")
    probing = state.model_copy(update={"probe_until": now + policy.probe})
    return probing, Admission(allowed=True, probe=True)


def settle(
    state: BreakerState,
    admission: Admission,
    kind: str | None,
    now: datetime,
    policy: BreakerPolicy,
) -> BreakerState:
    """Return the state after an admitted call has ended.

    Args:
        kind: the kind of failure; None for a success.

    >>> from datetime import UTC
    >>> now = datetime(2025, 10, 1, tzinfo=UTC)
    >>> policy = BreakerPolicy({"timeout": 2})
    >>> once = settle(BreakerState(), Admission(True), "timeout", now, policy)
    >>> once.phase, settle(once, Admission(True), "timeout", now, policy).phase
    ('closed', 'open')
    >>> settle(once, Admission(True), "wrong_key", now, policy) == once
    True
    """
    if state.phase != "closed" and not admission.probe:
        return state  # the call began before it opened, and says nothing about the time since
    if kind is None:
        return BreakerState()
    if kind not in policy.limits:
        return state.model_copy(update={"probe_until": None})
    if state.phase != "closed":
        return _open(state, kind, now, policy)
    counted = {**state.failures, kind: state.failures.get(kind, 0) + 1}
    if counted[kind] >= policy.limits[kind]:
        return _open(state, kind, now, policy)
    return state.model_copy(update={"failures": counted})


def _open(state: BreakerState, kind: str, now: datetime, policy: BreakerPolicy) -> BreakerState:
    opened = state.opened + 1
    return BreakerState(opened=opened, why=kind, retry_at=now + policy.pause(opened))


def _ahead(instant: datetime, now: datetime, most: timedelta) -> bool:
    """Say whether an instant lies ahead; further than it can means that the clock was set back."""
    return now < instant <= now + most
