"""Which bundle speaks: the override, else the registry's champion, else the first one shipped."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.degradations import REGISTRY_DAMAGED
from forecastlab.contracts.errors import (
    BundleRefused,
    ConfigError,
    DataMalformed,
    PreconditionFailed,
    UsageError,
)
from forecastlab.contracts.intervals import last_closed_open
from forecastlab.contracts.registry import RegistryState, fold
from forecastlab.usecases.model_versions import (
    VERSION,
    asked_version,
    demanded,
    refuse_another_version,
    refuse_contradiction,
)
from forecastlab.usecases.open_bundle import OpenBundle, open_bundle
from forecastlab.usecases.registry_change import Change, append_change, still_over
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
        degraded: what a record must say of the choice, or empty.
    """

    bundle: OpenBundle
    override: str | None
    first: bool
    degraded: tuple[str, ...] = ()


def choose(workspace: Workspace, name: str | None) -> Chosen:
    """Find, verify and load the bundle that is to speak.

    Args:
        name: the bundle named on the command line, or None.

    Raises:
        BundleRefused: it does not verify, or does not give its known answers.
        ConfigError: the override belongs to another deployment, or the environment asks for a
            version that is none, or names another bundle than the one that it selects.
        UsageError: there is no champion at all, or no bundle of the version that was asked for.
        DataMalformed: the registry is damaged from its beginning on.
    """
    if name is not None:
        return Chosen(opened(workspace, workspace.bundles.find(name)), "--bundle", first=False)
    if workspace.production_dir is not None:
        files = workspace.bundles.read_folder(workspace.production_dir)
        bundle = opened(workspace, files)
        refuse_another_version(workspace, files, OVERRIDE)
        refuse_contradiction(workspace, files, OVERRIDE)
        return Chosen(bundle, OVERRIDE, first=False)
    if (version := asked_version(workspace)) is not None:
        files = demanded(workspace, version)
        refuse_contradiction(workspace, files)
        return Chosen(opened(workspace, files), VERSION, first=False)
    state, fault = standing(workspace)
    if state.champion is not None:
        files = workspace.bundles.find(state.champion)
        refuse_contradiction(workspace, files)
        bundle = opened(workspace, files)
        return Chosen(bundle, None, first=False, degraded=(fault,) if fault else ())
    if fault:
        raise DataMalformed(
            f"Nobody can say who is champion: {fault}",
            remedy=f"Restore the registry folder from a copy, or name a bundle with {OVERRIDE}.",
        )
    first = workspace.bundles.first_champion(workspace.deployment)
    if first is None:
        raise UsageError(
            f"The deployment {workspace.deployment} has no champion.",
            remedy="Make one: `forecastlab train CONFIG`, then `forecastlab promote NAME --why …`.",
        )
    files = workspace.bundles.find(first.name)
    refuse_contradiction(workspace, files)
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
    if workspace.registry.state().champion is not None:
        return
    why = "first champion, named by champions.toml"
    gates = {"verify": "passed", "known_answers": "passed"}
    change = Change("promoted", files.name, files.digest, why, gates)
    try:
        append_change(workspace, change, fits=still_over(None))
    except PreconditionFailed:
        log.info("another process seated the first champion")


def standing(workspace: Workspace) -> tuple[RegistryState, str | None]:
    """Return what the sound events of the registry add up to, and what is wrong with the next."""
    events, fault = workspace.registry.readable()
    if fault:
        log.error("the registry is damaged; what stood before goes on: %s", fault)
    return fold(events), REGISTRY_DAMAGED.says(fault=fault) if fault else None


def opened(workspace: Workspace, files: BundleFiles) -> OpenBundle:
    """Load a verified bundle for this deployment and source; replay its known answers.

    Raises:
        ConfigError: it belongs to another deployment.
        BundleRefused: it is not the bundle that the registry knows by this name, was made for
            another kind of market, or gives other answers.
    """
    known = fold(workspace.registry.readable()[0]).registered.get(files.name)
    _refuse_another(files, known, "the registry")
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
