"""Candles over HTTP: one series, or up to fifty at once; oldest first, closed ones only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Final, TypeVar

import msgspec
import pandas as pd
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from forecastlab.api.failure import without_folders
from forecastlab.api.metrics import Metrics
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import (
    DataError,
    DataUnavailable,
    ForecastLabError,
    UnknownSymbol,
)
from forecastlab.contracts.intervals import DURATION, INTERVALS, Interval
from forecastlab.usecases.klines import UPSTREAM, KlineQuery, KlineReader
from forecastlab.usecases.workspace import Workspace

MOST_QUERIES: Final = 50
MOST_CANDLES: Final = 1000
"""Of one query; an exchange gives no more in one page."""

_SYMBOL: Final = r"^[A-Z0-9]{2,20}$"
_LAST_MS: Final = 4_102_444_800_000
"""2100-01-01; beyond, date arithmetic may overflow."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

_KLINE: Final[JsonDict] = {
    "symbol": "BTCUSDT",
    "interval": "1h",
    "open_time": 1759190400000,
    "close_time": 1759193999999,
    "open_price": 114311.97,
    "high_price": 114400.0,
    "low_price": 113900.01,
    "close_price": 114024.24,
    "volume": 612.38,
    "quote_volume": 69899123.4,
    "trade_count": 98123,
    "taker_buy_base_volume": 301.5,
    "taker_buy_quote_volume": 34412345.6,
    "source": "binance",
}
_BATCH: Final[JsonDict] = {
    "queries": [
        {"symbol": "BTCUSDT", "interval": "1h", "limit": 2},
        {"symbol": "ETHUSDT", "interval": "4h", "limit": 25},
    ]
}

_COLUMNS: Final = {
    "open": "open_price",
    "high": "high_price",
    "low": "low_price",
    "close": "close_price",
    "volume": "volume",
    "quote_volume": "quote_volume",
    "taker_buy_base": "taker_buy_base_volume",
    "taker_buy_quote": "taker_buy_quote_volume",
}
"""Columns of our candles, and their names on this wire."""

T = TypeVar("T")


def _whole(value: object) -> object:
    """Take 25.0 for 25, which in JSON are one number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Kline(BaseModel):
    """One closed candle; instants in milliseconds since 1970, `close_time` its last one."""

    model_config = ConfigDict(json_schema_extra={"example": _KLINE})

    symbol: str
    interval: Interval
    open_time: int
    close_time: int
    open_price: float
    high_price: float
    low_price: float
    close_price: float
    volume: float
    quote_volume: float
    trade_count: int
    taker_buy_base_volume: float
    taker_buy_quote_volume: float
    source: str


class SeriesQuery(BaseModel):
    """The newest candles of one series."""

    model_config = ConfigDict(strict=True)

    symbol: str = Field(pattern=_SYMBOL, description="As the exchange spells it.")
    interval: Interval
    limit: Annotated[int, BeforeValidator(_whole)] = Field(default=100, ge=1, le=MOST_CANDLES)


class Batch(BaseModel):
    """Several series at once."""

    model_config = ConfigDict(strict=True, json_schema_extra={"example": _BATCH})

    queries: list[SeriesQuery] = Field(min_length=1, max_length=MOST_QUERIES)


class BatchCount(BaseModel):
    """What became of a batch: `successful_queries + failed_queries = total_queries`."""

    total_queries: int
    successful_queries: int
    failed_queries: int
    duplicate_queries: int = Field(
        description="Queries of a series that an earlier one asks for too; the series is there"
        " once, with the largest of their limits."
    )
    total_klines: int


class BatchAnswer(BaseModel):
    """Candles by `SYMBOL:interval`, and why there are none where there are none."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "success": False,
                "results": {"BTCUSDT:1h": [_KLINE]},
                "errors": {"NOPEUSDT:1h": "Binance has no symbol 'NOPEUSDT'."},
                "metadata": {
                    "total_queries": 2,
                    "successful_queries": 1,
                    "failed_queries": 1,
                    "duplicate_queries": 0,
                    "total_klines": 1,
                },
            }
        }
    )

    success: bool = Field(description="Whether every series is there.")
    results: dict[str, list[Kline]]
    errors: dict[str, str]
    metadata: BatchCount


_Millisecond = Annotated[
    int | None, Query(ge=0, le=_LAST_MS, description="Milliseconds since 1970, inclusive.")
]


