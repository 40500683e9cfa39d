"""Is a bundle fit to speak? One list of steps, from its bytes to a forecast end to end.

The same list is gone through by hand (`health`), by the morning, by `doctor`, and where a service
starts; a step that cannot be judged is never marked as passed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from forecastlab.contracts import keys
from forecastlab.contracts.bundle_files import stated_manifest
from forecastlab.contracts.canonical import Json, canonical_bytes
from forecastlab.contracts.errors import BundleRefused, PreconditionFailed, StoreUnavailable
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import utc_text
from forecastlab.usecases import bundle_checks as checks
from forecastlab.usecases.bundle_checks import FoundBundle
from forecastlab.usecases.champion import Chosen, choose, standing
from forecastlab.usecases.health_steps import HealthStep, HealthSteps, Mark
from forecastlab.usecases.model_versions import asked_version, name_for
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.regression_cases import SIDES
from forecastlab.usecases.rehearsal import Reading, rehearse_features, rehearse_forecast
from forecastlab.usecases.run_events import events
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

SCHEMA_VERSION: Final = 1

CONFIGURATION_EVENT: Final = "ml_model_configuration"
"""The event with which a service tells, once, which version of the models it speaks with."""

SIGNS: Final[Mapping[Mark, str]] = {"passed": "✓", "failed": "✗", "not_judged": "–"}
"""How a step ended -> its sign in a table."""

_WORDS: Final[Mapping[Mark, str]] = {
    "passed": "passed",
    "failed": "failed",
    "not_judged": "not judged",
}


@dataclass(frozen=True)
class Health:
    """What was found of a bundle.

    Attributes:
        bundle: its name, and `version`, `digest`, `path`: as far as they could be read.
        role: what it is to its deployment, by the registry; `first champion` before the first
            publish.
        shadow: it is a challenger, whose forecasts are compared and never published.
        override: the variable or option that chose it past the registry, or None.
        load_s: from its bytes to known answers given, as serving does it; None where refused.
        pipeline_s, forecast_s: from candles to features, and from candles to the forecast.
        opened: the bundle itself, for a service that is to serve what was examined.
        model_version: which of the deployment's versions it is, as `ML_MODEL_VERSION` and signals
            name it; `version` where the deployment has but one.
    """

    deployment: str
    bundle: str
    version: str | None
    digest: str | None
    path: str
    role: str
    shadow: bool
    override: str | None
    checked_at: datetime
    steps: tuple[HealthStep, ...]
    reading: Reading | None
    load_s: float | None
    pipeline_s: float | None
    forecast_s: float | None
    opened: OpenBundle | None = field(default=None, repr=False, compare=False)
    model_version: str | None = None

    @property
    def passed(self) -> bool:
        """Whether no step failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[HealthStep, ...]:
        """The steps that failed."""
        return tuple(step for step in self.steps if step.mark == "failed")

    @property
    def not_judged(self) -> tuple[HealthStep, ...]:
        """The steps that could not be judged."""
        return tuple(step for step in self.steps if step.mark == "not_judged")

    @property
    def summary(self) -> str:
        """How many steps passed, failed, and could not be judged."""
        counts = {mark: sum(step.mark == mark for step in self.steps) for mark in SIGNS}
        return ", ".join(f"{count} {_WORDS[mark]}" for mark, count in counts.items() if count)

    def refusal(self) -> BundleRefused:
        """Return the error that a bundle with failed steps is refused with."""
        told = " ".join(f"✗ {step.name}: {step.facts}" for step in self.failed)
        return BundleRefused(
            f"The bundle {self.bundle} is not healthy. {told}",
            remedy=next((step.remedy for step in self.failed if step.remedy), ""),
        )

    def as_document(self) -> dict[str, Json]:
        """Return the check as it is printed and stored."""
        steps: list[Json] = [asdict(step) for step in self.steps]
        plain = ("deployment", "bundle", "version", "digest", "path", "role", "shadow", "override")
        reading = None if self.reading is None else asdict(self.reading)
        if reading is not None:
            reading["degraded"] = list(reading["degraded"])
        return {
            "schema_version": SCHEMA_VERSION,
            **{name: getattr(self, name) for name in plain},
            "checked_at": utc_text(self.checked_at),
            "passed": self.passed,
            "reading": reading,
            "load_s": self.load_s,
            "pipeline_s": self.pipeline_s,
            "forecast_s": self.forecast_s,
            "steps": steps,
        }


