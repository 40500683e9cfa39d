"""Where the mood of a market comes from, where a request does not tell it."""

from __future__ import annotations

from typing import Protocol


class Sentiment(Protocol):
    """A source of mood; what it gives passes the same allow-list as a request's own values."""

    async def values(self) -> dict[str, float | str]:
        """Return what is known now; empty where nothing is; never raises, and never waits long."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...
