"""Everything that a use case may touch, wired once in `bootstrap`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from forecastlab.contracts.cloud_task import ALONE, CloudTask
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.device import CPU, Device
from forecastlab.contracts.inference import InferenceAccess
from forecastlab.contracts.notifications import UNHEARD, Notifier
from forecastlab.contracts.operations import Operations
from forecastlab.contracts.ports import (
    Bundles,
    CandleArchive,
    CandleSource,
    Clock,
    Lake,
    ObjectStore,
    Progress,
    Registry,
    SourceKind,
)
from forecastlab.contracts.switches import Switches

if TYPE_CHECKING:
    from forecastlab.usecases.analysis.note import NoteWriter


@dataclass(frozen=True)
class Workspace:
    """The ports of one process, for one deployment.

    Attributes:
        archive: candles at hand: the lake, or the files of a file source, read in place.
        lake: where fetched candles are kept; None for a file source.
        check_pin: refuses a store that is pinned to another kind of source; writes nothing.
        pin_store: the same, and pins the store: done before the first candle or record is kept.
        production_dir: the bundle folder that overrides the registry, if one does.
        clock: decides what is closed, live and stale (the exchange's, or the simulated one).
        wall: stamps attempts and registry events; needs no network, so a rollback never waits.
        by: who acts, for the registry.
        guarded: the same on a store of which all can be read, and new objects be created below the
            given prefix alone (None: nothing be written); it reaches no server and tells nobody.
        device: finds, once, where models compute; raises ConfigError where that is not there.
        task: the task of a cloud job that this process is.
        recipe: reads the deployment's recipe from the folder of configs; None where it has none.
        inference: the server that members may be asked of; None where the environment names none.
        stand_in: draws the simulated market, on which a bundle is tried where no candle is at hand.
        notifier: carries alerts and messages; in a dry run to the log alone.
        spare: what this machine keeps for itself, for the alert that the store is down.
        dashboard_url: what messages link to; empty: nothing.
        note_writer: finds who writes notes on sealed forecasts; None where none are asked for.
        switches: what the environment takes away from the models, and the version it asks for.
    """

    deployment: str
    store: ObjectStore
    source: CandleSource
    archive: CandleArchive
    lake: Lake | None
    clock: Clock
    wall: Clock
    registry: Registry
    bundles: Bundles
    progress: Progress
    check_pin: Callable[[], object]
    pin_store: Callable[[], None]
    production_dir: Path | None
    by: str
    guarded: Callable[[str | None], Workspace]
    device: Callable[[], Device] = lambda: CPU
    task: CloudTask = ALONE
    recipe: Callable[[], Recipe | None] = lambda: None
    switches: Switches = field(default_factory=Switches)
    note_writer: Callable[[], NoteWriter | None] = lambda: None
    stand_in: Callable[[], CandleSource] | None = None
    inference: InferenceAccess | None = None
    notifier: Notifier = UNHEARD
    spare: ObjectStore | None = None
    dashboard_url: str = ""

    @property
    def operations(self) -> Operations:
        """How the deployment is operated: its recipe's table, or the defaults without a recipe."""
        recipe = self.recipe()
        return Operations() if recipe is None else recipe.operations

    @property
    def source_kind(self) -> SourceKind:
        """The kind of the source."""
        return self.source.kind
