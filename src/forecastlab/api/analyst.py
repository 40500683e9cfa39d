"""The analyst over HTTP: the questions, addresses and fields that its callers know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from forecastlab.bootstrap.analyst import AnalystParts
from forecastlab.contracts.analysis import InferenceRequest, InferenceResponse
from forecastlab.contracts.errors import DataUnavailable

_log = logging.getLogger(__name__)

_CLOSE_S: Final = 10.0

_PRICES: Final = [round(64_000 + 40 * ((7 * place) % 13 - 6), 2) for place in range(288)]

REQUEST_EXAMPLE: Final[dict[str, Any]] = {
    "strategy_id": 1,
    "model_type": "lstm",
    "confidence_threshold": 60,
    "market_data": {
        "symbol": "BTCUSDT",
        "current_price": _PRICES[-1],
        "prices_1h": _PRICES[-12:],
        "prices_24h": _PRICES,
        "volumes_24h": [12.5] * 288,
        "bid_ask_spread": 0.01,
        "funding_rate": 0.0001,
        "timestamp": 1759190400,
    },
    "sentiment_data": {"fear_greed_index": 40},
}


ARCHITECTURE: Final = "rules, and a language model where it helps"

_COUNTS: Final[JsonDict] = {
    "total_requests": 4,
    "cache_hits": 1,
    "deepseek_calls": 2,
    "local_calls": 1,
    "cache_hit_rate": 25.0,
    "deepseek_stats": {"total_tokens": 1400, "total_cost": 0.00035, "currency": "USD"},
}
STATS_EXAMPLE: Final[JsonDict] = {**_COUNTS, "stats": _COUNTS, "timestamp": 1759190400}

ANSWER_EXAMPLE: Final[JsonDict] = {
    "signal": "BUY",
    "confidence": 62,
    "position_size": 565.75,
    "entry_price": 64040.0,
    "stop_loss": 62439.0,
    "take_profit": 67242.0,
    "reasoning": "Oversold with rising momentum on volume.",
    "feature_importance": {},
    "risk_score": 17,
    "market_condition": "Sideways",
    "models_used": ["deepseek-flash"],
    "inference_time_ms": 1240,
    "timestamp": 1759190400,
    "path": "llm",
    "scene": "complex",
    "scene_reason": "neutral_rsi",
    "cached": False,
    "fallback_reason": None,
    "model": "deepseek-flash",
    "prompt_version": "signal-1",
    "usage": {
        "cached_tokens": 128,
        "input_tokens": 500,
        "output_tokens": 200,
        "cost": "0.000176184",
        "currency": "USD",
    },
}


class Stats(BaseModel):
    """Counts since the service started, flat and once more under `stats`; rates in per cent."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": STATS_EXAMPLE})

    stats: dict[str, Any]
    timestamp: int


class Welcome(BaseModel):
    """Which service this is."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "service": "forecastlab",
                "version": "0.1.0",
                "architecture": ARCHITECTURE,
                "status": "ready",
            }
        }
    )

    service: str
    version: str
    architecture: str
    status: str


class AnalystPart:
    """The analyst as a component of the service."""

    name = "analyst"

    def __init__(self, opened: Callable[[], AnalystParts]) -> None:
        self._open = opened
        self._parts: AnalystParts | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def ready(self) -> bool:
        """Whether it is open; a model that is away does not keep the rules from answering."""
        return self._parts is not None

    def start(self) -> None:
        """Open it; no connection is made yet.

        Raises:
            ConfigError: its configuration is none, or a library is missing.
        """
        self._parts = self._open()

    def stop(self) -> None:
        """Write what waits, and close."""
        parts, loop = self._parts, self._loop
        self._parts = None
        if parts is None:
            return
        if loop is None or loop.is_closed():
            asyncio.run(parts.close())
            return
        # Connections belong to the loop that made them.
        try:
            asyncio.run_coroutine_threadsafe(parts.close(), loop).result(_CLOSE_S)
        except TimeoutError:
            # The other parts are still to be stopped.
            _log.warning("the analyst was not closed within %g s", _CLOSE_S)

    def health(self) -> Mapping[str, object]:
        """Return how cache, model and rules are; only what is configured can be unwell."""
        parts = self._parts
        if parts is None:
            return {"status": "failed"}
        desk, counts = parts.analyst.desk, parts.analyst.counts.llm
        cache = parts.analyst.cache.state
        if desk is None:
            model = "disabled"
        elif counts.resting:
            model = "resting"
        elif counts.in_a_row:
            model = "failing"
        else:
            model = "healthy" if counts.successful else "unknown"
        return {
            "status": "degraded" if {"failing", "resting"} & {cache, model} else "ok",
            "redis": cache if parts.has_redis else "disabled",
            "cache": cache,
            "deepseek": model,
            "local_model": "healthy",
        }

    def info(self) -> Mapping[str, object]:
        """Return who is asked, in which words, and what may be spent."""
        parts = self._parts
        if parts is None:
            return {}
        desk = parts.analyst.desk
        return {
            "provider": None if desk is None else desk.provider.name,
            "model": None if desk is None else desk.provider.model,
            "prompt": None if desk is None else desk.prompt,
            "daily_budget": str(parts.config.daily_budget),
            "anonymize": parts.analyst.anonymizes,
        }

    def routers(self) -> Sequence[APIRouter]:
        """Return its routes."""
        return (_routes(self),)

    def parts(self) -> AnalystParts:
        """Return what is open, and note the loop that its connections belong to.

        Raises:
            DataUnavailable: it is not open.
        """
        if self._parts is None:
            raise DataUnavailable("The analyst is not ready.", remedy="Ask again in a moment.")
        self._loop = asyncio.get_running_loop()
        return self._parts


def _routes(part: AnalystPart) -> APIRouter:
    router = APIRouter(tags=["analyst"])

    @router.get("/", response_model=Welcome)
    async def welcome() -> Response:
        """Say which service this is."""
        status = "ready" if part.ready else "initializing"
        return _json(
            {
                "service": "forecastlab",
                "version": version("forecastlab"),
                "architecture": ARCHITECTURE,
                "status": status,
            }
        )

    @router.get("/stats", response_model=Stats)
    async def stats() -> Response:
        """Give the counts since the start, flat and under `stats`."""
        parts = part.parts()
        counts = {**parts.analyst.counts.document(), "dropped_analyses": parts.log.dropped}
        return _json({**counts, "stats": counts, "timestamp": parts.analyst.now()})

    @router.post(
        "/api/v1/inference",
        response_model=InferenceResponse,
        responses={200: {"content": {"application/json": {"example": ANSWER_EXAMPLE}}}},
        openapi_extra={
            "requestBody": {"content": {"application/json": {"example": REQUEST_EXAMPLE}}}
        },
    )
    async def inference(asked: InferenceRequest) -> Response:
        """Answer a question about a market: by rules, or by a model where the scene is worth it."""
        found = await part.parts().analyst.analyse(asked)
        return Response(found.model_dump_json().encode(), media_type="application/json")

    return router


def _json(document: Mapping[str, object]) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
