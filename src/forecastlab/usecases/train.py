"""Train a bundle: walk-forward, prequential choice, evidence, final fit, known answers, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from forecastlab.contracts.bundle_files import verified
from forecastlab.contracts.candles import Market
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.manifest import EvaluationEntry, Manifest
from forecastlab.contracts.provenance import Provenance
from forecastlab.contracts.registry import fold
from forecastlab.evaluation.ablation import Ablation
from forecastlab.models.catalogue import make_learners
from forecastlab.models.prequential import Prequential
from forecastlab.models.rule import Rule
from forecastlab.usecases.ablation import ablate_members
from forecastlab.usecases.bundle_making import BundleParts, make_bundle
from forecastlab.usecases.context_training import train_context
from forecastlab.usecases.evidence import evidence_table
from forecastlab.usecases.final_fit import final_fit
from forecastlab.usecases.measure import measure, publish_out_of_fold
from forecastlab.usecases.open_bundle import open_bundle
from forecastlab.usecases.promote import register
from forecastlab.usecases.prove_training import prove_training
from forecastlab.usecases.quick_recipe import quick_recipe
from forecastlab.usecases.training_market import training_market
from forecastlab.usecases.training_materials import build_materials, market_digest
from forecastlab.usecases.training_proof import WalkForward
from forecastlab.usecases.trials import Look, record_trials, trial_entry
from forecastlab.usecases.version_scores import SEEDS, signal_evidence
from forecastlab.usecases.walk_forward import out_of_fold
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class TrainRequest:
    """A recipe, the cut-off candle (None: the candle that closed last), and whether in small.

    `into_store` keeps the bundle in the store, where other machines find it.
    """

    recipe: Recipe
    until: str | None = None
    quick: bool = False
    into_store: bool = False


@dataclass(frozen=True)
class Trained:
    """The new bundle: its name, where it lies, and its manifest."""

    name: str
    location: str
    manifest: Manifest


def train(workspace: Workspace, request: TrainRequest, provenance: Provenance) -> Trained:
    """Train, verify what was made, keep it, and register it; it does not speak until promoted.

    Bundles of the simulated market go to the store; others to the folder of shipped bundles.

    Raises:
        UsageError: the cut-off is in the future.
        DataStale: the candles do not reach the cut-off.
        DataUnavailable: there is too little history.
        GateRefused: the training leaks, or finds skill where there is none.
    """
    cut_off, market = training_market(workspace, request.recipe, request.until)
    recipe = quick_recipe(request.recipe, cut_off) if request.quick else request.recipe
    learners = make_learners(recipe)
    view = market.as_of(cut_off + DURATION[recipe.interval])
    materials = build_materials(view, recipe, learners.values())
    found = out_of_fold(materials, recipe, learners, workspace.progress)
    walked = WalkForward(view, materials, recipe, learners, found)
    published = {name: _published(walked, name) for name in found}
    rules = {name: one.rule for name, one in published.items()}
    fitted = final_fit(materials, recipe, learners, rules, workspace.progress)
    evaluations = {name: measure(found[name], published[name].whole, recipe) for name in found}
    _note_looks(workspace, recipe, market, evaluations, provenance)
    parts = BundleParts(
        recipe=recipe,
        quick=request.quick,
        cut_off=cut_off,
        market=market,
        view=view,
        materials=materials,
        learners=learners,
        forecasters=fitted,
        evaluations=evaluations,
        evidence={name: evidence_table(found[name], published[name].whole) for name in found},
        source=workspace.source_kind,
        context=train_context(view, recipe, workspace.progress),
        ablations={name: one.ablation for name, one in published.items()},
        proof=prove_training(walked, fitted, workspace.progress, quick=request.quick),
        signal=signal_evidence(
            *(view, recipe, materials, learners, workspace.progress),
            seeds=2 if request.quick else SEEDS,
        ),
    )
    return _keep(workspace, parts, provenance, into_store=request.into_store)


@dataclass(frozen=True, eq=False)
class _Published:
    """What stands above one candidate's members.

    Attributes:
        whole: what is published with all members, block by block; this is scored.
        ablation: what it loses without each of them.
        rule: the rule at the end, of the members that it needs; this is served.
    """

    whole: Prequential
    ablation: Ablation
    rule: Rule


def _published(walked: WalkForward, candidate: str) -> _Published:
    """Publish one candidate's walk-forward, and settle which members its rule needs.

    Which ones it needs is read off all resolved days, so it may shape what is served from now on,
    and never what is scored: that was published with all of them.
    """
    found, until = walked.found[candidate], walked.materials.until
    published = publish_out_of_fold(found, walked.recipe, until=until)
    ablation = ablate_members(found, published, walked.recipe, until=until)
    if not ablation.dropped:
        return _Published(published, ablation, published.rule)
    kept = {name: one for name, one in found.members.items() if name not in ablation.dropped}
    left = publish_out_of_fold(replace(found, members=kept), walked.recipe, until=until)
    return _Published(published, ablation, left.rule)


def _note_looks(
    workspace: Workspace,
    recipe: Recipe,
    market: Market,
    evaluations: Mapping[str, EvaluationEntry],
    provenance: Provenance,
) -> None:
    """Note in the trial ledger that the scored days have been looked at."""
    look = Look(
        "train",
        recipe,
        workspace.source_kind,
        market_digest(market),
        workspace.wall.now(),
        provenance.git_commit,
    )
    entries = [trial_entry(look, name, one) for name, one in evaluations.items()]
    record_trials(workspace.store, entries)


def _keep(
    workspace: Workspace, parts: BundleParts, provenance: Provenance, *, into_store: bool
) -> Trained:
    """Name the bundle, write its files, load it back as serving will, keep and register it."""
    name = _free_name(workspace, parts)
    files = make_bundle(parts, name, provenance, created_at=workspace.wall.now())
    bundle = open_bundle(verified(files, where=name))
    in_store = into_store or workspace.source_kind == "simulated"
    keep = workspace.bundles.keep_in_store if in_store else workspace.bundles.keep_in_folder
    location = keep(name, files)
    register(workspace, bundle, why=f"trained up to {parts.cut_off:%Y-%m-%d}")
    return Trained(name, location, bundle.files.manifest)


def _free_name(workspace: Workspace, parts: BundleParts) -> str:
    """Return `<deployment>[_<version>]_<cut-off>`, with `_2`, `_3`, … where taken.

    The registry may know bundles that lie on another machine.
    """
    base = f"{parts.recipe.bundle_name}_{parts.cut_off:%Y%m%d}"
    known = fold(workspace.registry.readable()[0]).registered
    number, name = 1, base
    while name in known or workspace.bundles.taken(name):
        number += 1
        name = f"{base}_{number}"
    return name
