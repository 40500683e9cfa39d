"""Take a bundle out of use: it is no challenger and no target of a rollback any more."""

from __future__ import annotations

from forecastlab.contracts.errors import BundleRefused, ConfigError, UsageError
from forecastlab.contracts.registry import RegistryEvent, RegistryState
from forecastlab.usecases.model_versions import bundles_by_version
from forecastlab.usecases.promote import refuse_without_reason
from forecastlab.usecases.registry_change import Change, append_change
from forecastlab.usecases.workspace import Workspace


def retire(workspace: Workspace, name: str, *, why: str) -> RegistryEvent:
    """Retire a bundle; its files stay, and what it said stays judged.

    A bundle that the registry knows need not verify: a damaged one is what one wants to retire.

    Raises:
        UsageError: it speaks, would speak next, or is retired already.
        BundleRefused: the registry does not know it, and it does not verify.
        ConfigError: it belongs to another deployment.
    """
    refuse_without_reason(why)
    digest = workspace.registry.state().registered.get(name) or _own_digest(workspace, name)
    first = workspace.bundles.first_champion(workspace.deployment)

    def fits(state: RegistryState) -> None:
        speaks = state.champion or (first.name if first else None)
        if name == speaks:
            raise UsageError(
                f"{name} is the champion of {workspace.deployment}.",
                remedy="Promote another bundle or roll back first.",
            )
        if name in state.retired:
            raise UsageError(f"{name} is retired already.", remedy="Nothing needs to be done.")
        _refuse_last_rung(workspace, state, name)

    return append_change(workspace, Change("retired", name, digest, why), fits=fits)


def _refuse_last_rung(workspace: Workspace, state: RegistryState, name: str) -> None:
    """Refuse the only bundle of a version: signals step down a ladder that has all its rungs."""
    if not workspace.operations.ladder:
        return
    # Signals step down to shipped bundles too, of which the registry may know nothing.
    there = dict.fromkeys((*bundles_by_version(workspace), *state.registered, name))
    versions = {one: _version(workspace, one) for one in there if one not in state.retired}
    version = versions[name]
    if version in workspace.operations.ladder and [*versions.values()].count(version) == 1:
        raise UsageError(
            f"{name} is the last bundle of {version}, a rung of {workspace.deployment}.",
            remedy="Train another of this version first, or take it off `ladder` in the TOML.",
        )


def _version(workspace: Workspace, name: str) -> str | None:
    """Return the version that a bundle is of; None where there is none, or it does not verify."""
    try:
        return workspace.bundles.find(name).manifest.recipe.recipe
    except BundleRefused:
        return None


def _own_digest(workspace: Workspace, name: str) -> str:
    files = workspace.bundles.find(name)
    if files.manifest.deployment != workspace.deployment:
        raise ConfigError(
            f"The bundle {name} belongs to {files.manifest.deployment},"
            f" not to {workspace.deployment}.",
            remedy="Name the bundle's own deployment with --deployment.",
        )
    return files.digest
