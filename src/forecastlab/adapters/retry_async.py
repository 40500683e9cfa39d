"""The retry policy on an event loop; apart, for asyncio costs every other start 30 ms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from forecastlab.adapters.retry import REAL_TIME, RetryPolicy, Timing, TryAgain, next_wait_s

T = TypeVar("T")


async def retry_async(
    attempt: Callable[[], Awaitable[T]], policy: RetryPolicy, timing: Timing = REAL_TIME
) -> T:
    """Do on an event loop what `retry` does; `timing.sleep` is not used.

    Raises:
        GaveUp: the attempts or the time ran out.
    """
    start = timing.monotonic()
    failures = 0
    while True:
        try:
            return await attempt()
        except TryAgain as failure:
            failures += 1
            elapsed_s = timing.monotonic() - start
            wait_s = next_wait_s(failure, failures, policy, elapsed_s, timing.chance())
        await asyncio.sleep(wait_s)
