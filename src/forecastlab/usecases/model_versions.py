"""Which bundle answers for a version of a deployment that has several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.errors import BundleRefused, ConfigError, UsageError
from forecastlab.contracts.manifest import MANIFEST
from forecastlab.contracts.registry import RegistryState, fold
from forecastlab.usecases.workspace import Workspace

VERSION: Final = "ML_MODEL_VERSION"
MODEL_PATH: Final = "ML_MODEL_PATH"
FEATURE_NAMES_PATH: Final = "ML_FEATURE_NAMES_PATH"

_CUT_OFF: Final = re.compile(r"(\d{8})(?:_(\d+))?")


def version_named(text: str, ladder: Sequence[str], *, what: str = VERSION) -> str | None:
    """Return the version that a text names, with dots or in capitals; None for an empty one.

    Args:
        what: the variable or option, in messages.

    Raises:
        ConfigError: the ladder has no such version.

    >>> version_named("V2.7", ("v2_7", "v2_6", "v1")), version_named("", ("v1",))
    ('v2_7', None)
    """
    asked = text.strip().lower().replace(".", "_")
    if not asked:
        return None
    if asked not in ladder:
        raise ConfigError(
            f"{what}={text!r} names no version.", remedy=f"Choose {', '.join(ladder)}."
        )
    return asked


def version_of_name(name: str, deployment: str, ladder: Sequence[str]) -> str | None:
    """Return the version that a bundle's name states; None if it is none of the ladder's.

    >>> version_of_name("signal_1h_v2_7_20250930_2", "signal_1h", ("v2_7", "v1"))
    'v2_7'
    """
    for version in ladder:
        prefix = f"{deployment}_{version}_"
        if name.startswith(prefix) and _CUT_OFF.fullmatch(name.removeprefix(prefix)):
            return version
    return None


def bundle_of(state: RegistryState, version: str, versions: Mapping[str, str]) -> str | None:
    """Return the bundle that answers for a version, or None.

    The one that was promoted last and not rolled back from; else the newest that is registered, by
    its cut-off. One that was rolled back from answers only if there is no other, a retired never.

    Args:
        versions: bundle -> its version, of all that are registered or shipped.

    >>> known = {"s_v1_20250101": "v1", "s_v1_20250601": "v1", "s_v2_20250601": "v2"}
    >>> bundle_of(RegistryState(), "v1", known)
    's_v1_20250601'
    >>> bundle_of(RegistryState(champions=("s_v1_20250101",)), "v1", known)
    's_v1_20250101'
    """
    fit = [name for name, own in versions.items() if own == version and name not in state.retired]
    promoted = [name for name in state.champions if name in fit]
    never_spoke = [name for name in fit if name not in state.spoke]
    return promoted[-1] if promoted else max(never_spoke or fit, key=_age, default=None)


def asked_version(workspace: Workspace) -> str | None:
    """Return the version that the environment asks for; None where the deployment has but one.

    Raises:
        ConfigError: it asks for one that the deployment does not have.
    """
    asked = workspace.switches.version
    # The recipes are read only where something was asked: most starts need none of them.
    ladder = workspace.operations.ladder if asked else ()
    return version_named(asked, ladder) if ladder else None


def bundles_by_version(workspace: Workspace) -> dict[str, str]:
    """Return every bundle of the deployment that is registered or shipped -> its version.

    One that merely lies in the store, as an import leaves it, is none of them.
    """
    ladder, deployment = workspace.operations.ladder, workspace.deployment
    registered = fold(workspace.registry.readable()[0]).registered
    found: dict[str, str] = {}
    for name in dict.fromkeys((*workspace.bundles.shipped(), *registered)):
        version = version_of_name(name, deployment, ladder)
        if version is not None:
            found[name] = version
    return found


def name_for(workspace: Workspace, version: str) -> str | None:
    """Return the bundle that answers for a version, by the registry and what is shipped."""
    state = fold(workspace.registry.readable()[0])
    return bundle_of(state, version, bundles_by_version(workspace))


def in_shadow(workspace: Workspace, state: RegistryState) -> tuple[str, ...]:
    """Return the challengers in the order in which they are asked, the newest first.

    Those of a version below the champion's come last: as rungs of its ladder they may answer, and
    are to take no place from a bundle that waits for the champion's.
    """
    newest_first = tuple(reversed(state.challengers))
    ladder, deployment = workspace.operations.ladder, workspace.deployment
    if not ladder:
        return newest_first
    first = workspace.bundles.first_champion(deployment)
    champion = state.champion or (first.name if first is not None else "")
    own = version_of_name(champion, deployment, ladder)
    below = ladder[ladder.index(own) + 1 :] if own is not None else ()
    return tuple(
        sorted(newest_first, key=lambda name: version_of_name(name, deployment, ladder) in below)
    )


def demanded(workspace: Workspace, version: str) -> BundleFiles:
    """Return the verified bundle of a version that was asked for.

    Raises:
        UsageError: there is none.
        BundleRefused: it does not verify, or is of another version than its name says.
    """
    name = name_for(workspace, version)
    if name is None:
        raise UsageError(
            f"The deployment {workspace.deployment} has no bundle of {version}.",
            remedy=f"Train one: `forecastlab train CONFIG --recipe {version}`.",
        )
    files = workspace.bundles.find(name)
    if files.manifest.recipe.recipe != version:
        raise BundleRefused(
            f"The bundle {name} is of the version {files.manifest.recipe.recipe}, not {version}.",
            remedy="Restore the bundle; its name was changed.",
        )
    return files


def refuse_another_version(workspace: Workspace, selected: BundleFiles, by: str) -> None:
    """Refuse a version asked for that is not the one of a bundle selected by something stronger.

    Args:
        by: the variable that selected it, in messages.

    Raises:
        ConfigError: the deployment has no such version, or the bundle is of another one.
    """
    version, own = asked_version(workspace), selected.manifest.recipe.recipe
    if version is not None and own != version:
        raise ConfigError(
            f"{VERSION}={workspace.switches.version}, but {by} selects {selected.name}, of {own}.",
            remedy=f"Leave one of the two empty: {by} or {VERSION}.",
        )


def refuse_contradiction(workspace: Workspace, selected: BundleFiles, by: str = "") -> None:
    """Refuse paths of the environment that name another bundle than the one that was selected.

    Args:
        by: the variable that selected it past version and registry, in messages.

    Raises:
        ConfigError: a path names no bundle, no file of it, or another one.
    """
    switches = workspace.switches
    paths = {MODEL_PATH: switches.model_path, FEATURE_NAMES_PATH: switches.feature_names_path}
    if not any(paths.values()) or not workspace.operations.ladder:
        return
    chosen_by = by or (f"{VERSION}={switches.version}" if switches.version else "the registry")
    for variable, path in paths.items():
        if path is None:
            continue
        folder = bundle_folder(path)
        try:
            named = workspace.bundles.read_folder(folder)
        except BundleRefused as error:
            raise ConfigError(
                f"{variable}={path} names no sound bundle: {error.facts}",
                remedy=f"Leave {variable} empty, or name the folder of {selected.name}.",
            ) from error
        if named.digest != selected.digest:
            raise ConfigError(
                f"{variable}={path} names {named.name}, but {chosen_by} selects {selected.name}.",
                remedy=f"Leave {variable} empty: the version selects model and features at once.",
            )
        _refuse_no_file(variable, path, folder, (MANIFEST, *named.files))


def bundle_folder(path: Path) -> Path:
    """Return the folder of the bundle that a path is, or lies in.

    >>> bundle_folder(Path("models/signal_1h_v1_20250930/model_L1_H24/xgboost.ubj")).name
    'signal_1h_v1_20250930'
    """
    folder = path.parent if path.suffix else path
    return folder.parent if folder.name.startswith("model_") else folder


def _refuse_no_file(variable: str, path: Path, folder: Path, files: Iterable[str]) -> None:
    inside = path.relative_to(folder).as_posix()
    if inside != "." and not any(one == inside or one.startswith(f"{inside}/") for one in files):
        raise ConfigError(
            f"{variable}={path} is no file of {folder.name}.",
            remedy=f"Leave {variable} empty, or name the bundle's folder.",
        )


def _age(name: str) -> tuple[str, int]:
    """Return what bundles of one version are newer by: the cut-off, then the number."""
    found = re.search(r"_(\d{8})(?:_(\d+))?$", name)
    return (found[1], int(found[2] or 1)) if found else ("", 0)
