"""Which gates a promotion must pass: of a first champion, of a refit, of a changed recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forecastlab.contracts.errors import BundleRefused, GateRefused
from forecastlab.contracts.manifest import Manifest
from forecastlab.contracts.provenance import Provenance
from forecastlab.contracts.registry import RegistryState
from forecastlab.usecases.audit import promotion_gates
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.promotion.gate import Gate
from forecastlab.usecases.promotion.operations import health_gate, shadow_gate, training_gate
from forecastlab.usecases.promotion.paired import paired_gate
from forecastlab.usecases.promotion.refit import refit_gate
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class Examination:
    """The gates of a promotion, the quick ones first.

    Attributes:
        workspace: the deployment's, with the candles that forecasts are compared on.
        market: whose candles the audit reads; the simulated market's will do.
        provenance: says by which code the trial ledger's looks are.
        quick: a changed recipe walks forward in small.
    """

    workspace: Workspace
    market: Workspace
    provenance: Callable[[], Provenance]
    quick: bool = False

    def gates(self, state: RegistryState, bundle: OpenBundle) -> dict[str, Gate]:
        """Return the gates that stand between a bundle and this champion."""
        audit = promotion_gates(self.market)
        if state.champion is None:
            return audit
        operated = {"health": health_gate(self.workspace), "shadow": shadow_gate(self.workspace)}
        try:
            before = self.workspace.bundles.find(state.champion).manifest
        except BundleRefused as error:
            return {**operated, **audit, "comparison": _nothing_to_compare(error)}
        compared = self._comparison(before, bundle)
        return {"training": training_gate(before), **operated, **audit, **compared}

    def _comparison(self, before: Manifest, bundle: OpenBundle) -> dict[str, Gate]:
        """Return how the bundle is compared with the champion."""
        if is_refit(bundle.files.manifest, before):
            return {"refit": refit_gate(self.workspace, before.name)}
        paired = paired_gate(self.workspace, before.recipe, self.provenance, quick=self.quick)
        return {"walk_forward": paired}


def is_refit(challenger: Manifest, champion: Manifest) -> bool:
    """Say whether two bundles were learnt by one recipe, whatever its thresholds and policies."""
    return challenger.recipe_digest == champion.recipe_digest


def _nothing_to_compare(error: BundleRefused) -> Gate:
    def check(_: OpenBundle) -> Mapping[str, Any]:
        raise GateRefused(
            f"The champion cannot be compared with: {error.facts}",
            remedy="Restore it, roll back, or promote with --force.",
        )

    return check
