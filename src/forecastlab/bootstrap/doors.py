"""Who may come in, and what `doctor` looks at."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import cast

from forecastlab.adapters.api_keys import WatchedKeys, read_key_file
from forecastlab.settings import Settings, read_settings
from forecastlab.usecases.admit import AccessMethod, DashboardAccess
from forecastlab.usecases.surroundings import Surroundings


def api_keys(settings: Settings) -> WatchedKeys:
    """Return the keys of the service, which follow `.env` and the key file.

    Raises:
        ConfigError: the file cannot be read.
    """
    file = settings.serve.keys_file

    def read() -> tuple[str, ...]:
        own = read_settings().serve.api_keys
        return own if file is None else (*own, *read_key_file(file))

    return WatchedKeys(read, [Path.cwd() / ".env", *([] if file is None else [file])])


def dashboard_access(settings: Settings) -> DashboardAccess:
    """Return who may see the dashboard."""
    method = cast("AccessMethod", settings.dashboard_access)
    return DashboardAccess(method, frozenset(settings.dashboard_allow))


def surroundings(settings: Settings) -> Surroundings:
    """Return what `doctor` looks at beside the workspaces."""
    # The exchange's client is imported for a machine that asks it, and for no other command.
    from forecastlab.adapters.binance import DEFAULT_URLS  # noqa: PLC0415
    from forecastlab.adapters.probes import free_bytes, host_times  # noqa: PLC0415

    urls = (settings.binance_urls or DEFAULT_URLS) if settings.source == "binance" else ()
    in_bucket = "://" in settings.store
    written = Path(tempfile.gettempdir() if in_bucket else settings.store)
    return Surroundings(
        hosts=host_times(urls),
        free_bytes={str(written): partial(free_bytes, written)},
        secrets=settings.secrets,
    )
