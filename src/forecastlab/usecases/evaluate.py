"""Evaluate a recipe: walk-forward, every score with its interval, verdicts, ledger, report."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd

from forecastlab.contracts import keys
from forecastlab.contracts.bundle_files import BundleFiles, file_entry
from forecastlab.contracts.candles import Market, MarketView
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataUnavailable, UsageError
from forecastlab.contracts.intervals import DURATION, asof_name
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.provenance import Provenance
from forecastlab.contracts.verdicts import (
    FOLDS,
    META,
    OOF,
    REPORT,
    VERDICT,
    BacktestMeta,
    CandidateVerdict,
    VerdictFile,
)
from forecastlab.models.catalogue import make_learners
from forecastlab.models.prequential import Prequential
from forecastlab.report.evaluation_page import evaluation_page
from forecastlab.report.series import CandidateSeries
from forecastlab.usecases.candidate_verdict import Examined, examine
from forecastlab.usecases.evidence import evidence_bytes, evidence_table
from forecastlab.usecases.kept_walk_forward import kept_walk_forward
from forecastlab.usecases.measure import measure, publish_out_of_fold
from forecastlab.usecases.quick_recipe import quick_recipe
from forecastlab.usecases.training_market import newest_at_hand, training_market
from forecastlab.usecases.training_materials import build_materials, market_digest
from forecastlab.usecases.trials import (
    Look,
    count_looks,
    read_trials,
    record_trials,
    trial_entry,
)
from forecastlab.usecases.walk_forward import OutOfFold, out_of_fold
from forecastlab.usecases.workspace import Workspace

_RUN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class EvaluateRequest:
    """A recipe, the cut-off candle, and the run's name.

    Without a cut-off it is the candle that closed last, or the newest one that the files hold.
    Without a name the run is called `<recipe>_<cut-off>`, with `_2`, `_3`, … where taken. With a
    bundle, its recipe is taken and the walk-forward that it keeps, and nothing is fitted.
    """

    recipe: Recipe
    until: str | None = None
    quick: bool = False
    run: str | None = None
    bundle: BundleFiles | None = None


Walked = Mapping[str, tuple[OutOfFold, Prequential]]
"""Candidate -> what each member forecast out of fold, and what was published of it."""


@dataclass(frozen=True)
class Evaluated:
    """A finished evaluation: where it lies, and what it found."""

    location: str
    verdicts: VerdictFile


def evaluate(workspace: Workspace, request: EvaluateRequest, provenance: Provenance) -> Evaluated:
    """Walk forward as `train` does, write the run under `backtest/`, note the look in the ledger.

    Nothing is fitted for later use, and no bundle is made.

    Raises:
        UsageError: the cut-off is in the future, or the run's name is taken.
        DataStale: the candles do not reach the cut-off.
        DataUnavailable: there is too little history, or too few days have resolved.
        DataMalformed: a member gave values that are no probabilities.
    """
    began = time.monotonic()
    if request.run is not None:
        demand_free(workspace, request.run)
    until = request.until or newest_at_hand(workspace, request.recipe)
    cut_off, market = training_market(workspace, request.recipe, until)
    small = request.quick and request.bundle is None
    recipe = quick_recipe(request.recipe, cut_off) if small else request.recipe
    view = market.as_of(cut_off + DURATION[recipe.interval])
    if request.bundle is None:
        walked = _walk(workspace, recipe, view)
    else:
        _refuse_other_candles(request.bundle, market)
        walked = kept_walk_forward(request.bundle, cut_off)
    examined = _examined(walked, recipe, view)
    look = Look(
        command="evaluate",
        recipe=recipe,
        source=workspace.source_kind,
        data_digest=market_digest(market),
        created_at=workspace.wall.now(),
        git_commit=provenance.git_commit,
    )
    verdicts, series = _judged(workspace, examined, look)
    document = VerdictFile(
        run=request.run or free_run(workspace, recipe.bundle_name, cut_off),
        deployment=workspace.deployment,
        symbol=recipe.symbol,
        interval=recipe.interval,
        recipe_digest=recipe.digest,
        quick=request.quick,
        source=look.source,
        data_digest=look.data_digest,
        first_open=asof_name(_first_open(market, recipe), recipe.interval),
        cut_off=asof_name(cut_off, recipe.interval),
        candidates=verdicts,
    )
    files = _files(document, series, examined)
    meta = _meta(document, look, provenance, files, time.monotonic() - began)
    location = _keep(workspace, document, {**files, META: meta.stored()})
    return Evaluated(location, document)


def of_bundle(files: BundleFiles) -> EvaluateRequest:
    """Return the request to evaluate what a bundle keeps as evidence."""
    manifest = files.manifest
    quick = bool(manifest.gates.get("quick"))
    return EvaluateRequest(manifest.recipe, manifest.training.cut_off, quick=quick, bundle=files)


def _walk(workspace: Workspace, recipe: Recipe, view: MarketView) -> Walked:
    learners = make_learners(recipe)
    materials = build_materials(view, recipe, learners.values())
    found = out_of_fold(materials, recipe, learners, workspace.progress)
    return {
        name: (one, publish_out_of_fold(one, recipe, until=view.as_of))
        for name, one in found.items()
    }


def _refuse_other_candles(files: BundleFiles, market: Market) -> None:
    known = files.manifest.training.data_digest
    if market_digest(market) != known:
        raise DataUnavailable(
            f"The candles at hand are not those that {files.name} was trained on.",
            remedy="Name the --source that it was trained from, or evaluate its recipe instead.",
        )


def _examined(walked: Walked, recipe: Recipe, view: MarketView) -> dict[str, Examined]:
    candles = {one: view.candles(one, recipe.interval) for one in recipe.train.symbols}
    return {
        name: Examined(found, published, measure(found, published, recipe), candles)
        for name, (found, published) in walked.items()
    }


def _judged(
    workspace: Workspace, examined: Mapping[str, Examined], look: Look
) -> tuple[dict[str, CandidateVerdict], dict[str, CandidateSeries]]:
    """Note the looks before anything is said of them, then examine each candidate."""
    entries = {name: trial_entry(look, name, one.evaluation) for name, one in examined.items()}
    record_trials(workspace.store, entries.values())
    ledger = read_trials(workspace.store)
    verdicts, series = {}, {}
    with workspace.progress.track("score", len(examined)) as bar:
        for name, one in examined.items():
            looks = count_looks(ledger, entries[name])
            verdicts[name], series[name] = examine(one, look.recipe, looks=looks)
            bar.advance()
    return verdicts, series


def _files(
    document: VerdictFile,
    series: Mapping[str, CandidateSeries],
    examined: Mapping[str, Examined],
) -> dict[str, bytes]:
    evidence = {name: evidence_table(one.found, one.prequential) for name, one in examined.items()}
    return {
        OOF: evidence_bytes(evidence),
        VERDICT: document.stored(),
        REPORT: evaluation_page(document, series).encode(),
        **{f"{name}/{FOLDS}": _fold_csv(examined[name], one.folds) for name, one in series.items()},
    }


def _meta(
    document: VerdictFile,
    look: Look,
    provenance: Provenance,
    files: Mapping[str, bytes],
    duration_s: float,
) -> BacktestMeta:
    return BacktestMeta(
        run=document.run,
        deployment=document.deployment,
        created_at=look.created_at,
        duration_s=round(duration_s, 3),
        git_commit=provenance.git_commit,
        python=provenance.python,
        packages=dict(provenance.packages),
        recipe=look.recipe,
        recipe_digest=document.recipe_digest,
        quick=document.quick,
        source=document.source,
        data_digest=document.data_digest,
        files={name: file_entry(data) for name, data in sorted(files.items())},
    )


def _fold_csv(one: Examined, table: pd.DataFrame) -> bytes:
    """Write the fold table with each fold's refit and days; an undetermined score is empty."""
    folds = [fold for fold in one.found.folds if fold.number in table.index]
    dated = table.assign(
        refit=[fold.refit.strftime("%Y-%m-%dT%H:%MZ") for fold in folds],
        first=[str(fold.first_open.date()) for fold in folds],
        last=[str(fold.last_open.date()) for fold in folds],
    )
    front = ["refit", "first", "last"]
    ordered = dated[[*front, *table.columns]]
    return ordered.to_csv(float_format="%.6g", lineterminator="\n").encode()


