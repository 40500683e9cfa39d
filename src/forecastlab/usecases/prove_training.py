"""The proof that a new bundle carries: L5, L6, L8 of its training, and its start-up, L7."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from forecastlab.contracts.errors import GateRefused
from forecastlab.contracts.ports import Progress
from forecastlab.evaluation.leakage.findings import CheckReport, as_document
from forecastlab.models.ensemble import Forecaster
from forecastlab.usecases.quick_recipe import quick_recipe, small
from forecastlab.usecases.training_proof import (
    QUICK,
    THOROUGH,
    WalkForward,
    prove_labels,
    prove_null,
    prove_purge,
    prove_start_up,
)


@dataclass(frozen=True)
class TrainingProof:
    """What training proved: the reports by check, and the shortest history in days.

    `shortest` is None where the market is too short to tell: then serving demands its whole window.
    """

    gates: dict[str, Any]
    shortest: int | None


def prove_training(
    walked: WalkForward,
    forecasters: Mapping[str, Forecaster],
    progress: Progress,
    *,
    quick: bool,
) -> TrainingProof:
    """Prove the walk-forward and the fits; `quick` leaves out the null controls, and says so.

    Raises:
        GateRefused: a check found something; there is no bundle then.
    """
    refits = QUICK if quick else THOROUGH
    reports = [prove_purge(walked, progress, refits), prove_labels(walked.view, walked.recipe)]
    found = prove_start_up(walked.view, walked.recipe, forecasters, progress)
    reports.append(found.report)
    if quick:
        reports.append(CheckReport("L8", 0, not_shown="the bundle was trained with --quick"))
    else:
        recipe = quick_recipe(walked.recipe, walked.view.as_of)
        learners = {name: small(one) for name, one in walked.learners.items()}
        materials = replace(walked.materials, fit_every=recipe.train.fit_every)
        reports.append(prove_null(materials, recipe, learners, progress))
    _refuse_findings(reports)
    return TrainingProof({one.check: as_document(one) for one in reports}, found.shortest)


def _refuse_findings(reports: list[CheckReport]) -> None:
    findings = [finding for one in reports for finding in one.findings]
    if findings:
        raise GateRefused(
            f"Training found {len(findings)} leak(s); the first is {findings[0].check}:"
            f" {findings[0].sentence}",
            remedy="Mend the code behind it; `forecastlab audit CONFIG` lists all.",
        )
