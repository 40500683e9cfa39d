"""Every bundle at hand: what it is to its deployment, and what its evidence says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.records import Verdict
from forecastlab.contracts.registry import RegistryState, Role, fold
from forecastlab.usecases.workspace import Workspace

VERIFIES = "verifies"


@dataclass(frozen=True)
class ListedBundle:
    """One bundle.

    Attributes:
        deployment: its own; that of the command where the manifest cannot be read.
        verify: `verifies`, or why it does not.
        verdicts: candidate -> verdict of its walk-forward; `research_only` where a gate bars it.
    """

    name: str
    deployment: str
    role: Role
    cut_off: str | None
    recipe_digest: str | None
    verify: str
    verdicts: dict[str, Verdict | str]


def list_bundles(workspace: Workspace) -> tuple[ListedBundle, ...]:
    """Return all bundles that can be loaded, by name, each with its role in its own deployment."""

    @cache
    def state_of(deployment: str) -> RegistryState:
        return fold(workspace.registry.of(deployment).readable()[0])

    return tuple(_listed(workspace, name, state_of) for name in workspace.bundles.names())


def _listed(
    workspace: Workspace, name: str, state_of: Callable[[str], RegistryState]
) -> ListedBundle:
    try:
        manifest = workspace.bundles.find(name).manifest
    except BundleRefused as error:
        role = state_of(workspace.deployment).role(name)
        return ListedBundle(name, workspace.deployment, role, None, None, error.facts, {})
    verdicts = {
        candidate: "research_only" if entry.research_only else entry.evaluation.verdict
        for candidate, entry in manifest.candidates.items()
    }
    return ListedBundle(
        name=name,
        deployment=manifest.deployment,
        role=state_of(manifest.deployment).role(name),
        cut_off=manifest.training.cut_off,
        recipe_digest=manifest.recipe_digest,
        verify=VERIFIES,
        verdicts=verdicts,
    )
