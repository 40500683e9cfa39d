"""Binance's wire format over given candles, for `FaultyServer`, and what goes wrong on that wire.

Source: Binance's documents of the spot REST interface (`klines`, `time`, `ping`, `exchangeInfo`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.intervals import DURATION
from tests.support.faulty_http import Fault, Reply, Request, Respond, answer, edited, json_reply

KLINES: Final = "/api/v3/klines"
TIME: Final = "/api/v3/time"

Row = list[object]


class BinanceWire:
    """Answers as the exchange would, with these candles, at this instant.

    As on the exchange, the candle that is still open stands last in the answer.
    """

    def __init__(self, series: Sequence[Candles], now: datetime) -> None:
        self.now = now
        self._series = {(one.symbol, one.interval): one for one in series}

    def __call__(self, request: Request) -> Reply:
        """Answer one request."""
        match request.path:
            case "/api/v3/ping":
                return json_reply({})
            case "/api/v3/time":
                return json_reply({"serverTime": _epoch_ms(self.now)})
            case "/api/v3/exchangeInfo":
                symbols = sorted({symbol for symbol, _ in self._series})
                listed = [{"symbol": symbol, "status": "TRADING"} for symbol in symbols]
                return json_reply({"timezone": "UTC", "symbols": listed})
            case "/api/v3/klines":
                return self._klines(request)
        return Reply(404, b"<html>404 Not Found</html>", {"Content-Type": "text/html"})

    def _klines(self, request: Request) -> Reply:
        query = request.query
        key = (query.get("symbol", ""), query.get("interval", ""))
        if key not in self._series:
            return json_reply({"code": -1121, "msg": "Invalid symbol."}, 400)
        frame, step = self._series[key].frame, DURATION[self._series[key].interval]
        # Plain instants, so that a start of 0 and a far end need no bounds of their own.
        opens = frame.index.astype("int64")
        first, last = int(query.get("startTime", "0")), int(query.get("endTime", 2**62))
        chosen = frame[(opens >= first) & (opens <= min(last, _epoch_ms(self.now)))]
        limit = min(int(query.get("limit", "500")), 1000)
        chosen = chosen.head(limit) if "startTime" in query else chosen.tail(limit)
        step_ms = step // pd.Timedelta(milliseconds=1).to_pytimedelta()
        return json_reply([_wire_row(row, step_ms) for row in chosen.itertuples()])


def on_the_wire(candles: Candles) -> Candles:
    """Round candles to the eight decimals that the wire carries, so that they come back equal."""
    return replace(candles, frame=candles.frame.round(8))


def error(status: int, code: int, message: str, **headers: str) -> Fault:
    """Answer with Binance's error body; `Retry_After="7"` gives a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(status, {"code": code, "msg": message}, named)


def rate_limited(retry_after: str | None) -> Fault:
    """Answer 429, naming the wait or not."""
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    return error(429, -1003, "Too much request weight used.", **headers)


def restricted() -> Fault:
    """Answer 451, as in a region that Binance does not serve."""
    return error(451, 0, "Service unavailable from a restricted location.")


def overlapping(rows: int) -> Fault:
    """Begin the page so many hours, days, … before the start that was asked for."""

    def fault(request: Request, respond: Respond) -> Reply:
        honest_rows = json.loads(respond(request).body)
        step_ms = int(honest_rows[0][6]) + 1 - int(honest_rows[0][0])
        start = int(request.query["startTime"]) - rows * step_ms
        return respond(replace(request, query={**request.query, "startTime": str(start)}))

    return fault


def stuck_at(start: datetime) -> Fault:
    """Give the page of one start, whatever start is asked for, as a stale cache does."""

    def fault(request: Request, respond: Respond) -> Reply:
        query = {**request.query, "startTime": str(_epoch_ms(start)), "limit": "1000"}
        return respond(replace(request, query=query))

    return fault


def without_end_time() -> Fault:
    """Ignore the end that was asked for."""

    def fault(request: Request, respond: Respond) -> Reply:
        query = {name: value for name, value in request.query.items() if name != "endTime"}
        return respond(replace(request, query=query))

    return fault


def microseconds() -> Fault:
    """Write open and close times in microseconds, as the archives do since 2025."""

    def in_us(row: Row) -> Row:
        return [int(str(row[0])) * 1000, *row[1:6], int(str(row[6])) * 1000 + 999, *row[7:]]

    return _rows(lambda rows: [in_us(row) for row in rows])


def repeated() -> Fault:
    """Give each candle of the page twice."""
    return _rows(lambda rows: [row for row in rows for _ in range(2)])


def disagreeing(place: int) -> Fault:
    """Give one candle of the page twice, with two closes."""

    def change(rows: list[Row]) -> list[Row]:
        other = list(rows[place])
        other[4] = other[1]
        return [*rows[: place + 1], other, *rows[place + 1 :]]

    return _rows(change)


def reversed_rows() -> Fault:
    """Give the newest candle first."""
    return _rows(lambda rows: rows[::-1])


def _rows(change: Callable[[list[Row]], list[Row]]) -> Fault:
    return edited(change)


def _wire_row(row: tuple[Any, ...], step_ms: int) -> Row:
    at, *values = row
    open_ms = _epoch_ms(at)
    text = [f"{value:.8f}" for value in values]
    trades = int(values[6])
    return [open_ms, *text[:5], open_ms + step_ms - 1, text[5], trades, *text[7:], "0"]


def _epoch_ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
