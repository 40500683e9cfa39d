"""Binance's hosts, one after the other: what each kind of refusal means, and who is asked next.

429                       wait as long as it says, then go on; too long: stop
418                       banned: stop at once, on every host
451, 403, other 4xx       this host refuses; the next one is asked
5xx, time-out, reset, …   back off, then the next host
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from forecastlab.adapters.binance_client import BinanceClient, NoReply, Refused
from forecastlab.adapters.retry import GaveUp, RetryPolicy, Timing, TryAgain, retry, retry_after_s
from forecastlab.contracts.candle_checks import MICROSECONDS_FROM
from forecastlab.contracts.errors import DataUnavailable

T = TypeVar("T")

MARKET_DATA_URL: Final = "https://data-api.binance.vision"
"""Binance's endpoint for public market data: no key, no trading, open in more regions."""

REQUEST_FAILED: Final = "exchange_request_failed"
HOST_PASSED_OVER: Final = "exchange_host_passed_over"
"""Log events that a run report counts: the exchange answered, but not at once, or not this host."""

_LOG: Final = logging.getLogger(__name__)

_TRY_LATER: Final = "Check the network, or try again later."
_REGION: Final = (
    "Run it from another region, or set FORECASTLAB_BINANCE_URL to the market-data endpoint "
    f"{MARKET_DATA_URL}."
)
_FIREWALL: Final = (
    "Wait some minutes, or call from another address; a proxy of your own may be what refuses. The "
    f"market-data endpoint is {MARKET_DATA_URL} (FORECASTLAB_BINANCE_URL)."
)
_WRONG_URL: Final = "Check FORECASTLAB_BINANCE_URL."


class _RateLimited(TryAgain):
    """429: this address asks too much; the limit is not the host's alone."""


class _HostRefuses(Exception):
    """This host will not serve this client, however often it is asked."""

    def __init__(self, facts: str, remedy: str) -> None:
        super().__init__(facts)
        self.remedy = remedy


class HostSession:
    """The requests of one piece of work: the hosts not yet given up, and the time left.

    Args:
        subject: what is asked for, for messages.
        urls: base URLs, in the order in which they are asked.
        policy: the retries of one request at one host; its deadline is that of the whole work.
        timeout_s: how long a host may be silent within one request.
    """

    def __init__(
        self,
        client: BinanceClient,
        urls: Iterable[str],
        *,
        subject: str,
        timeout_s: float,
        policy: RetryPolicy,
        timing: Timing,
    ) -> None:
        self._client = client
        self._urls = list(urls)
        self._subject = subject
        self._timeout_s = timeout_s
        self._policy = policy
        self._timing = timing
        self._ends = timing.monotonic() + policy.deadline_s
        self._failures: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        """The base URL that is asked now."""
        return self._urls[0]

    def ask(self, request: Callable[[BinanceClient], T]) -> T:
        """Return the first answer that a host gives to `request`.

        `request` may raise `TryAgain` for an answer that makes no sense.

        Raises:
            DataUnavailable: no host answers in time, or Binance shuts this client out.
        """
        while self._urls and self._left_s() > 0:
            try:
                return retry(
                    lambda: self._attempt(request),
                    self._policy.within(self._left_s()),
                    self._timing,
                )
            except GaveUp as stop:
                if isinstance(stop.last, _RateLimited):
                    raise self._rate_limited(stop) from stop
                self._next_host(str(stop), _TRY_LATER)
            except _HostRefuses as refusal:
                self._next_host(str(refusal), refusal.remedy)
        raise self._nobody_answers()

    def _left_s(self) -> float:
        return self._ends - self._timing.monotonic()

    def _attempt(self, request: Callable[[BinanceClient], T]) -> T:
        self._client.point_at(self.url, timeout_s=max(0.1, min(self._timeout_s, self._left_s())))
        try:
            return self._answer(request)
        except TryAgain as failure:
            fields = {"event": REQUEST_FAILED, "host": self.url}
            told = "%s: a request to %s failed: %s"
            _LOG.warning(told, self._subject, self.url, failure, extra={"fields": fields})
            raise

    def _answer(self, request: Callable[[BinanceClient], T]) -> T:
        try:
            return request(self._client)
        except NoReply as fault:
            raise TryAgain(str(fault)) from fault
        except Refused as refusal:
            raise _meaning(refusal, self._subject) from refusal

    def _next_host(self, facts: str, remedy: str) -> None:
        refused = self._urls.pop(0)
        self._failures.append((f"{refused}: {facts}", remedy))
        fields = {"event": HOST_PASSED_OVER, "host": refused}
        told = "%s: %s gave no answer: %s"
        _LOG.warning(told, self._subject, refused, facts, extra={"fields": fields})

    def _rate_limited(self, stop: GaveUp) -> DataUnavailable:
        return DataUnavailable(
            f"{self._subject}: Binance limits the requests of this address: {stop}.",
            remedy="Run it again after that wait; other programs here may share the limit.",
        )

    def _nobody_answers(self) -> DataUnavailable:
        if self._urls:
            facts = f"{self._subject}: not done within {self._policy.deadline_s:g} s"
            remedies = ["Run it again, or raise FORECASTLAB_BINANCE_DEADLINE_S."]
        else:
            facts = f"{self._subject}: no Binance host answers"
            remedies = []
        remedies = list(dict.fromkeys([*remedies, *(remedy for _, remedy in self._failures)]))
        detail = "".join(f"; {failure}" for failure, _ in self._failures)
        return DataUnavailable(f"{facts}{detail}.", remedy=" ".join(remedies))


def _meaning(refusal: Refused, subject: str) -> Exception:
    """Return the exception that says what to do about an error status."""
    status = refusal.status
    if status == 429:
        return _RateLimited(str(refusal), after_s=retry_after_s(refusal.headers))
    if status == 418:
        return DataUnavailable(
            f"{subject}: Binance has banned this address {_ban_end(refusal)} ({refusal}).",
            remedy="Run it again after that; until then every call makes the ban longer.",
        )
    if status == 451:
        return _HostRefuses(f"it does not serve the region of this address ({refusal})", _REGION)
    if status == 403:
        return _HostRefuses(f"its firewall refuses this client ({refusal})", _FIREWALL)
    if status >= 500 or status == 408:
        return TryAgain(str(refusal), after_s=retry_after_s(refusal.headers))
    return _HostRefuses(f"it refuses the request ({refusal})", _WRONG_URL)


def _ban_end(refusal: Refused) -> str:
    """Say until when a ban lasts: by the message, else by `Retry-After`."""
    stated = re.search(r"until (\d{13,16})", str(refusal))
    if stated:
        return f"until {instant_of(int(stated.group(1))):%Y-%m-%d %H:%M:%S} UTC"
    wait_s = retry_after_s(refusal.headers)
    return (
        "until a time that it does not state" if wait_s is None else f"for another {wait_s:.0f} s"
    )


def epoch_ms(stamp: int) -> int:
    """Return a stamp in milliseconds; Binance writes some in microseconds.

    >>> epoch_ms(1759190400000), epoch_ms(1759190400000000)
    (1759190400000, 1759190400000)
    """
    return stamp // 1000 if stamp >= MICROSECONDS_FROM else stamp


def instant_of(stamp: int) -> datetime:
    """Turn Binance's stamp into an instant.

    >>> instant_of(1759190400000).isoformat()
    '2025-09-30T00:00:00+00:00'
    """
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms(stamp))