def health(workspace: Workspace, name: str | None) -> Health:
    """Examine a bundle: the one named, or (None) the one that is to speak. Nothing is written.

    Raises:
        UsageError: there is no such version or no champion at all, or the bundle belongs to another
            deployment.
        DataMalformed: the registry cannot be read.
    """
    steps, began = HealthSteps(), time.monotonic()
    opening = _opened_by_serving(workspace, name)
    chosen, load_s = opening.chosen, round(time.monotonic() - began, 4)
    at = _where(workspace, name, opening)
    found = steps.judge("present", at, partial(_found, workspace))
    manifest = steps.judge("manifest", found, checks.check_manifest)
    files = steps.judge("files", found, checks.check_files)
    stated = None if found is None or manifest is None else (found, manifest)
    steps.judge("names", stated, partial(checks.check_names, workspace))
    steps.judge("libraries", files, checks.check_libraries)
    bundle = steps.judge("load", files, checks.check_load)
    _judge_models(steps, bundle)
    steps.judge("serving", opening, _accepted)
    rehearsed = steps.judge("pipeline", bundle, partial(rehearse_features, workspace))
    pipeline_s = steps.done[-1].duration_s if rehearsed is not None else None
    reading = steps.judge("end_to_end", rehearsed, rehearse_forecast)
    forecast_s = steps.done[-1].duration_s if reading is not None else None
    bundle_name = at.resolve().name if isinstance(at, Path) else at
    role = _role(workspace, bundle_name)
    return Health(
        deployment=workspace.deployment,
        bundle=bundle_name,
        version=None if manifest is None else manifest.version,
        digest=None if files is None else files.digest,
        path=str(at) if found is None else found.where,
        role=role,
        shadow=role == _CHALLENGER,
        override=None if chosen is None else chosen.override,
        checked_at=workspace.wall.now(),
        steps=tuple(steps.done),
        reading=reading,
        load_s=None if chosen is None else load_s,
        pipeline_s=pipeline_s,
        forecast_s=forecast_s,
        opened=None if chosen is None else chosen.bundle,
        model_version=None if manifest is None else manifest.recipe.recipe or manifest.version,
    )


def refuse_unhealthy(workspace: Workspace) -> Health:
    """Examine the bundle that is to speak, before a service begins to answer with it.

    One event tells which version speaks, and one more each step that fails. The result is stored; a
    service that may not write to the store starts all the same.

    Raises:
        BundleRefused: a step failed; the message names each of them.
        UsageError: there is no such version, or no champion at all.
    """
    found = health(workspace, None)
    fields = {
        "event": CONFIGURATION_EVENT,
        "deployment": found.deployment,
        "model_version": found.model_version,
        "model_path": found.path,
        "bundle": found.bundle,
        "bundle_digest": found.digest,
        "healthy": found.passed,
    }
    message = "ML Model Configuration: Version=%s, Path=%s"
    events.info(message, found.model_version, found.path, extra={"fields": fields})
    for step in found.failed:
        failed = {"event": "health_step_failed", "bundle": found.bundle, "step": step.name}
        told = f"{step.name}: {step.facts} {step.remedy}".rstrip()
        events.error("%s", told, extra={"fields": failed})
    try:
        keep(workspace, found)
    except StoreUnavailable as error:
        log.warning("the health check could not be stored: %s", error)
    if not found.passed:
        raise found.refusal()
    return found


