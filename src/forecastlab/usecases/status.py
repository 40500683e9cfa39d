"""What is live now, or was live at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from forecastlab.contracts.records import LatestPointer
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.usecases.champion import OVERRIDE
from forecastlab.usecases.publish import latest
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class Status:
    """The champion of a deployment at an instant.

    `champion` is None before the first publish; then `first_champion` is what it will be.
    """

    deployment: str
    at: datetime
    champion: str | None
    champion_digest: str | None
    since: datetime | None
    first_champion: str | None
    override: str | None
    latest: LatestPointer | None
    events: tuple[RegistryEvent, ...]


def status(workspace: Workspace, *, at: datetime | None = None) -> Status:
    """Fold the registry up to `at` (None: now)."""
    now = workspace.wall.now()
    state = workspace.registry.state(at=at)
    override = workspace.production_dir
    return Status(
        deployment=workspace.deployment,
        at=at or now,
        champion=state.champion,
        champion_digest=state.champion_digest,
        since=state.since,
        first_champion=workspace.bundles.first_champion(workspace.deployment),
        override=f"{OVERRIDE}={override}" if override is not None and at is None else None,
        latest=latest(workspace.store, workspace.deployment) if at is None else None,
        events=tuple(
            event for event in workspace.registry.events() if at is None or event.at <= at
        ),
    )
