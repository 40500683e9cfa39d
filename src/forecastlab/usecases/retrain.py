"""Retrain on schedule: promote the challenger that has earned it, train the one that is due."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import BundleRefused, DataError, GateRefused
from forecastlab.contracts.intervals import asof_name, last_closed_open, parse_cut_off
from forecastlab.contracts.manifest import Manifest
from forecastlab.contracts.operations import Policy
from forecastlab.contracts.provenance import Provenance
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.usecases.model_versions import bundles_by_version
from forecastlab.usecases.promote import Gates, promote
from forecastlab.usecases.train import TrainRequest, train
from forecastlab.usecases.training_market import newest_at_hand
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

PERIOD: Final[dict[Policy, timedelta]] = {
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
}
"""Age of the newest bundle's cut-off at which a policy trains the next; `fixed` never does."""


@dataclass(frozen=True)
class Due:
    """Whether a version is due.

    Attributes:
        version: of a deployment that has several, or None.
        newest: the newest bundle of it that is not retired, with its cut-off; None without one.
        next_asof: the as-of from which the next is due; None where the policy never trains.
    """

    version: str | None
    newest: str | None
    cut_off: str | None
    next_asof: str | None
    is_due: bool


@dataclass(frozen=True)
class RetrainRequest:
    """A recipe, and how: though not due, in small, and whether an earlier challenger may speak."""

    recipe: Recipe
    force_due: bool = False
    quick: bool = False
    promote: bool = True


@dataclass(frozen=True)
class Retrained:
    """What was due, what was trained, and what became of the challengers that waited.

    Attributes:
        trained: names of the new challengers; they are in shadow from now on.
        promoted: the event of the challenger that speaks now, or None.
        refused: challengers that may not speak yet -> why.
    """

    policy: Policy
    due: tuple[Due, ...]
    trained: tuple[str, ...]
    promoted: RegistryEvent | None
    refused: dict[str, str]


def retrain(
    workspace: Workspace, request: RetrainRequest, provenance: Provenance, *, gates: Gates
) -> Retrained:
    """Promote the newest challenger whose gates pass now, then train each version that is due.

    A new bundle enters shadow; that it was trained never lets it speak. The order keeps a promotion
    from waiting for hours of training, or failing with it.

    Args:
        gates: of a promotion by hand; a challenger passes the same ones.

    Raises what `train` raises.
    """
    promoted, refused = _promote_waiting(workspace, gates) if request.promote else (None, {})
    due = tuple(
        _due(workspace, one, request.recipe.operations.policy) for one in request.recipe.versions
    )
    trained = tuple(
        train(
            workspace,
            TrainRequest(recipe, quick=request.quick, until=until, into_store=True),
            provenance,
        ).name
        for recipe, one in zip(request.recipe.versions, due, strict=True)
        if one.is_due or request.force_due
        for until in [newest_at_hand(workspace, recipe)]
    )
    return Retrained(request.recipe.operations.policy, due, trained, promoted, refused)


def _due(workspace: Workspace, recipe: Recipe, policy: Policy) -> Due:
    """Say whether the newest bundle of a recipe's version is as old as the policy allows."""
    mine = [one for one in _bundles(workspace) if one.recipe.recipe == recipe.recipe]
    newest = max(mine, key=lambda one: (_cut_off(one), one.created_at), default=None)
    name, cut_off = (newest.name, newest.training.cut_off) if newest else (None, None)
    period = PERIOD.get(policy)
    if period is None:
        return Due(recipe.recipe, name, cut_off, None, is_due=False)
    now = newest_at_hand(workspace, recipe) or asof_name(
        last_closed_open(workspace.clock.now(), recipe.interval), recipe.interval
    )
    today = parse_cut_off(now, recipe.interval)
    at = _cut_off(newest) + period if newest else today
    return Due(recipe.recipe, name, cut_off, asof_name(at, recipe.interval), is_due=at <= today)


def _promote_waiting(
    workspace: Workspace, gates: Gates
) -> tuple[RegistryEvent | None, dict[str, str]]:
    """Promote the newest challenger of the champion's version that passes, if one does."""
    refused: dict[str, str] = {}
    state = workspace.registry.state()
    known = {one.name: one for one in _bundles(workspace)}
    champion = known.get(state.champion or "")
    if champion is None:
        return None, refused
    waiting = [
        known[name]
        for name in state.challengers
        if name in known
        and known[name].recipe.recipe == champion.recipe.recipe
        and _cut_off(known[name]) >= _cut_off(champion)
    ]
    for one in sorted(waiting, key=lambda one: (_cut_off(one), one.created_at), reverse=True):
        try:
            why = f"retrained up to {one.training.cut_off}; its gates pass"
            return promote(workspace, one.name, why=why, gates=gates), refused
        except (GateRefused, BundleRefused, DataError) as error:
            log.info("%s waits: %s", one.name, error.facts)
            refused[one.name] = error.facts
    return None, refused


def _bundles(workspace: Workspace) -> list[Manifest]:
    """Return the manifests of the deployment's bundles that are not retired and verify."""
    state = workspace.registry.state()
    first = workspace.bundles.first_champion(workspace.deployment)
    shipped = bundles_by_version(workspace) if workspace.operations.ladder else ()
    names = dict.fromkeys([*([first.name] if first else []), *shipped, *state.registered])
    found = []
    for name in names:
        if name not in state.retired:
            try:
                found.append(workspace.bundles.find(name).manifest)
            except BundleRefused as error:
                log.warning("%s is passed over: %s", name, error.facts)
    return found


def _cut_off(manifest: Manifest) -> datetime:
    return parse_cut_off(manifest.training.cut_off, manifest.interval)