class Klines:
    """The component that answers with candles.

    Args:
        within_s: what a batch has not got by then is late, and the rest is answered.
    """

    name = "klines"

    def __init__(self, workspace: Workspace, metrics: Metrics, *, within_s: float = 25.0) -> None:
        self._workspace = workspace
        self._within_s = within_s
        self._metrics = metrics
        self._reader = KlineReader(workspace, told=self._told)
        # Threads of its own, so that a slow exchange takes none from the rest of the service; and
        # none from the lake, which answers though every fetch hangs.
        self._fetching = ThreadPoolExecutor(4 * UPSTREAM, thread_name_prefix="klines")
        self._reading = ThreadPoolExecutor(UPSTREAM, thread_name_prefix="klines-lake")
        self._ready = False
        self._error: DataError | None = None

    @property
    def ready(self) -> bool:
        """Whether it was started."""
        return self._ready

    def start(self) -> None:
        """Check that the store's candles are of the source's kind.

        Raises:
            UsageError: they are of another.
        """
        self._workspace.check_pin()
        self._ready = True

    def stop(self) -> None:
        """End the threads."""
        for threads in (self._fetching, self._reading):
            threads.shutdown(wait=False, cancel_futures=True)

    def health(self) -> Mapping[str, object]:
        """Say how the last request to the source went."""
        source = {"source": self._workspace.source_kind}
        if self._error is None:
            return {"status": "ok", **source}
        return {"status": "degraded", **source, "last_error": without_folders(self._error.facts)}

    def info(self) -> Mapping[str, object]:
        """Return the limits."""
        return {
            "source": self._workspace.source_kind,
            "intervals": list(INTERVALS),
            "most_queries": MOST_QUERIES,
            "most_candles": MOST_CANDLES,
        }

    def routers(self) -> Sequence[APIRouter]:
        """Return the routes."""
        router = APIRouter(prefix="/v1/klines", tags=["candles"])

        @router.post("/batch", response_model=BatchAnswer)
        async def klines_batch(batch: Batch) -> Response:
            """Return the newest closed candles of up to fifty series, oldest first.

            A series that cannot be had stands under `errors`, the others under `results`.
            """
            return _json(await self._batch(batch.queries))

        @router.get("/{symbol}/{interval}", response_model=list[Kline])
        async def klines(
            symbol: Annotated[str, Path(pattern=_SYMBOL, examples=["BTCUSDT"])],
            interval: Annotated[Interval, Path(examples=["1h"])],
            start_time: _Millisecond = None,
            end_time: _Millisecond = None,
            limit: Annotated[int, Query(ge=1, le=MOST_CANDLES)] = 500,
        ) -> Response:
            """Return the newest `limit` closed candles that open in a span, oldest first."""
            first, last = _instant(start_time), _instant(end_time)
            query = KlineQuery(symbol, interval, limit, first, last)
            return _json(await self._one(query))

        return (router,)

    async def _batch(self, queries: Sequence[SeriesQuery]) -> bytes:
        limits: dict[tuple[str, Interval], int] = {}
        for one in queries:
            key = (one.symbol, one.interval)
            limits[key] = max(limits.get(key, 0), one.limit)
        asked = [KlineQuery(*key, limit) for key, limit in limits.items()]
        found = await self._each(asked)
        failed = {
            _name(query): without_folders(series.facts)
            for query, series in zip(asked, found, strict=True)
            if isinstance(series, ForecastLabError)
        }
        read = {
            _name(query): series
            for query, series in zip(asked, found, strict=True)
            if not isinstance(series, ForecastLabError)
        }
        failures = sum(f"{one.symbol}:{one.interval}" in failed for one in queries)
        document = {
            "success": not failed,
            "results": read,
            "errors": failed,
            "metadata": {
                "total_queries": len(queries),
                "successful_queries": len(queries) - failures,
                "failed_queries": failures,
                "duplicate_queries": len(queries) - len(asked),
                "total_klines": sum(len(rows) for rows in read.values()),
            },
        }
        # Fifty times a thousand candles take 50 ms to write, which nobody else is to wait for.
        return await _in_thread(self._reading, partial(msgspec.json.encode, document))

    async def _each(
        self, asked: Sequence[KlineQuery]
    ) -> list[list[dict[str, object]] | ForecastLabError]:
        """Return what there is of each series in time: one that hangs takes no other's answer."""
        reads = [asyncio.ensure_future(self._rows_or_error(query)) for query in asked]
        try:
            await asyncio.wait(reads, timeout=self._within_s)
            return [
                read.result() if read.done() else _late(query, self._within_s)
                for query, read in zip(asked, reads, strict=True)
            ]
        finally:
            for read in reads:  # those that wait for a thread shall not get one any more
                read.cancel()

    async def _one(self, query: KlineQuery) -> bytes:
        return msgspec.json.encode(await self._rows(query))

    async def _rows(self, query: KlineQuery) -> list[dict[str, object]]:
        kept = await _in_thread(self._reading, partial(self._kept, query))
        if kept is not None:
            return kept
        return await _in_thread(self._fetching, partial(self._read, query))

    async def _rows_or_error(self, query: KlineQuery) -> list[dict[str, object]] | ForecastLabError:
        try:
            return await self._rows(query)
        except ForecastLabError as error:
            return error

    def _kept(self, query: KlineQuery) -> list[dict[str, object]] | None:
        found = self._reader.kept(query)
        return None if found is None else _rows(found, self._workspace.source_kind)

    def _read(self, query: KlineQuery) -> list[dict[str, object]]:
        return _rows(self._reader.read(query), self._workspace.source_kind)

    def _told(self, error: DataError | None) -> None:
        self._error = None if isinstance(error, UnknownSymbol) else error
        self._metrics.upstream(done=self._error is None)


def _rows(candles: Candles, source: str) -> list[dict[str, object]]:
    frame = candles.frame
    opens_ms = pd.DatetimeIndex(frame.index).as_unit("ms").asi8.tolist()
    length_ms = DURATION[candles.interval] // _MS
    columns = [frame[name].tolist() for name in _COLUMNS]
    return [
        {
            "symbol": candles.symbol,
            "interval": candles.interval,
            "open_time": opened,
            "close_time": opened + length_ms - 1,
            **dict(zip(_COLUMNS.values(), values, strict=True)),
            "trade_count": int(trades),
            "source": source,
        }
        for opened, trades, *values in zip(
            opens_ms, frame["trades"].tolist(), *columns, strict=True
        )
    ]


def _in_thread(threads: ThreadPoolExecutor, call: Callable[[], T]) -> asyncio.Future[T]:
    return asyncio.get_running_loop().run_in_executor(threads, call)


def _name(query: KlineQuery) -> str:
    return f"{query.symbol}:{query.interval}"


def _late(query: KlineQuery, within_s: float) -> DataUnavailable:
    return DataUnavailable(
        f"{_name(query)} did not come within {within_s:g} s.", remedy="Ask again, or for fewer."
    )


def _instant(stamp_ms: int | None) -> datetime | None:
    return None if stamp_ms is None else _EPOCH + stamp_ms * _MS


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