def keep(workspace: Workspace, found: Health) -> str:
    """Store a check and return its key; one of the same second stands already."""
    key = keys.health(found.deployment, found.checked_at)
    try:
        workspace.store.put(key, canonical_bytes(found.as_document()), if_generation=ABSENT)
    except PreconditionFailed:
        log.info("a health check of this second is stored already")
    return key


def daily_health(workspace: Workspace, name: str | None) -> str | None:
    """Examine what speaks once a day and store the result; None where today's is stored.

    Raises:
        BundleRefused: a step failed; the result is stored all the same.
    """
    today = keys.health(workspace.deployment, workspace.wall.now()).rpartition("T")[0]
    if workspace.store.list(today):
        return None
    found = health(workspace, name)
    keep(workspace, found)
    if not found.passed:
        raise found.refusal()
    return found.summary


def deployment_of(workspace: Workspace, name: str) -> str:
    """Return the deployment that a bundle says it belongs to; the workspace's if it does not."""
    try:
        where, files = workspace.bundles.as_found(name)
        return stated_manifest(files, where=where).deployment
    except BundleRefused:
        return workspace.deployment


@dataclass(frozen=True, eq=False)
class _Opening:
    """What came of opening a bundle as a forecast does."""

    outcome: Chosen | BundleRefused

    @property
    def chosen(self) -> Chosen | None:
        """The bundle, or None where it was refused."""
        return self.outcome if isinstance(self.outcome, Chosen) else None


def _opened_by_serving(workspace: Workspace, name: str | None) -> _Opening:
    try:
        return _Opening(choose(workspace, name))
    except BundleRefused as error:
        return _Opening(error)


def _accepted(opening: _Opening) -> tuple[str, Chosen]:
    """Say how serving came to the bundle; what it refuses, for whatever reason, fails here."""
    chosen = opening.outcome
    if isinstance(chosen, BundleRefused):
        raise chosen
    by = "champions.toml" if chosen.first else chosen.override or "the registry"
    facts = f"opened as a forecast opens it, chosen by {by}"
    return "; ".join((facts, *chosen.degraded)), chosen


def _where(workspace: Workspace, name: str | None, opening: _Opening) -> str | Path:
    """Return the name or the folder of the bundle that is examined.

    Raises:
        BundleRefused: serving refused what it chose, and nothing says which bundle that is.
    """
    if name is not None:
        return name
    if workspace.production_dir is not None:
        return workspace.production_dir
    if opening.chosen is not None:
        return opening.chosen.bundle.files.name
    first = workspace.bundles.first_champion(workspace.deployment)
    named = standing(workspace)[0].champion or (first.name if first else None)
    if (version := asked_version(workspace)) is not None:
        named = name_for(workspace, version)
    if named is None and isinstance(opening.outcome, BundleRefused):
        raise opening.outcome
    return str(named)


def _found(workspace: Workspace, at: str | Path) -> tuple[str, FoundBundle]:
    where, files = workspace.bundles.as_found(at)
    name = at.resolve().name if isinstance(at, Path) else at
    return f"{len(files)} files in {where}", FoundBundle(where, name, files)


def _judge_models(steps: HealthSteps, bundle: OpenBundle | None) -> None:
    steps.judge("features", bundle, checks.check_features)
    steps.judge("ensemble", bundle, checks.check_ensemble)
    steps.judge("predictions", bundle, checks.check_predictions)
    steps.judge("known_answers", bundle, checks.check_known_answers)
    cases = steps.judge("cases", bundle, checks.ask_cases)
    for side in SIDES:
        steps.judge(side, cases, partial(checks.check_case, side=side))
    steps.judge("order", cases, checks.check_order)


_CHALLENGER: Final = "challenger"


def _role(workspace: Workspace, name: str) -> str:
    state, _ = standing(workspace)
    first = workspace.bundles.first_champion(workspace.deployment)
    if state.champion is None and first is not None and first.name == name:
        return "first champion"
    return state.role(name)
