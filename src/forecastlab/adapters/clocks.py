"""The clocks: what "now" is, by the exchange, by this machine, or by decree."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is set: the simulated market's, and the tests'.

    >>> clock = FixedClock(datetime(2025, 10, 1, tzinfo=UTC))
    >>> clock.set(datetime(2025, 10, 1, 0, 5, tzinfo=UTC))
    >>> clock.now().isoformat()
    '2025-10-01T00:05:00+00:00'
    """

    def __init__(self, instant: datetime) -> None:
        self._instant = _in_utc(instant)

    def now(self) -> datetime:
        """Return the instant that the clock was set to."""
        return self._instant

    def set(self, instant: datetime) -> None:
        """Set the clock, forward or back."""
        self._instant = _in_utc(instant)


class ExchangeClock:
    """The exchange's clock: asked once, at the first `now`, then advanced by a steady one.

    This machine's clock may be minutes off; it has no say in which candle is closed. The reply is
    dated to its arrival, so the clock lags by the way back and never runs ahead of the exchange.
    """

    def __init__(
        self,
        server_time: Callable[[], datetime],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server_time = server_time
        self._monotonic = monotonic
        self._asked: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Return the exchange's current time in UTC.

        Raises:
            DataUnavailable: the exchange cannot be asked.
        """
        if self._asked is None:
            answer = _in_utc(self._server_time())
            self._asked = answer, self._monotonic()
        instant, at = self._asked
        return instant + timedelta(seconds=self._monotonic() - at)


def _in_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(UTC)
