"""A token bucket for each caller."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_CALLERS: Final = 10_000
"""Buckets that are kept; beyond, the one that was asked longest ago is forgotten, hence full."""


class RateLimit:
    """Lets each caller send `rate` requests a second, and twice as many at once.

    Args:
        rate: 0 lets everything pass.

    >>> clock = iter([0.0, 0.0, 0.0, 0.25, 0.5]).__next__
    >>> limit = RateLimit(1, monotonic=clock)
    >>> [limit.wait_s("a") for _ in range(5)]
    [0.0, 0.0, 1.0, 0.75, 0.5]
    """

    def __init__(self, rate: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(1.0, 2 * rate)
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Take a token of the caller's; return 0, or the seconds until there is one."""
        if not self._rate:
            return 0.0
        now = self._monotonic()
        tokens, at = self._buckets.get(caller, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        allowed = tokens >= 1
        self._buckets[caller] = (tokens - 1 if allowed else tokens, now)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._rate
