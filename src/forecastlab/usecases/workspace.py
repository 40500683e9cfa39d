"""Everything that a use case may touch, wired once in `bootstrap`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from forecastlab.contracts.cloud_task import ALONE, CloudTask
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.device import CPU, Device
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
        device: finds, once, where models compute; raises ConfigError where that is not there.
        task: the task of a cloud job that this process is.
        recipe: reads the deployment's recipe from the folder of configs; None where it has none.
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
    device: Callable[[], Device] = lambda: CPU
    task: CloudTask = ALONE
    recipe: Callable[[], Recipe | None] = lambda: None

    @property
    def operations(self) -> Operations:
        """How the deployment is operated: its recipe's table, or the defaults without a recipe."""
        recipe = self.recipe()
        return Operations() if recipe is None else recipe.operations

    @property
    def source_kind(self) -> SourceKind:
        """The kind of the source."""
        return self.source.kind
