"""The one retry policy: what every call to a machine elsewhere does when it fails.

The caller makes one attempt and says what a failure means: it raises `TryAgain` (with the wait that
the other side asked for, if it did), and any other error is final and passes through untouched.

    reply = retry(lambda: ask(url), RetryPolicy(attempts=4, deadline_s=30))

`retry` returns the attempt's value, or raises `GaveUp`, which the adapter turns into its own error.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait between attempts, and when to stop.

    Attributes:
        first_delay_s: back-off after the first failure; it grows by `factor` up to `max_delay_s`.
        jitter: the share of a back-off, in [0, 1], that chance takes off, so that many clients of a
            machine that comes back do not call it at the same moment.
        attempts: calls at most, the first one included.
        deadline_s: no wait begins that would end later than this after the first call. A call that
            runs is not cut short: it has its own timeout.
    """

    first_delay_s: float = 0.5
    factor: float = 2.0
    max_delay_s: float = 8.0
    jitter: float = 0.25
    attempts: int = 4
    deadline_s: float = 120.0

    def delay_s(self, failures: int, chance: float) -> float:
        """Return the back-off after so many failures; `chance` lies in [0, 1).

        >>> [RetryPolicy().delay_s(failures, 0.0) for failures in (1, 2, 3, 9)]
        [0.5, 1.0, 2.0, 8.0]
        >>> RetryPolicy().delay_s(1, 0.5)
        0.4375
        """
        # The exponent stays small: factor ** 5000 would overflow a float.
        grown = self.first_delay_s * self.factor ** min(failures - 1, 64)
        return min(grown, self.max_delay_s) * (1 - self.jitter * chance)

    def within(self, left_s: float) -> RetryPolicy:
        """Return the policy for work of which only `left_s` seconds are left."""
        return replace(self, deadline_s=min(self.deadline_s, left_s))


@dataclass(frozen=True)
class Timing:
    """Sleep, a clock that never jumps, and chance; tests pass their own and wait for nothing."""

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random


REAL_TIME: Final = Timing()


class TryAgain(Exception):
    """One attempt failed in a way that may pass; `after_s` is the wait that was asked for."""

    def __init__(self, reason: str, *, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class GaveUp(Exception):
    """The last attempt failed and no other is allowed; `last` says how it failed.

    Attributes:
        last: the failure of the last attempt.
        attempts: calls made.
        wait_s: the wait that the deadline did not allow; None if the attempts ran out.
    """

    def __init__(self, last: TryAgain, attempts: int, wait_s: float | None) -> None:
        super().__init__(f"{last} ({_stopped(last, attempts, wait_s)})")
        self.last = last
        self.attempts = attempts
        self.wait_s = wait_s


def retry(attempt: Callable[[], T], policy: RetryPolicy, timing: Timing = REAL_TIME) -> T:
    """Call `attempt` until it returns, as the policy allows.

    A wait that the other side asked for is honoured in full, or, where it would pass the deadline,
    refused at once: coming back earlier is what gets a client banned.

    Raises:
        GaveUp: the attempts or the time ran out.
    """
    start = timing.monotonic()
    failures = 0
    while True:
        try:
            return attempt()
        except TryAgain as failure:
            failures += 1
            elapsed_s = timing.monotonic() - start
            wait_s = next_wait_s(failure, failures, policy, elapsed_s, timing.chance())
        timing.sleep(wait_s)


def next_wait_s(
    failure: TryAgain, failures: int, policy: RetryPolicy, elapsed_s: float, chance: float
) -> float:
    """Return the wait before the next attempt, after so many failures.

    Raises:
        GaveUp: there may be no next attempt.

    >>> next_wait_s(TryAgain("503", after_s=3), 1, RetryPolicy(), 0.0, 0.0)
    3
    """
    if failures >= policy.attempts:
        raise GaveUp(failure, failures, None) from failure
    # Never shorter than the back-off: a `Retry-After: 0` is no licence to hammer.
    wait_s = max(failure.after_s or 0.0, policy.delay_s(failures, chance))
    if elapsed_s + wait_s > policy.deadline_s:
        raise GaveUp(failure, failures, wait_s) from failure
    return wait_s


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read a `Retry-After` header: seconds, or a date counted from the reply's own `Date`.

    Returns None where there is none, or none that can be read: then back off.
    Source: RFC 9110, section 10.2.3.

    >>> retry_after_s({"Retry-After": "7"})
    7.0
    >>> retry_after_s({"Retry-After": "Wed, 01 Oct 2025 00:06:00 GMT",
    ...                "Date": "Wed, 01 Oct 2025 00:05:00 GMT"})
    60.0
    >>> retry_after_s({"Retry-After": "soon"}) is None
    True
    """
    named = {name.lower(): value.strip() for name, value in headers.items()}
    text = named.get("retry-after", "")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    try:
        until, sent = parsedate_to_datetime(text), parsedate_to_datetime(named.get("date", ""))
        return max(0.0, (until - sent).total_seconds())
    except (ValueError, TypeError):  # no date; or one with and one without a zone
        return None


def _stopped(last: TryAgain, attempts: int, wait_s: float | None) -> str:
    made = f"after {attempts} attempt{'s' if attempts > 1 else ''}"
    if wait_s is None:
        return made
    if wait_s == last.after_s:
        return f"{made}; it asks to wait {wait_s:.0f} s, longer than the deadline leaves"
    return f"{made}; the deadline leaves no time for another"