def _first_open(market: Market, recipe: Recipe) -> datetime:
    of = (recipe.symbol, recipe.interval)
    own = next(one for one in market.series() if (one.symbol, one.interval) == of)
    first: pd.Timestamp = own.frame.index[0]
    return first.to_pydatetime()


def demand_free(workspace: Workspace, run: str) -> None:
    """Refuse a name that is none, or that another run has.

    Raises:
        UsageError: it is no name, or taken.
    """
    if not _RUN_NAME.fullmatch(run):
        raise UsageError(f"{run!r} is no run name.", remedy="Use letters, digits, - and _.")
    if workspace.store.list(keys.backtest(workspace.deployment, run)):
        raise UsageError(
            f"The run {run} is already in {workspace.store.location}.",
            remedy="Choose another --run, or leave it out.",
        )


def free_run(workspace: Workspace, recipe: str, cut_off: datetime) -> str:
    """Return `<recipe>_<cut-off>`, with `_2`, `_3`, … where taken."""
    base = f"{recipe}_{cut_off:%Y%m%d}"
    number, run = 1, base
    while workspace.store.list(keys.backtest(workspace.deployment, run)):
        number += 1
        run = f"{base}_{number}"
    return run


def _keep(workspace: Workspace, document: VerdictFile, files: Mapping[str, bytes]) -> str:
    """Create the run's files, `meta.json` last, and return where they lie."""
    prefix = keys.backtest(document.deployment, document.run)
    for name, data in files.items():
        workspace.store.put(f"{prefix}{name}", data, if_generation=ABSENT)
    return f"{workspace.store.location}/{prefix}"
