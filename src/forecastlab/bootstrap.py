"""The only place that wires: settings to adapters, adapters to use cases; and logging."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from forecastlab.adapters.bundle_cache import BundleCache, cache_folder
from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.adapters.candle_files import FileSource
from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.adapters.clocks import ExchangeClock, FixedClock, SystemClock
from forecastlab.adapters.device import usable_device
from forecastlab.adapters.event_registry import EventRegistry
from forecastlab.adapters.json_log import JsonLines, trace_fields
from forecastlab.adapters.local_store import LocalStore
from forecastlab.adapters.overlay_store import OverlayStore
from forecastlab.adapters.progress import progress
from forecastlab.adapters.provenance import git_commit, packages, python_version, user_name
from forecastlab.adapters.rotated_log import last_lines, run_logged
from forecastlab.adapters.schedulers import Scheduler, log_folder, this_machines_scheduler
from forecastlab.adapters.store_pin import check_pin, pin_store
from forecastlab.contracts.cloud_jobs import CloudJobs
from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.contracts.errors import ConfigError, UsageError
from forecastlab.contracts.ports import CandleArchive, CandleSource, Clock, ObjectStore
from forecastlab.contracts.provenance import Provenance
from forecastlab.contracts.schedule import RunMode, ScheduledJob, local_slots
from forecastlab.settings import Settings, exported, read_settings
from forecastlab.usecases.admit import AccessMethod, DashboardAccess
from forecastlab.usecases.run_events import events
from forecastlab.usecases.surroundings import Surroundings
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
        bundles=BundleShelf(settings.models, store, _bundle_cache(settings)),
        progress=progress(),
        check_pin=partial(check_pin, store, source.kind),
        pin_store=partial(pin_store, store, source.kind),
        production_dir=settings.production_dir,
        by=user_name(),
        device=cache(partial(usable_device, settings.device, expects_gpu=settings.expect_gpu)),
        task=settings.task,
        recipe=cache(partial(recipe_of, settings.configs, settings.deployment)),
    )


def _bundle_cache(settings: Settings) -> BundleCache | None:
    """A bucket answers in some 0.05 s a file; a folder needs no copy of itself."""
    return BundleCache(cache_folder(Path.home())) if "://" in settings.store else None


def open_store(location: str) -> ObjectStore:
    """Open the store at a location.

    Raises:
        UsageError: the location's scheme is unknown.
        ConfigError: it names no bucket, or the client of buckets is not installed.
    """
    if location.startswith("gs://"):
        try:
            # The client costs 0.4 s of a start, and only those who keep a bucket install it.
            from forecastlab.adapters.gcs_store import GcsStore  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"The store {location} needs {error.name}, which is not installed.",
                remedy="Install it with `pip install 'forecastlab[cloud]'`.",
            ) from error
        return GcsStore(location)
    if "://" in location:
        raise UsageError(
            f"The store {location!r} has an unknown scheme.",
            remedy="Name a local folder, or gs://bucket/prefix.",
        )
    return LocalStore(Path(location))


def open_cloud(settings: Settings) -> CloudJobs:
    """Open the deployed job.

    Raises:
        ConfigError: no project or region is set, or the client is not installed.
    """
    project, region, job = cloud_job(settings)
    if not region:
        raise ConfigError(
            "FORECASTLAB_REGION names no region.", remedy="Set it to the region of the job."
        )
    try:
        # The client costs 0.5 s of a start, and only `cloud` pays for it.
        from forecastlab.adapters.cloud_run import CloudRunJobs  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"`cloud` needs {error.name}, which is not installed.",
            remedy="Install it with `pip install 'forecastlab[cloud]'`.",
        ) from error
    return CloudRunJobs(project, region, job, endpoint=settings.cloud_endpoint)


def cloud_job(settings: Settings) -> tuple[str, str, str]:
    """Return project, region and name of the deployed job.

    Raises:
        ConfigError: no project is set.
    """
    if not settings.project:
        raise ConfigError(
            "FORECASTLAB_PROJECT names no project.",
            remedy="Set it to the Google Cloud project that deploy/setup.sh has set up.",
        )
    return settings.project, settings.region, settings.job


def open_lake(store: ObjectStore) -> CandleArchive:
    """Open the candles that a store keeps, for reading alone."""
    return CandleLake(store)


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


def scheduled_job(mode: RunMode, choice: Choice) -> ScheduledJob:
    """Return the morning as this machine's scheduler is to run it: from here, with these settings.

    Raises:
        ConfigError: a setting cannot be written into a scheduler's file.
    """
    chosen = {
        "FORECASTLAB_DEPLOYMENT": choice.deployment,
        "FORECASTLAB_SOURCE": choice.source,
        "FORECASTLAB_STORE": choice.store,
    }
    named = {name: text for name, text in chosen.items() if text is not None}
    if choice.deployment is not None:  # else a list, of this shell or of `.env`, would win
        named["FORECASTLAB_DEPLOYMENTS"] = ""
    environment = {**exported(os.environ), **named}
    odd = [name for name, text in environment.items() if "\n" in text or "\0" in text]
    if odd:
        raise ConfigError(f"{', '.join(odd)} has a line end in it.", remedy="Set it anew.")
    return ScheduledJob(
        command=(sys.executable, "-m", "forecastlab", "schedule", "run", "--mode", mode),
        folder=Path.cwd(),
        environment=environment,
        slots=local_slots(None, datetime.now(UTC)),
        log=schedule_log(),
        mode=mode,
    )


def scheduler() -> Scheduler:
    """Return this machine's scheduler.

    Raises:
        ConfigError: there is none that is known.
    """
    return this_machines_scheduler(Path.home())


def schedule_log() -> Path:
    """Return the file that scheduled runs write to."""
    return log_folder(Path.home()) / "daily.log"


def last_words(log: Path, lines: int = 12) -> list[str]:
    """Return the last lines of a log."""
    return last_lines(log, lines)


def rehearse(job: ScheduledJob) -> int:
    """Run the job's dry run with nothing of this shell but what the job has; return its code."""
    alone = {"HOME": str(Path.home()), "PATH": os.defpath, **job.environment}
    command = [sys.executable, "-m", "forecastlab", "daily", "--dry-run"]
    return run_logged(command, job.log, folder=job.folder, environment=alone)


