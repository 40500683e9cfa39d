"""Short questions to the world around a run: the exchange's hosts, one by one, and the disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from forecastlab.adapters.binance import BinanceSource
from forecastlab.adapters.retry import RetryPolicy
from forecastlab.contracts.errors import StoreUnavailable

_TIMEOUT_S: Final = 5.0

_ONCE: Final = RetryPolicy(attempts=1, deadline_s=_TIMEOUT_S)
"""A host that answers only the second time is worth knowing about."""


def host_times(urls: Sequence[str]) -> dict[str, Callable[[], datetime]]:
    """Return, for every base URL, a question for its time: one try, five seconds."""
    return {url: partial(_server_time, url) for url in urls}


def free_bytes(folder: Path) -> int:
    """Return the free space where a folder is, or would be made.

    Raises:
        StoreUnavailable: it cannot be told.
    """
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    try:
        return shutil.disk_usage(there).free
    except OSError as error:
        raise StoreUnavailable(
            f"The free space of {there} cannot be read: {error.strerror or error}.",
            remedy="Check the folder's permissions.",
        ) from error


def _server_time(url: str) -> datetime:
    source = BinanceSource([url], timeout_s=_TIMEOUT_S, deadline_s=_TIMEOUT_S, policy=_ONCE)
    return source.server_time()
