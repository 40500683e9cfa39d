"""Where answers are kept for a while, so that the same question is not paid for twice."""

from __future__ import annotations

from typing import Literal, Protocol

CacheState = Literal["healthy", "failing"]


class AnswerCache(Protocol):
    """Bytes under keys, each with its own life; a cache that fails is as good as an empty one."""

    @property
    def state(self) -> CacheState:
        """How it is; `failing` while it is left alone after a failure."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under a key and still alive, else None; never raises."""
        ...

    async def put(self, key: str, data: bytes, *, ttl_s: float) -> None:
        """Keep bytes for so many seconds; 0 or less keeps nothing; never raises."""
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...