def run_scheduled(mode: RunMode) -> int:
    """Run the morning as a scheduler does, into the log; return its exit code."""
    dry = ["--dry-run"] if mode == "dry" else []
    return run_logged([sys.executable, "-m", "forecastlab", "daily", *dry], schedule_log())


def read_recipe(path: Path, *, symbol: str | None = None, size: str = "default") -> Recipe:
    """Read a recipe from its TOML file, for another symbol or in another size if asked.

    Raises:
        ConfigError: there is no such file, or it is no recipe.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}.", remedy="Name a recipe file."
        ) from error
    return parse_recipe(text, what=str(path), symbol=symbol).sized(size)


def recipe_of(configs: Path, deployment: str) -> Recipe | None:
    """Return a deployment's recipe from a folder of TOML files, or None where none is its own.

    Raises:
        ConfigError: two files make the same deployment, or one of them is no recipe.
    """
    found = {
        path: recipe
        for path in sorted(configs.glob("*.toml"))
        if (recipe := _recipe_for(path, deployment)) is not None
    }
    if len(found) > 1:
        raise ConfigError(
            f"{' and '.join(str(path) for path in found)} both make {deployment}.",
            remedy="Give one of them another name.",
        )
    return next(iter(found.values()), None)


def _recipe_for(path: Path, deployment: str) -> Recipe | None:
    own = read_recipe(path)
    if own.name == deployment:
        return own
    symbol = deployment.rpartition("_")[2]
    if symbol not in own.train.symbols:
        return None
    other = read_recipe(path, symbol=symbol)
    return other if other.name == deployment else None


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
    # An image holds no git: its build says which commit it is of.
    return Provenance(read_settings().commit or git_commit(), python_version(), packages())


def last_word(text: str, *, bug: BaseException | None = None) -> None:
    """Write why the process ends: a line for a person, or one event where logs are JSON."""
    root = logging.getLogger()
    if any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        fields = {"event": "refused" if bug is None else "bug"}
        root.error("%s", text, exc_info=bug, extra={"fields": fields})
        return
    if bug is not None:
        traceback.print_exception(bug)
    sys.stderr.write(f"forecastlab: {text}\n")


def configure_logging(severity: str, verbose: int = 0, *, log_format: str = "text") -> None:
    """Send log lines of at least `severity` to stderr; each -v lowers it by one.

    As `json` they are one event a line. As `text` the events of a run's end are left out, for the
    command itself tells a person the same; -v brings them back.
    """
    level = max(logging.getLevelNamesMapping()[severity.upper()] - 10 * verbose, logging.DEBUG)
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(JsonLines(trace_fields(os.environ)))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    quiet = log_format == "text" and level > logging.INFO
    events.setLevel(logging.CRITICAL if quiet else logging.NOTSET)
