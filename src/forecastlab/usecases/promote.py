"""Change the champion: promotion and rollback verify first, then write one event."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.manifest import MANIFEST
from forecastlab.contracts.registry import RegistryEvent, RegistryState
from forecastlab.usecases.champion import opened
from forecastlab.usecases.gates import refuse_without_view
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.promotion.gate import Gate, run_gates
from forecastlab.usecases.registry_change import Change, append_change, still_over
from forecastlab.usecases.workspace import Workspace

Gates = Callable[[RegistryState, OpenBundle], Mapping[str, Gate]]
"""Chooses the gates of a promotion: for a first champion, a refit, or a changed recipe."""

LOADED = {"verify": "passed", "known_answers": "passed"}
"""What `opened` has shown of a bundle; nothing passes over it."""


def register(workspace: Workspace, bundle: OpenBundle, *, why: str) -> RegistryEvent:
    """Note that a bundle exists: it does not speak, and is a challenger in shadow."""
    change = Change("registered", bundle.files.name, bundle.files.digest, why)
    return append_change(workspace, change, fits=lambda _: None)


def enter_shadow(workspace: Workspace, name: str, *, why: str) -> RegistryEvent:
    """Register a bundle that came from elsewhere, verified and kept beside the registry.

    Raises:
        BundleRefused: it does not verify.
        UsageError: it is registered already.
    """
    refuse_without_reason(why)
    if name in workspace.registry.state().registered:
        raise UsageError(
            f"{name} is registered already.", remedy="`forecastlab bundles list` shows its role."
        )
    bundle = opened(workspace, workspace.bundles.find(name))
    keep_for_all(workspace, bundle)
    return register(workspace, bundle, why=why)


def promote(
    workspace: Workspace, name: str, *, why: str, gates: Gates | None = None, force: bool = False
) -> RegistryEvent:
    """Make a bundle the champion, after it verified, gave its known answers and passed the gates.

    A forecaster that is for research only is no obstacle, as long as another may have a view. The
    files are kept in the store before the event is written, so that a failure between the two
    leaves the champion, and a repeat finds them there.

    Args:
        force: promote although gates refuse; the event says so, and what they said.

    Raises:
        BundleRefused: it does not verify; the champion stays.
        GateRefused: a gate said no, or no forecaster may have a view; the champion stays.
        UsageError: it is the champion already, or retired.
        PreconditionFailed: another process changed the champion first.
    """
    state = workspace.registry.state()
    refuse_unfit(state, name, why)
    bundle = opened(workspace, workspace.bundles.find(name))
    asked: dict[str, Gate] = {"forecasters": refuse_without_view}
    asked |= gates(state, bundle) if gates is not None else {}
    report = {**LOADED, **run_gates(bundle, asked, force=force)}
    keep_for_all(workspace, bundle)
    change = Change("promoted", name, bundle.files.digest, why, report, forced=force)
    return append_change(workspace, change, fits=_unchanged(state, name, why))


def rollback(workspace: Workspace, *, to: str | None, why: str) -> RegistryEvent:
    """Return to an earlier champion (default: the one before), verified before the event.

    Raises:
        UsageError: there is no champion to return to, or the name is none.
        BundleRefused: the target does not verify; the champion stays.
        PreconditionFailed: another process changed the champion first.
    """
    state = workspace.registry.state()
    target = rollback_target(state, workspace.deployment, to)
    refuse_unfit(state, target, why)
    bundle = opened(workspace, workspace.bundles.find(target))
    keep_for_all(workspace, bundle)
    change = Change("rolled_back", target, bundle.files.digest, why, LOADED)
    return append_change(workspace, change, fits=_unchanged(state, target, why))


def rollback_target(state: RegistryState, deployment: str, to: str | None) -> str:
    """Return the earlier champion that a rollback goes to.

    Raises:
        UsageError: there is none, or the bundle named is none.
    """
    target = to or state.previous_champion
    if target is None:
        raise UsageError(
            f"{deployment} has no earlier champion.",
            remedy="Name a bundle with --to, or promote one.",
        )
    if target != state.champion and target not in state.champions:
        raise UsageError(
            f"{target} is no earlier champion of {deployment}.",
            remedy=f"Promote it instead: `forecastlab promote {target} --why …`.",
        )
    return target


def keep_for_all(workspace: Workspace, bundle: OpenBundle) -> None:
    """Keep a bundle's files beside the registry: a job with other shipped bundles reads both."""
    files = bundle.files
    workspace.bundles.keep_in_store(files.name, {**files.files, MANIFEST: files.manifest_bytes})


def refuse_without_reason(why: str) -> None:
    """Refuse a change that nobody gives a reason for.

    Raises:
        UsageError: the text is empty.
    """
    if not why.strip():
        raise UsageError("A change of the registry needs a reason.", remedy='Give --why "…".')


def _unchanged(seen: RegistryState, name: str, why: str) -> Callable[[RegistryState], None]:
    def fits(state: RegistryState) -> None:
        still_over(seen.champion)(state)
        refuse_unfit(state, name, why)

    return fits


def refuse_unfit(state: RegistryState, name: str, why: str) -> None:
    """Refuse a bundle that cannot become champion, and a change without a reason.

    Raises:
        UsageError: it is the champion already, or retired; or no reason is given.
    """
    refuse_without_reason(why)
    if name == state.champion:
        raise UsageError(f"{name} is the champion already.", remedy="Nothing needs to be done.")
    if name in state.retired:
        raise UsageError(f"{name} is retired.", remedy="Choose another bundle, or train one.")
