"""Candles and time of the Binance spot exchange, from its public market data; no key is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import pandas as pd

from forecastlab.adapters.binance_client import BinanceClient, Refused, open_client
from forecastlab.adapters.binance_hosts import MARKET_DATA_URL, HostSession, epoch_ms, instant_of
from forecastlab.adapters.progress import Silent
from forecastlab.adapters.retry import REAL_TIME, RetryPolicy, Timing, TryAgain
from forecastlab.contracts.candle_checks import MICROSECONDS_FROM, checked_candles
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import ConfigError, DataMalformed, UnknownSymbol
from forecastlab.contracts.intervals import DURATION, Interval, last_closed_open
from forecastlab.contracts.ports import Progress, SourceKind

DEFAULT_URLS: Final = (
    MARKET_DATA_URL,
    "https://api.binance.com",
    "https://api-gcp.binance.com",
    "https://api1.binance.com",
)

PAGE: Final = 1000
"""Candles per request; Binance gives no more, whatever the limit says."""

_FIELDS: Final = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "trades",
    "taker_buy_base",
    "taker_buy_quote",
)
"""A candle on the wire, in order; a twelfth field is to be ignored."""

_SYMBOL_UNKNOWN: Final = (-1121, -1100)
"""Binance's codes for a symbol that it does not have, and for one that it cannot even have."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

Row = tuple[int, *tuple[object, ...]]
"""One candle as it came, its open in epoch ms first."""


class BinanceSource:
    """A `CandleSource` over Binance's REST interface, host after host.

    Args:
        urls: base URLs in the order in which they are asked; the one that answered is asked first
            from then on.
        timeout_s: how long a host may be silent within one request.
        deadline_s: seconds for one `fetch`, all pages, waits and hosts included.
        policy: how often one request is tried at one host, and the back-off between.

    Raises:
        ConfigError: a base URL is none.
    """

    kind: Final[SourceKind] = "binance"

    def __init__(
        self,
        urls: Sequence[str] = DEFAULT_URLS,
        *,
        timeout_s: float = 10.0,
        deadline_s: float = 120.0,
        policy: RetryPolicy | None = None,
        timing: Timing = REAL_TIME,
        progress: Progress | None = None,
    ) -> None:
        self._urls = tuple(_base_url(url) for url in urls)
        self._timeout_s = timeout_s
        self._policy = (policy or RetryPolicy(deadline_s=deadline_s)).within(deadline_s)
        self._timing = timing
        self._progress = progress or Silent()
        self._answered_by: str | None = None

    @property
    def answered_by(self) -> str | None:
        """The base URL that answered last; None before the first answer."""
        return self._answered_by

    def server_time(self) -> datetime:
        """Return the exchange's current time, as `ExchangeClock` asks for it.

        Raises:
            DataUnavailable: no host answers.
            DataMalformed: a host answers, but with no time.
        """
        with self._session("the exchange's time") as session:
            return session.ask(_server_time)

    def fetch(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        """Return the candles that open in [first_open, last_open] and are closed by server time.

        Raises:
            UnknownSymbol: Binance has no such symbol.
            DataUnavailable: no host answers within the deadline.
            DataMalformed: a host answers, but with no candles.
        """
        with self._session(f"{symbol} {interval}") as session:
            closed = last_closed_open(session.ask(_server_time), interval)
            first_ms = ((first_open or _EPOCH) - _EPOCH) // _MS
            last_ms = (min(last_open, closed) - _EPOCH) // _MS
            rows = self._rows(session, symbol, interval, first_ms, last_ms)
        return checked_candles(symbol, interval, pd.DataFrame(rows, columns=list(_FIELDS)))

    def _rows(
        self, session: HostSession, symbol: str, interval: Interval, first_ms: int, last_ms: int
    ) -> list[Row]:
        """Read page after page; rows outside of [first_ms, last_ms] are not part of the answer."""
        if first_ms > last_ms:
            return []
        ask = partial(_page, symbol, interval, last_ms=last_ms)
        page = session.ask(partial(ask, start_ms=first_ms))
        step_ms = DURATION[interval] // _MS
        start_ms = max(first_ms, min((row[0] for row in page), default=last_ms))
        rows: list[Row] = []
        with self._progress.track(
            f"{symbol} {interval}", (last_ms - start_ms) // step_ms + 1
        ) as bar:
            # A short page is not taken for the last one: only the last open, or no more rows, is.
            while ahead := [row[0] for row in page if start_ms <= row[0] <= last_ms]:
                rows += page
                bar.advance((max(ahead) - start_ms) // step_ms + 1)
                start_ms = max(ahead) + 1
                page = session.ask(partial(ask, start_ms=start_ms)) if start_ms <= last_ms else []
        return [row for row in rows if first_ms <= row[0] <= last_ms]

    @contextmanager
    def _session(self, subject: str) -> Iterator[HostSession]:
        urls = sorted(self._urls, key=lambda url: url != self._answered_by)
        with open_client() as client:
            session = HostSession(
                client,
                urls,
                subject=subject,
                timeout_s=self._timeout_s,
                policy=self._policy,
                timing=self._timing,
            )
            yield session
            self._answered_by = session.url


def _server_time(client: BinanceClient) -> datetime:
    body = client.server_time()
    stamp = body.get("serverTime") if isinstance(body, dict) else None
    if not isinstance(stamp, int) or not 0 < epoch_ms(stamp) < MICROSECONDS_FROM:
        raise _malformed(f"{body!r} for its time")
    return instant_of(stamp)


def _page(
    symbol: str, interval: Interval, client: BinanceClient, *, start_ms: int, last_ms: int
) -> list[Row]:
    """Ask for one page; repeats of earlier candles may stand in it, but not alone."""
    try:
        body = client.klines(symbol, interval, start_ms, last_ms, PAGE)
    except Refused as refusal:
        if refusal.code in _SYMBOL_UNKNOWN:
            raise UnknownSymbol(
                f"Binance has no symbol {symbol!r} ({refusal}).",
                remedy="Spell it as Binance does, as in BTCUSDT.",
            ) from refusal
        raise
    if not isinstance(body, list):
        raise _malformed(f"{body!r} for candles of {symbol} {interval}")
    rows = [_row(fields, symbol, interval) for fields in body]
    if rows and max(row[0] for row in rows) < start_ms:
        raise TryAgain(f"it repeats candles from before {instant_of(start_ms):%Y-%m-%d %H:%M} UTC")
    return rows


def _row(fields: object, symbol: str, interval: Interval) -> Row:
    if (
        not isinstance(fields, list)
        or len(fields) < len(_FIELDS)
        or not isinstance(fields[0], int)
        or fields[0] < 0
    ):
        raise _malformed(f"{fields!r} for a candle of {symbol} {interval}")
    return epoch_ms(fields[0]), *fields[1 : len(_FIELDS)]


def _malformed(what: str) -> DataMalformed:
    shown = what if len(what) <= 200 else f"{what[:200]}…"
    return DataMalformed(
        f"Binance answers {shown}.",
        remedy="Its interface may have changed; check FORECASTLAB_BINANCE_URL.",
    )


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"FORECASTLAB_BINANCE_URL names {url!r}, which is no base URL.",
            remedy=f"Write it as {MARKET_DATA_URL}; several are separated by commas.",
        )
    return url.rstrip("/").removesuffix("/api")
