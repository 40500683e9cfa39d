"""The answer cache in Redis: no request waits for it longer than three tenths of a second."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Final, TypeVar

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from forecastlab.contracts.answer_cache import CacheState

log = logging.getLogger(__name__)

T = TypeVar("T")

DEADLINE_S: Final = 0.14
"""For one call, connection included, of which a request makes two: it asks, and it keeps. The
client's own default is ten tries over 4 s."""

REST_S: Final = 15.0
"""After a failure Redis is left alone for so long, so that only one request in it waits."""

PREFIX: Final = "forecastlab:"


class RedisCache:
    """An `AnswerCache` at a Redis address; a full, slow or dead Redis costs an answer, no error."""

    def __init__(self, url: str, *, deadline_s: float = DEADLINE_S, rest_s: float = REST_S) -> None:
        self._client = redis.Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=deadline_s,
            socket_timeout=deadline_s,
        )
        self._deadline_s = deadline_s
        self._rest_s = rest_s
        self._rests_until = 0.0

    @property
    def state(self) -> CacheState:
        """How it is."""
        return "failing" if time.monotonic() < self._rests_until else "healthy"

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under a key, else None."""
        found: Any = await self._asked(lambda: self._client.get(PREFIX + key))
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, data: bytes, *, ttl_s: float) -> None:
        """Keep bytes for so many seconds."""
        if ttl_s > 0:
            life_ms = max(1, round(ttl_s * 1000))
            await self._asked(lambda: self._client.set(PREFIX + key, data, px=life_ms))

    async def close(self) -> None:
        """Close the connections."""
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._client.aclose()
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("redis was not closed: %s", type(error).__name__)

    async def _asked(self, call: Any) -> Any:
        if self.state == "failing":
            return None
        try:
            async with asyncio.timeout(self._deadline_s):
                return await call()
        except (RedisError, OSError, TimeoutError) as error:
            # The address may hold a password: the error's kind is all that is told.
            self._rests_until = time.monotonic() + self._rest_s
            log.warning("redis fails (%s); it rests for %g s", type(error).__name__, self._rest_s)
            return None
