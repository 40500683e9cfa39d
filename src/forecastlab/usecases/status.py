"""What is live now, or was live at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from forecastlab.contracts.errors import BundleRefused, DataMalformed, UsageError
from forecastlab.contracts.registry import RegistryEvent, events_until, fold, watched_until
from forecastlab.usecases.champion import OVERRIDE, choose, standing
from forecastlab.usecases.model_versions import VERSION, asked_version, name_for
from forecastlab.usecases.publish import newest_sealed
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class Status:
    """The champion of a deployment at an instant.

    Attributes:
        champion: None before the first publish; then `first_champion` is what it will be.
        override: the variable that chooses a bundle past the registry, with its value.
        speaks: the bundle that would speak now, verified and asked for its known answers; None for
            an instant in the past, and where there is none.
        refused: why it does not verify, or empty.
        newest_record: the newest sealed as-of; None for an instant in the past.
        challengers: the bundles in shadow.
        previous: the champion that a rollback without a name returns to.
        watched_until: when the watch of the last promotion ends; None where nothing is watched.
        events: all of them up to the instant; where one is damaged, those before it.
        damage: what is wrong with the next event, or empty.
    """

    deployment: str
    at: datetime
    champion: str | None
    champion_digest: str | None
    since: datetime | None
    first_champion: str | None
    override: str | None
    speaks: str | None
    refused: str
    newest_record: str | None
    challengers: tuple[str, ...]
    previous: str | None
    watched_until: datetime | None
    events: tuple[RegistryEvent, ...]
    damage: str


def status(workspace: Workspace, *, at: datetime | None = None) -> Status:
    """Fold the registry up to `at`; for now (None), verify the bundle that would speak as well."""
    readable, damage = workspace.registry.readable()
    events = events_until(readable, at)
    state, watch = fold(events), workspace.operations.promotion.watch_hours
    first = workspace.bundles.first_champion(workspace.deployment)
    speaks, refused = (None, "") if at is not None else _verified(workspace)
    return Status(
        deployment=workspace.deployment,
        at=at or workspace.wall.now(),
        champion=state.champion,
        champion_digest=state.champion_digest,
        since=state.since,
        first_champion=first.name if first else None,
        override=_override(workspace) if at is None else None,
        speaks=speaks,
        refused=refused,
        newest_record=newest_sealed(workspace.store, workspace.deployment) if at is None else None,
        challengers=state.challengers,
        previous=state.previous_champion,
        watched_until=watched_until(state, watch),
        events=events,
        damage=damage or "",
    )


def _override(workspace: Workspace) -> str | None:
    """Return what the environment chooses past the registry, with its variable."""
    if workspace.production_dir is not None:
        return f"{OVERRIDE}={workspace.production_dir}"
    version = asked_version(workspace)
    return None if version is None else f"{VERSION}={version}"


def _verified(workspace: Workspace) -> tuple[str | None, str]:
    """Return the bundle that would speak, and why it is refused."""
    try:
        return choose(workspace, None).bundle.files.name, ""
    except UsageError as error:
        named, override = _named(workspace), _override(workspace)
        return named, "" if named is None and override is None else error.facts
    except (BundleRefused, DataMalformed) as error:
        return _named(workspace), error.facts


def _named(workspace: Workspace) -> str | None:
    """Return what is to speak, whether or not it can."""
    if workspace.production_dir is not None:
        return str(workspace.production_dir)
    if (version := asked_version(workspace)) is not None:
        return name_for(workspace, version)
    first = workspace.bundles.first_champion(workspace.deployment)
    return standing(workspace)[0].champion or (first.name if first else None)
