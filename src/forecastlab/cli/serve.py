"""The command `serve`: the HTTP service in this process."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import Annotated, Final, cast

import typer

from forecastlab.bootstrap import Choice, api_keys, chosen_settings, configure_logging
from forecastlab.cli import options
from forecastlab.contracts.device import DeviceChoice
from forecastlab.contracts.errors import EXIT_TERMINATED, ConfigError, UsageError
from forecastlab.settings import Settings
from forecastlab.usecases.admit import is_loopback

NEEDED: Final = ("fastapi", "httptools", "msgspec", "prometheus_client", "uvicorn")
"""Of the extra `serve`."""

_STUCK_S: Final = 2.0
"""By how much a thread that waits, as for an exchange, may outlive the time to drain."""

_log = logging.getLogger(__name__)


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(serve)


Device = Annotated[
    str | None,
    typer.Option(
        "--device", help="Where models compute: auto, cpu or cuda.", metavar="auto|cpu|cuda"
    ),
]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.", metavar="ADDRESS")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0: any.")]
Chain = Annotated[
    Path | None, typer.Option("--tls-cert", help="PEM certificate chain.", metavar="FILE")
]
Secret = Annotated[Path | None, typer.Option("--tls-key", help="Its PEM key.", metavar="FILE")]
Public = Annotated[
    bool, typer.Option("--public", help="Listen on a public address without any key.")
]


def serve(
    device: Device = None,
    host: Host = "127.0.0.1",
    port: Port = 5001,
    tls_cert: Chain = None,
    tls_key: Secret = None,
    public: Public = False,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    verbose: options.Verbose = 0,
) -> None:
    """Answer over HTTP, until stopped with Ctrl-C or SIGTERM.

    Example: forecastlab serve --port 5001
    """
    settings = chosen_settings(Choice(deployment, source, store))
    settings = replace(settings, device=_device(device, settings))
    configure_logging(settings.log, verbose, log_format=settings.log_format)
    demand_libraries()
    keys = api_keys(settings)
    refuse_open_door(host, has_key=bool(keys()), public=public)
    if bool(tls_cert) != bool(tls_key):
        raise UsageError(
            "TLS needs a certificate and its key.", remedy="Name --tls-cert and --tls-key."
        )
    certificate = (tls_cert, tls_key) if tls_cert and tls_key else None
    _answer(settings, keys, (host, port), certificate)


def _answer(
    settings: Settings,
    keys: Callable[[], tuple[str, ...]],
    place: tuple[str, int],
    certificate: tuple[Path, Path] | None,
) -> None:
    """Answer at an address until a signal ends it."""
    # The framework costs 0.5 s of a start, and no other command needs it.
    from forecastlab.api.app import create_app  # noqa: PLC0415
    from forecastlab.api.metrics import Metrics  # noqa: PLC0415
    from forecastlab.api.parts import service_parts  # noqa: PLC0415
    from forecastlab.api.server import Certificate, listen, run, server_for  # noqa: PLC0415

    metrics = Metrics()
    app = create_app(
        service_parts(settings, metrics),
        limits=settings.serve.limits,
        keys=keys,
        metrics=metrics,
        commit=settings.commit,
    )
    server = server_for(
        app,
        limits=settings.serve.limits,
        certificate=None if certificate is None else Certificate(*certificate),
        forwarded_by=settings.serve.forwarded_by,
    )
    server.on_signal = lambda sig: _end_in(settings.serve.limits.drain_s + _STUCK_S, sig)
    with listen(*place) as listening:
        scheme, host = "http" if certificate is None else "https", place[0]
        address = f"[{host}]" if ":" in host else host
        _tell(settings, f"{scheme}://{address}:{listening.getsockname()[1]}")
        run(server, listening)


def _end_in(seconds: float, sig: int) -> None:
    """End the process then, whatever its threads still wait for: a platform kills it soon after."""
    code = EXIT_TERMINATED if sig == signal.SIGTERM else 128 + sig
    end = Timer(seconds, os._exit, (code,))
    end.daemon = True
    end.start()


def _tell(settings: Settings, at: str) -> None:
    if settings.log_format == "json":
        _log.info("answering", extra={"fields": {"event": "answering", "at": at}})
    else:
        typer.echo(f"ForecastLab answers on {at}", err=True)


def demand_libraries() -> None:
    """Demand the extra `serve`.

    Raises:
        ConfigError: a library is not installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"The service needs {', '.join(missing)}.",
            remedy="Install: pip install 'forecastlab[serve]'.",
        )


def refuse_open_door(host: str, *, has_key: bool, public: bool) -> None:
    """Refuse an address that others reach where no key is asked for.

    Raises:
        ConfigError: everyone could use the service, and nobody has said that they may.
    """
    if is_loopback(host) or has_key or public:
        return
    raise ConfigError(
        f"On {host} everyone who reaches this machine could use the service: it has no key.",
        remedy="Set FORECASTLAB_API_KEYS, or leave --host out; --public leaves the door open.",
    )


def _device(name: str | None, settings: Settings) -> DeviceChoice:
    chosen = name or settings.device
    if chosen not in options.DEVICES:
        known = ", ".join(options.DEVICES)
        raise UsageError(f"There is no device {chosen!r}.", remedy=f"Choose {known}.")
    return cast("DeviceChoice", chosen)
