"""The command `dashboard`: streamlit on the pages that lie beside the package."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from forecastlab import settings as settings_module
from forecastlab.bootstrap import Choice, chosen_settings, dashboard_access
from forecastlab.cli import options
from forecastlab.contracts.errors import ConfigError, UsageError
from forecastlab.settings import Settings
from forecastlab.usecases.admit import may_listen

APP: Final = Path(settings_module.__file__).resolve().parents[3] / "webapp" / "app.py"
"""The entry of the pages in a checkout or an image; a wheel holds none."""


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(dashboard)


def dashboard(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on.", metavar="ADDRESS")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 8501,
    deployment: options.Deployment = None,
    store: options.Store = None,
) -> None:
    """Show the forecasts of a store in the browser, until stopped with Ctrl-C.

    Example: forecastlab dashboard --store outputs-demo
    """
    settings = chosen_settings(Choice(deployment, store=store))
    refuse_public(settings, host)
    demand_streamlit()
    demand_pages()
    # This process becomes the server: Ctrl-C and SIGTERM reach it, and its exit code is the
    # command's.
    os.execve(  # noqa: S606 - the program is this Python
        sys.executable, server_command(host, port), server_environment(settings)
    )


def refuse_public(settings: Settings, host: str) -> None:
    """Refuse an address that others reach unless a setting says who may see the pages.

    Raises:
        ConfigError: it would be open to everyone, or signing in has no list.
    """
    found = may_listen(dashboard_access(settings), host)
    if found == "no_list":
        raise ConfigError(
            "FORECASTLAB_DASHBOARD_ACCESS=login admits nobody: FORECASTLAB_DASHBOARD_ALLOW is"
            " empty.",
            remedy="List the e-mail addresses that may see the dashboard.",
        )
    if found != "admitted":
        raise ConfigError(
            f"On {host} everyone who reaches this machine could read the dashboard.",
            remedy="Leave --host out, or set FORECASTLAB_DASHBOARD_ACCESS=iap behind Google's"
            " proxy, or =login with FORECASTLAB_DASHBOARD_ALLOW.",
        )


def demand_streamlit() -> None:
    """Demand the extra `web`.

    Raises:
        ConfigError: streamlit or plotly is not installed.
    """
    missing = [name for name in ("streamlit", "plotly") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"The dashboard needs {' and '.join(missing)}.",
            remedy="Install: pip install 'forecastlab[web]'.",
        )


def demand_pages() -> None:
    """Demand the pages.

    Raises:
        UsageError: they are not beside the package.
    """
    if not APP.is_file():
        raise UsageError(
            f"The pages of the dashboard are not in {APP.parent}; an installed wheel has none.",
            remedy="Run from a checkout of the project, or from the web image.",
        )


def server_command(host: str, port: int) -> list[str]:
    """Return the arguments that start the server."""
    return [
        # The folder, not `streamlit run`: its imports are done before the first visitor comes.
        *(sys.executable, str(APP.parent)),
        *(f"--server.address={host}", f"--server.port={port}"),
    ]


def server_environment(settings: Settings) -> dict[str, str]:
    """Return this environment with the options, which the pages read as settings."""
    chosen = {"FORECASTLAB_STORE": settings.store, "FORECASTLAB_DEPLOYMENT": settings.deployment}
    return {**os.environ, **chosen}
