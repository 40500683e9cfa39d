"""Audit a recipe or a bundle for leaks; the same checks are the gate of a promotion."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles, Market, MarketView
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import GateRefused
from forecastlab.contracts.intervals import DURATION, Interval, last_closed_open
from forecastlab.contracts.ports import CandleSource
from forecastlab.evaluation.leakage.availability import (
    Input,
    availability,
    candles_of,
    rows_of,
)
from forecastlab.evaluation.leakage.findings import (
    AuditReport,
    Check,
    CheckReport,
    Finding,
    as_document,
    from_document,
    joined,
)
from forecastlab.evaluation.leakage.poison import poison
from forecastlab.evaluation.leakage.truncation import RTOL, truncation
from forecastlab.models.catalogue import make_learners
from forecastlab.models.ensemble import Forecaster
from forecastlab.usecases.audit_subjects import (
    all_rows,
    feature_subjects,
    forecast_subject,
    sampled_rows,
)
from forecastlab.usecases.final_fit import final_fit
from forecastlab.usecases.measure import publish_out_of_fold
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.promotion.gate import Gate
from forecastlab.usecases.quick_recipe import quick_recipe
from forecastlab.usecases.training_materials import (
    Materials,
    build_materials,
    read_training_market,
)
from forecastlab.usecases.training_proof import (
    WalkForward,
    prove_labels,
    prove_purge,
    prove_start_up,
)
from forecastlab.usecases.update import training_needs, update
from forecastlab.usecases.walk_forward import make_folds, out_of_fold
from forecastlab.usecases.workspace import Workspace

INTRADAY_DAYS: Final = 1200
"""Days of an intraday market that are tested: the start-up needs as-ofs of two years, each with a
serving window before it, and the quick recipe a walk-forward behind two years. The features' code
is the same in every year, and eight years of hours take seven times as long."""

NOT_AUDITED: Final = "train repeats the walk-forward on shuffled labels and stores what it found"


@dataclass(frozen=True)
class Depth:
    """How many as-ofs each check takes.

    Attributes:
        borders: fold borders, for L1; None for all.
        random: instants drawn at any hour, for L1 as well.
        poisoned: as-ofs of L2; each pass tests all rows before it.
        forecasts: as-ofs of the cuts of L3; half as many are poisoned.
    """

    borders: int | None
    random: int
    poisoned: int
    forecasts: int


AUDIT: Final = Depth(borders=None, random=16, poisoned=4, forecasts=8)
GATE: Final = Depth(borders=12, random=8, poisoned=2, forecasts=4)
"""A promotion tests every column as well, at fewer as-ofs: it should take seconds."""


@dataclass(frozen=True, eq=False)
class _Bench:
    """Everything that the checks need: candles, the recipe, fitted forecasters, as-ofs."""

    workspace: Workspace
    recipe: Recipe
    market: Market
    view: MarketView
    forecasters: Mapping[str, Forecaster]
    borders: tuple[datetime, ...]
    depth: Depth

    @property
    def random(self) -> list[datetime]:
        """Return instants at any hour between the first and the last as-of."""
        first, last = self.borders[0], self.view.as_of
        hours = int((last - first) / timedelta(hours=1))
        drawn = np.random.default_rng(self.recipe.train.seed).integers(
            hours, size=self.depth.random
        )
        return [first + timedelta(hours=int(hour)) for hour in np.sort(drawn)]

    def spread(self, count: int | None) -> list[datetime]:
        """Return `count` of the borders (None: all), from the first to the last, evenly."""
        places = np.linspace(0, len(self.borders) - 1, count or len(self.borders))
        return [self.borders[int(place)] for place in places]


def audit_recipe(workspace: Workspace, recipe: Recipe) -> AuditReport:
    """Prove a recipe's code: L1, L2 and L4 on its features, L3, L5, L6 and L7 on a quick fit.

    Raises:
        DataUnavailable: there is too little history.
    """
    began = time.monotonic()
    market, last_open = _read(workspace, recipe)
    quick = quick_recipe(recipe, last_open)
    view = market.as_of(last_open + DURATION[recipe.interval])
    learners = make_learners(quick)
    materials = build_materials(view, quick, learners.values())
    found = out_of_fold(materials, quick, learners, workspace.progress)
    walked = WalkForward(view, materials, quick, learners, found)
    rules = {
        name: publish_out_of_fold(one, quick, until=materials.until).rule
        for name, one in found.items()
    }
    forecasters = final_fit(materials, quick, learners, rules, workspace.progress)
    bench = _bench(workspace, recipe, market, view, forecasters, AUDIT)
    checks = (
        *_checks(bench, list(_training_rows(materials, walked, recipe.interval))),
        prove_purge(walked, workspace.progress),
        prove_labels(view, recipe),
        prove_start_up(view, recipe, forecasters, workspace.progress).report,
        CheckReport("L8", 0, not_shown=NOT_AUDITED),
    )
    return AuditReport(recipe.name, checks, _since(began))


def audit_bundle(workspace: Workspace, bundle: OpenBundle) -> AuditReport:
    """Prove a bundle's features and models; L5, L6 and L8 are read from its evidence.

    Raises:
        BundleRefused: its evidence is unreadable.
        DataUnavailable: there is too little history.
    """
    began, gates = time.monotonic(), bundle.files.manifest.gates
    trained: tuple[Check, ...] = ("L5", "L6", "L8")
    evidence = [_evidence(check, gates) for check in trained]
    checks = sorted((*_proved(workspace, bundle, AUDIT), *evidence), key=lambda one: one.check)
    return AuditReport(bundle.files.name, tuple(checks), _since(began))


def promotion_gates(workspace: Workspace) -> dict[str, Gate]:
    """Return the gate of a promotion: L1–L4 and L7 on the candles of `workspace`."""

    def leaks(bundle: OpenBundle) -> Mapping[str, Any]:
        checks = _proved(workspace, bundle, GATE)
        refuse_findings(AuditReport(bundle.files.name, checks, 0.0))
        return {one.check: as_document(one) for one in checks}

    return {"audit": leaks}


def refuse_findings(report: AuditReport) -> None:
    """Raise if anything was found.

    Raises:
        GateRefused: names the first finding and counts the others.
    """
    if report.findings:
        first = report.findings[0]
        raise GateRefused(
            f"The audit of {report.subject} has {len(report.findings)} finding(s); the first is"
            f" {first.check}: {first.sentence}",
            remedy="Mend the code behind it; `forecastlab audit` lists every finding.",
        )


def _proved(workspace: Workspace, bundle: OpenBundle, depth: Depth) -> tuple[CheckReport, ...]:
    manifest = bundle.files.manifest
    market, last_open = _read(workspace, manifest.recipe)
    view = market.as_of(last_open + DURATION[manifest.interval])
    bench = _bench(workspace, manifest.recipe, market, view, bundle.forecasters, depth)
    start_up = prove_start_up(
        view,
        manifest.recipe,
        bundle.forecasters,
        workspace.progress,
        window=manifest.serving.shortest,
    )
    return (*_checks(bench, []), start_up.report)


def _checks(bench: _Bench, training: Iterable[Input]) -> tuple[CheckReport, ...]:
    """Return L1 to L4."""
    progress, seed = bench.workspace.progress, bench.recipe.train.seed
    sets = [name for one in bench.forecasters.values() for name in one.feature_sets]
    features = feature_subjects(bench.recipe, sets)
    cuts, poisons, whole = [], [], []
    as_ofs = sorted({*bench.spread(bench.depth.borders), *bench.random})
    with progress.track("L1, L2 features", len(features)) as bar:
        for subject in features:
            cuts.append(truncation(subject, bench.view, as_ofs))
            poisons.append(
                poison(subject, bench.view, bench.spread(bench.depth.poisoned), seed=seed)
            )
            bar.advance()
    cut_at, poisoned_at = (
        bench.spread(n) for n in (bench.depth.forecasts, bench.depth.forecasts // 2)
    )
    with progress.track("L3 forecasts", 2) as bar:
        daily = bench.recipe.interval == "1d"
        asked = all_rows if daily else sampled_rows(cut_at + poisoned_at, bench.recipe.interval)
        subject = forecast_subject(bench.recipe, bench.forecasters, asked=asked)
        whole.append(truncation(subject, bench.view, cut_at, check="L3"))
        bar.advance()
        whole.append(poison(subject, bench.view, poisoned_at, seed=seed, check="L3", rtol=RTOL))
        bar.advance()
    inputs = [*_inputs(bench, as_ofs), *training]
    return joined("L1", cuts), joined("L2", poisons), joined("L3", whole), availability(inputs)


def _inputs(bench: _Bench, as_ofs: Iterable[datetime]) -> Iterator[Input]:
    """Yield what the source handed out, and what each as-of view shows of it."""
    for one in bench.market.series():
        name = f"source: {one.symbol} {one.interval}"
        yield Input(name, one.symbol, one.interval, one.frame.index, bench.view.as_of)
    for as_of in as_ofs:
        yield from candles_of("as-of view", bench.market.as_of(as_of), as_of)


def _training_rows(
    materials: Materials, walked: WalkForward, interval: Interval
) -> Iterator[Input]:
    """Yield the feature and variance rows that each refit is given."""
    candidate = next(iter(walked.found))
    for fold in walked.folds:
        training = materials.training_set(candidate, fold)
        for name, table in training.features.items():
            yield from rows_of(f"training rows of {name}", table, interval, fold.refit)
        yield from rows_of("training variances", training.daily, interval, fold.refit)


def _read(workspace: Workspace, recipe: Recipe) -> tuple[Market, datetime]:
    """Return all candles of the recipe's symbols, and the open of the newest daily one."""
    last_open = last_closed_open(workspace.clock.now(), recipe.interval)
    archive = workspace.archive
    if workspace.source_kind == "simulated":
        archive = _Straight(workspace.source)
    elif workspace.lake is not None:
        update(workspace, training_needs(recipe))
    newest = archive.read(recipe.symbol, recipe.interval, None, last_open).last_open
    market = read_training_market(archive, recipe, newest, workspace.progress)
    return (market if recipe.interval == "1d" else _recent(market, newest)), newest


