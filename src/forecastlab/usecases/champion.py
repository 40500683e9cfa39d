"""Which bundle speaks: the override, else the registry's champion, else the first one shipped."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.errors import BundleRefused, ConfigError, PreconditionFailed, UsageError
from forecastlab.contracts.intervals import last_closed_open
from forecastlab.contracts.registry import RegistryEvent, fold
from forecastlab.usecases.open_bundle import OpenBundle, open_bundle
from forecastlab.usecases.update import Need, serving_needs
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

OVERRIDE = "PRODUCTION_DIR"


@dataclass(frozen=True, eq=False)
class Chosen:
    """A verified bundle, and how it was chosen.

    Attributes:
        override: the variable or option that chose it past the registry, or None.
        first: it is the first champion and no registry event says so yet.
    """

    bundle: OpenBundle
    override: str | None
    first: bool


def choose(workspace: Workspace, name: str | None) -> Chosen:
    """Find, verify and load the bundle that is to speak.

    Args:
        name: the bundle named on the command line, or None.

    Raises:
        BundleRefused: it does not verify, or does not give its known answers.
        ConfigError: the override belongs to another deployment.
        UsageError: there is no champion at all.
    """
    if name is not None:
        return Chosen(opened(workspace, workspace.bundles.find(name)), "--bundle", first=False)
    if workspace.production_dir is not None:
        files = workspace.bundles.read_folder(workspace.production_dir)
        return Chosen(opened(workspace, files), OVERRIDE, first=False)
    state = workspace.registry.state()
    if state.champion is not None:
        return Chosen(opened(workspace, workspace.bundles.find(state.champion)), None, first=False)
    first = workspace.bundles.first_champion(workspace.deployment)
    if first is None:
        raise UsageError(
            f"The deployment {workspace.deployment} has no champion.",
            remedy="Make one: `forecastlab train CONFIG`, then `forecastlab promote NAME --why …`.",
        )
    files = workspace.bundles.find(first.name)
    _refuse_another(files, first.digest, "champions.toml")
    return Chosen(opened(workspace, files), None, first=True)


def champion_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Return the series that the bundle which is to speak reads for the candle that closed last."""
    needed = choose(workspace, None).bundle.needed
    return serving_needs(needed, last_closed_open(workspace.clock.now(), needed.interval))


def seat_first_champion(workspace: Workspace, chosen: Chosen) -> None:
    """Write the first champion into the registry; another process may have done so already."""
    if not chosen.first:
        return
    files = chosen.bundle.files
    # Read once: with a second look the number and what it replaces could be of two states.
    events = workspace.registry.events()
    if fold(events).champion is not None:
        return
    event = RegistryEvent(
        sequence=len(events) + 1,
        kind="promoted",
        deployment=workspace.deployment,
        bundle=files.name,
        bundle_digest=files.digest,
        previous=None,
        at=workspace.wall.now(),
        by=workspace.by,
        why="first champion, named by champions.toml",
        gates={"verify": "passed", "known_answers": "passed"},
    )
    try:
        workspace.registry.append(event)
    except PreconditionFailed:
        log.info("another process seated the first champion")


def opened(workspace: Workspace, files: BundleFiles) -> OpenBundle:
    """Load a verified bundle for this deployment and source; replay its known answers.

    Raises:
        ConfigError: it belongs to another deployment.
        BundleRefused: it is not the bundle that the registry knows by this name, was made for
            another kind of market, or gives other answers.
    """
    _refuse_another(files, workspace.registry.state().registered.get(files.name), "the registry")
    if files.manifest.deployment != workspace.deployment:
        raise ConfigError(
            f"The bundle {files.name} belongs to {files.manifest.deployment},"
            f" not to {workspace.deployment}.",
            remedy="Name the bundle's own deployment with --deployment.",
        )
    if workspace.source_kind != "simulated" and files.manifest.training.source == "simulated":
        raise BundleRefused(
            f"The bundle {files.name} was trained on the simulated market.",
            remedy="It may forecast only that market; train on real candles.",
        )
    return open_bundle(files)


def _refuse_another(files: BundleFiles, known: str | None, by: str) -> None:
    """Refuse a bundle whose manifest is not, byte for byte, the one that was known by its name."""
    if known is not None and known != files.digest:
        raise BundleRefused(
            f"The manifest of {files.name} is not the one that {by} knows by this name.",
            remedy="Restore the bundle from version control or its bucket.",
        )
