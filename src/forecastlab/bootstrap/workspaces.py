"""Processes wired for one deployment: settings, adapters, the workspace of the use cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from forecastlab.adapters.bundle_cache import BundleCache, cache_folder
from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.adapters.clocks import FixedClock, SystemClock
from forecastlab.adapters.device import usable_device
from forecastlab.adapters.event_registry import EventRegistry
from forecastlab.adapters.guarded_store import GuardedStore
from forecastlab.adapters.local_store import LocalStore
from forecastlab.adapters.notify.everyone import Everyone
from forecastlab.adapters.overlay_store import OverlayStore
from forecastlab.adapters.progress import Silent, progress
from forecastlab.adapters.provenance import user_name
from forecastlab.adapters.store_pin import check_pin, pin_store
from forecastlab.bootstrap.sources import Origin, open_origin, simulated_market
from forecastlab.bootstrap.stores import open_store
from forecastlab.bootstrap.training import recipe_of
from forecastlab.contracts.inference import POLICY, InferenceAccess
from forecastlab.contracts.notifications import UNHEARD
from forecastlab.contracts.ports import ObjectStore
from forecastlab.settings import Settings, read_settings
from forecastlab.settings.analyst import ANALYST_FILE
from forecastlab.settings.notify import NotifySettings
from forecastlab.usecases.workspace import Workspace

if TYPE_CHECKING:
    from forecastlab.usecases.analysis.note import NoteWriter


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


def open_workspace(settings: Settings, *, dry_run: bool = False, quiet: bool = False) -> Workspace:
    """Wire the adapters of one process; in a dry run all writes stay in memory.

    Args:
        quiet: draw no progress bars, which only one thread at a time could.

    Raises:
        ConfigError: a setting names nothing that exists.
    """
    store = open_store(settings.store)
    if dry_run:
        store, settings = OverlayStore(store), replace(settings, notify=NotifySettings())
    bars = Silent() if quiet else progress()
    return replace(_wired(settings, store, open_origin(settings, bars)), progress=bars)


def open_demo(settings: Settings) -> tuple[Workspace, Callable[[datetime], None]]:
    """Wire a workspace on the simulated market whose clock the caller sets."""
    clock = FixedClock(settings.simulated_now or datetime.now(UTC))
    store = open_store(settings.store)
    workspace = _wired(settings, store, Origin(simulated_market(settings, clock), clock, clock))
    # Nobody is told of mornings that never were.
    return replace(workspace, production_dir=None, notifier=Everyone(())), clock.set


def _wired(settings: Settings, store: ObjectStore, origin: Origin) -> Workspace:
    lake = CandleLake(store) if origin.archive is None else None

    def guarded(may_create: str | None) -> Workspace:
        narrow = GuardedStore(store, may_create)
        whole = _wired(settings, narrow, origin)
        return replace(whole, inference=None, notifier=UNHEARD, spare=None)

    return Workspace(
        deployment=settings.deployment,
        store=store,
        source=origin.source,
        archive=origin.archive or lake or CandleLake(store),
        lake=lake,
        clock=origin.clock,
        wall=origin.wall,
        registry=EventRegistry(store, settings.deployment),
        bundles=BundleShelf(settings.models, store, _bundle_cache(settings)),
        progress=progress(),
        check_pin=partial(check_pin, store, origin.source.kind),
        pin_store=partial(pin_store, store, origin.source.kind),
        production_dir=settings.production_dir,
        by=user_name(),
        guarded=guarded,
        device=cache(partial(usable_device, settings.device, expects_gpu=settings.expect_gpu)),
        task=settings.task,
        recipe=cache(partial(recipe_of, settings.configs, settings.deployment)),
        switches=settings.switches,
        note_writer=partial(_note_writer, settings, store),
        stand_in=partial(simulated_market, settings, origin.wall),
        inference=_inference(settings, store),
        notifier=Everyone(settings.notify.addresses),
        spare=_spare(settings, store),
        dashboard_url=settings.notify.dashboard_url,
    )


def _note_writer(settings: Settings, store: ObjectStore) -> NoteWriter | None:
    """Return who writes notes; a folder of configs without the analyst's file asks for none."""
    if isinstance(store, OverlayStore) or not (settings.configs / ANALYST_FILE).is_file():
        return None  # a dry run pays nobody
    from forecastlab.bootstrap.analyst import note_writer  # noqa: PLC0415 - 0.1 s, of mornings

    return note_writer(settings, store)


def _spare(settings: Settings, store: ObjectStore) -> ObjectStore:
    """Return what this machine keeps of a store for itself; in a dry run it stays in memory."""
    where = settings.store if "://" in settings.store else str(Path(settings.store).resolve())
    name = sha256(where.encode()).hexdigest()[:16]
    spare = LocalStore(cache_folder(Path.home()).with_name("alerts") / name)
    return OverlayStore(spare) if isinstance(store, OverlayStore) else spare


def _inference(settings: Settings, store: ObjectStore) -> InferenceAccess | None:
    """Reach the inference server that the environment names; nothing is asked yet."""
    remote = settings.remote
    if not remote.url:
        return None
    from forecastlab.adapters.breaker import StoredBreaker  # noqa: PLC0415 - only where there is one
    from forecastlab.adapters.remote_inference import HttpInference  # noqa: PLC0415 - the same

    server = HttpInference(remote.url, api_key=remote.api_key, deadline_s=remote.timeout_s)
    # In real time whatever the market's clock says: the server is real.
    return InferenceAccess(server, StoredBreaker(store, "inference", POLICY, SystemClock()))


def _bundle_cache(settings: Settings) -> BundleCache | None:
    """A bucket answers in some 0.05 s a file; a folder needs no copy of itself."""
    return BundleCache(cache_folder(Path.home())) if "://" in settings.store else None
