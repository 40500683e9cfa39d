"""The only place that wires: settings to adapters, adapters to use cases; and logging."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.adapters.candle_files import FileSource
from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.adapters.clocks import ExchangeClock, FixedClock, SystemClock
from forecastlab.adapters.event_registry import EventRegistry
from forecastlab.adapters.local_store import LocalStore
from forecastlab.adapters.overlay_store import OverlayStore
from forecastlab.adapters.progress import progress
from forecastlab.adapters.provenance import git_commit, packages, python_version, user_name
from forecastlab.adapters.store_pin import check_pin, pin_store
from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.contracts.errors import ConfigError, UsageError
from forecastlab.contracts.ports import CandleArchive, CandleSource, Clock, ObjectStore
from forecastlab.contracts.provenance import Provenance
from forecastlab.settings import Settings, read_settings
from forecastlab.usecases.workspace import Workspace

if TYPE_CHECKING:
    from forecastlab.adapters.binance import BinanceSource


@dataclass(frozen=True)
class Choice:
    """What a command line says over the settings; None leaves the setting."""

    deployment: str | None = None
    source: str | None = None
    store: str | None = None


def chosen_settings(choice: Choice) -> Settings:
    """Read the settings and lay the command line over them."""
    settings = read_settings()
    return replace(
        settings,
        deployment=choice.deployment or settings.deployment,
        source=choice.source or settings.source,
        store=choice.store or settings.store,
    )


def open_workspace(settings: Settings, *, dry_run: bool = False) -> Workspace:
    """Wire the adapters of one process; in a dry run all writes stay in memory.

    Raises:
        ConfigError: a setting names nothing that exists.
    """
    store = open_store(settings.store)
    if dry_run:
        store = OverlayStore(store)
    kind, _, path = settings.source.partition(":")
    system = SystemClock()
    if kind == "file" and path:
        files = FileSource(Path(path))
        return _wired(settings, store, files, archive=files, clock=system, wall=system)
    if settings.source == "simulated":
        clock = FixedClock(settings.simulated_now) if settings.simulated_now else system
        return _wired(settings, store, _simulated(settings, clock), clock=clock, wall=clock)
    if settings.source == "binance":
        exchange = _binance(settings)
        return _wired(
            settings, store, exchange, clock=ExchangeClock(exchange.server_time), wall=system
        )
    raise ConfigError(
        f"The source {settings.source!r} is unknown.",
        remedy="Choose binance, simulated or file:PATH.",
    )


def open_demo(settings: Settings) -> tuple[Workspace, Callable[[datetime], None]]:
    """Wire a workspace on the simulated market whose clock the caller sets."""
    clock = FixedClock(settings.simulated_now or datetime.now(UTC))
    store = open_store(settings.store)
    workspace = _wired(settings, store, _simulated(settings, clock), clock=clock, wall=clock)
    return replace(workspace, production_dir=None), clock.set


def _simulated(settings: Settings, clock: Clock) -> CandleSource:
    # Imported only where it is the source, as every run pays for what is imported.
    from forecastlab.adapters.simulated import DEMO_VOL_OF_VOL, SimulatedMarket  # noqa: PLC0415

    return SimulatedMarket(settings.simulated_seed, vol_of_vol=DEMO_VOL_OF_VOL, clock=clock)


def _binance(settings: Settings) -> BinanceSource:
    from forecastlab.adapters.binance import DEFAULT_URLS, BinanceSource  # noqa: PLC0415

    return BinanceSource(
        settings.binance_urls or DEFAULT_URLS,
        deadline_s=settings.binance_deadline_s,
        progress=progress(),
    )


def _wired(
    settings: Settings,
    store: ObjectStore,
    source: CandleSource,
    *,
    clock: Clock,
    wall: Clock,
    archive: CandleArchive | None = None,
) -> Workspace:
    lake = CandleLake(store) if archive is None else None
    return Workspace(
        deployment=settings.deployment,
        store=store,
        source=source,
        archive=archive or lake or CandleLake(store),
        lake=lake,
        clock=clock,
        wall=wall,
        registry=EventRegistry(store, settings.deployment),
        bundles=BundleShelf(settings.models, store),
        progress=progress(),
        check_pin=partial(check_pin, store, source.kind),
        pin_store=partial(pin_store, store, source.kind),
        production_dir=settings.production_dir,
        by=user_name(),
    )


def open_store(location: str) -> ObjectStore:
    """Open the store at a location.

    Raises:
        UsageError: the location's scheme is unknown.
    """
    if "://" in location:
        raise UsageError(
            f"The store {location!r} has an unknown scheme.",
            remedy="Name a local folder with --store.",
        )
    return LocalStore(Path(location))


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from its TOML file.

    Raises:
        ConfigError: there is no such file, or it is no recipe.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}.", remedy="Name a recipe file."
        ) from error
    return parse_recipe(text, what=str(path))


def compute_engine(name: str) -> AbstractContextManager[None]:
    """Run joblib's tasks on an engine while the context is open: loky, dask or ray.

    Raises:
        UsageError: there is no such engine.
        ConfigError: its library is not installed.
    """
    # joblib costs 0.1 s of every start that does not fit anything.
    from forecastlab.adapters.engines import engine  # noqa: PLC0415

    return engine(name)


def provenance() -> Provenance:
    """Return what a bundle states of its making."""
    return Provenance(git_commit(), python_version(), packages())


def configure_logging(severity: str, verbose: int = 0) -> None:
    """Send log lines of at least `severity` to stderr; each -v lowers it by one."""
    level = logging.getLevelNamesMapping()[severity.upper()] - 10 * verbose
    logging.basicConfig(
        stream=sys.stderr,
        level=max(level, logging.DEBUG),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
