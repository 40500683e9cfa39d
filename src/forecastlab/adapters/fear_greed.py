"""The fear-and-greed index of alternative.me: one number from 0 to 100 a day."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Final

import httpx2

log = logging.getLogger(__name__)

URL: Final = "https://api.alternative.me/fng/?limit=1"
DEADLINE_S: Final = 2.0
FRESH_S: Final = 3600.0
"""It changes once a day; an hour bounds how late a change is seen."""

REST_S: Final = 300.0
"""After a failure it is left alone for so long, and nothing is said of the mood."""

_LARGEST: Final = 100_000
_LABELS: Final = {"extreme fear", "fear", "neutral", "greed", "extreme greed"}


class FearGreed:
    """A `Sentiment` that asks once an hour, while one waits; the others get what was said last."""

    def __init__(self, url: str = URL, *, deadline_s: float = DEADLINE_S) -> None:
        self._url = url
        self._deadline_s = deadline_s
        self._known: dict[str, float | str] = {}
        self._ask_at = 0.0
        self._lock = asyncio.Lock()
        self._client = httpx2.AsyncClient(follow_redirects=False, timeout=deadline_s)

    async def values(self) -> dict[str, float | str]:
        """Return `fear_greed_index` and `fear_greed_label`; empty where they are not known."""
        if time.monotonic() >= self._ask_at and not self._lock.locked():
            async with self._lock:
                self._known = await self._asked()
                self._ask_at = time.monotonic() + (FRESH_S if self._known else REST_S)
        return dict(self._known)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def _asked(self) -> dict[str, float | str]:
        try:
            async with asyncio.timeout(self._deadline_s):
                answer = await self._client.get(self._url)
            return _read(answer)
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            log.warning("the mood is not known: %s", type(error).__name__)
            return {}


def _read(answer: httpx2.Response) -> dict[str, float | str]:
    """Read the newest entry.

    Raises:
        ValueError: there is none.
    """
    if answer.status_code != 200 or len(answer.content) > _LARGEST:
        raise ValueError(f"status {answer.status_code}")
    document: Any = answer.json()
    try:
        newest = document["data"][0]
        index = float(str(newest["value"]))
        label = str(newest.get("value_classification")).lower()
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError("no entry") from error
    if not 0 <= index <= 100:
        raise ValueError("no index")
    known: dict[str, float | str] = {"fear_greed_index": index}
    return known | ({"fear_greed_label": label.replace(" ", "_")} if label in _LABELS else {})