def _recent(market: Market, newest: datetime) -> Market:
    """Return the market without the candles that opened more than `INTRADAY_DAYS` before."""
    first = pd.Timestamp(newest - timedelta(days=INTRADAY_DAYS))
    kept = [
        Candles(one.symbol, one.interval, one.frame.loc[one.frame.index >= first])
        for one in market.series()
    ]
    return market.with_series(kept)


@dataclass(frozen=True)
class _Straight:
    """A source as an archive: what is drawn anew each time needs no store."""

    source: CandleSource

    def read(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        """Return the source's candles."""
        return self.source.fetch(symbol, interval, first_open, last_open)


def _bench(
    workspace: Workspace,
    recipe: Recipe,
    market: Market,
    view: MarketView,
    forecasters: Mapping[str, Forecaster],
    depth: Depth,
) -> _Bench:
    newest = view.as_of - DURATION[recipe.interval]
    first = min(one.frame.index[0] for one in market.series() if len(one))
    borders = tuple(
        fold.refit for fold in make_folds(recipe, newest) if pd.Timestamp(fold.refit) > first
    )
    return _Bench(workspace, recipe, market, view, forecasters, borders, depth)


def _evidence(check: Check, gates: Mapping[str, Any]) -> CheckReport:
    """Return what training proved and stored; that it stored nothing is a finding."""
    if check in gates:
        return from_document(check, gates[check])
    sentence = f"the bundle holds no evidence of {check}; train it again."
    return CheckReport(check, 0, (Finding(check, "evidence", None, None, None, sentence),))


def _since(began: float) -> float:
    return round(time.monotonic() - began, 1)
