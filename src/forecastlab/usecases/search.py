"""The candidate search: horizons × levels, each cell scored as `train` would score it.

A finished cell is one object of the store, created once, so that a search that was stopped goes on
where it ended. The verdicts are given at the end, adjusted for the number of cells: the best of
twenty useless candidates looks good by luck.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from forecastlab.contracts import keys
from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.canonical import canonical_bytes, digest, rounded
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import ConfigError, PreconditionFailed, UsageError
from forecastlab.contracts.intervals import DURATION, asof_name
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.provenance import Provenance
from forecastlab.contracts.search import SearchCell
from forecastlab.evaluation.multiple_testing import gain_p_value
from forecastlab.evaluation.scores import LOG_LOSS, Forecasts
from forecastlab.evaluation.search_verdicts import JudgedCell, judge
from forecastlab.evaluation.skill import DEPLOYABLE
from forecastlab.evaluation.uncertainty import mean_interval
from forecastlab.models.base import Learner
from forecastlab.models.catalogue import make_learners
from forecastlab.models.first_passage import LEVEL_WEIGHTS, FirstPassage
from forecastlab.report.search_page import REPORT, SUMMARY, SearchHead, search_page, summary_table
from forecastlab.targets.reversal import NEITHER, ReversalTarget
from forecastlab.usecases.measure import measure, publish_out_of_fold, scored_forecasts
from forecastlab.usecases.quick_recipe import quick_recipe
from forecastlab.usecases.training_market import newest_at_hand, training_market
from forecastlab.usecases.training_materials import build_materials, market_digest
from forecastlab.usecases.trials import Look, record_trials, trial_entry
from forecastlab.usecases.walk_forward import OutOfFold, each_out_of_fold
from forecastlab.usecases.workspace import Workspace

HORIZONS: Final = (7, 10, 14, 21)
LEVELS: Final = (0.06, 0.08, 0.10, 0.12, 0.15)
"""The grid: days × fractions of the close."""

_RUN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class SearchRequest:
    """A recipe whose candidates are replaced by the grid.

    Attributes:
        until: the cut-off candle; None for the one that closed last, or the newest that the files
            hold.
        run: the name under `backtest/`; None for one that recipe, grid and candles determine, so
            that the same search finds its own finished cells.
    """

    recipe: Recipe
    horizons: tuple[int, ...] = HORIZONS
    levels: tuple[float, ...] = LEVELS
    until: str | None = None
    quick: bool = False
    run: str | None = None


@dataclass(frozen=True)
class Searched:
    """A complete search: where it lies, its cut-off's open, its cells in the grid's order.

    `resumed` counts the cells that were finished before.
    """

    run: str
    location: str
    cut_off: datetime
    cells: tuple[JudgedCell, ...]
    resumed: int


@dataclass(frozen=True, eq=False)
class _Plan:
    """What a search is determined by; `look` carries the grid's recipe and the candles' digest."""

    run: str
    learners: Mapping[str, Learner]
    view: MarketView
    look: Look
    quick: bool

    @property
    def recipe(self) -> Recipe:
        return self.look.recipe

    @property
    def cut_off(self) -> datetime:
        as_of: datetime = self.view.as_of
        return as_of - DURATION[self.recipe.interval]

    @property
    def inputs(self) -> str:
        return _inputs_digest(self.look, self.cut_off)


def search(workspace: Workspace, request: SearchRequest, provenance: Provenance) -> Searched:
    """Score every cell that is not finished yet, judge them together, write table and report.

    Every cell is noted in the trial ledger before it is kept.

    Raises:
        UsageError: the grid is empty, or the run's name belongs to another search.
        ConfigError: a level is out of the learners' reach.
        DataStale: the candles do not reach the cut-off.
        DataUnavailable: there is too little history.
    """
    plan = _plan(workspace, request, provenance)
    finished = _finished(workspace, plan)
    cells = dict(finished)
    for cell in _missing_cells(workspace, plan, finished):
        entry = trial_entry(plan.look, cell.candidate, cell.evaluation)
        record_trials(workspace.store, [entry])
        cells[cell.candidate] = _kept(workspace, plan, cell)
    judged = judge([cells[name] for name in plan.recipe.target.candidates])
    location = _write_report(workspace, plan, judged)
    return Searched(plan.run, location, plan.cut_off, judged, len(finished))


def _plan(workspace: Workspace, request: SearchRequest, provenance: Provenance) -> _Plan:
    recipe = _grid(request)
    learners = make_learners(recipe)
    _check_levels(request.levels, learners)
    if request.run is not None and not _RUN_NAME.fullmatch(request.run):
        raise UsageError(f"{request.run!r} is no run name.", remedy="Use letters, digits, - and _.")
    until = request.until or newest_at_hand(workspace, recipe)
    cut_off, market = training_market(workspace, recipe, until)
    look = Look(
        command="search",
        recipe=quick_recipe(recipe, cut_off) if request.quick else recipe,
        source=workspace.source_kind,
        data_digest=market_digest(market),
        created_at=workspace.wall.now(),
        git_commit=provenance.git_commit,
    )
    short = _inputs_digest(look, cut_off).removeprefix("sha256:")[:8]
    return _Plan(
        run=request.run or f"search_{cut_off:%Y%m%d}_{short}",
        learners=learners,
        view=market.as_of(cut_off + DURATION[recipe.interval]),
        look=look,
        quick=request.quick,
    )


def _grid(request: SearchRequest) -> Recipe:
    if not request.horizons or not request.levels:
        raise UsageError("The grid has no cell.", remedy="Give at least one horizon and one level.")
    names = [
        ReversalTarget(days, level).name
        for days in dict.fromkeys(request.horizons)
        for level in dict.fromkeys(request.levels)
    ]
    return _with_candidates(request.recipe, names)


def _with_candidates(recipe: Recipe, names: Sequence[str]) -> Recipe:
    target = recipe.target.model_copy(update={"candidates": tuple(names)})
    return recipe.model_copy(update={"target": target})


def _check_levels(levels: Sequence[float], learners: Mapping[str, Learner]) -> None:
    """Refuse levels that first_passage does not learn from: beyond them it would extrapolate."""
    if not any(isinstance(learner, FirstPassage) for learner in learners.values()):
        return
    lowest, highest = min(LEVEL_WEIGHTS), max(LEVEL_WEIGHTS)
    outside = [f"{level:.6g}" for level in levels if not lowest <= level <= highest]
    if outside:
        raise ConfigError(
            f"first_passage learns from levels {lowest:g} to {highest:g}, not"
            f" {', '.join(outside)}.",
            remedy="Choose levels within, or take the member out of the config.",
        )


def _inputs_digest(look: Look, cut_off: datetime) -> str:
    named = (look.recipe.digest, look.data_digest, cut_off.isoformat())
    return digest(canonical_bytes(list(named)))


def _finished(workspace: Workspace, plan: _Plan) -> dict[str, SearchCell]:
    """Read the cells that earlier runs of this search have finished."""
    found = {}
    for name in plan.recipe.target.candidates:
        key = keys.search_cell(workspace.deployment, plan.run, name)
        stored = workspace.store.get(key)
        if stored is not None:
            found[name] = SearchCell.parse(stored.data, what=key)
    other = [name for name, cell in found.items() if cell.inputs != plan.inputs]
    if other:
        raise UsageError(
            f"The search {plan.run} was begun with another recipe, grid or other candles"
            f" ({', '.join(other)}).",
            remedy="Give another --run, or leave it out.",
        )
    return found


def _missing_cells(
    workspace: Workspace, plan: _Plan, finished: Collection[str]
) -> Iterator[SearchCell]:
    """Score the cells that are not finished, horizon by horizon, each as soon as it can be."""
    names = [name for name in plan.recipe.target.candidates if name not in finished]
    if not names:
        return
    recipe = _with_candidates(plan.recipe, names)
    materials = build_materials(plan.view, recipe, plan.learners.values())
    each = each_out_of_fold(materials, recipe, plan.learners, workspace.progress)
    for _, found in each:
        yield _scored_cell(found, plan)


def _scored_cell(found: OutOfFold, plan: _Plan) -> SearchCell:
    prequential = publish_out_of_fold(found, plan.recipe, until=plan.view.as_of)
    published, references = scored_forecasts(found, prequential, plan.recipe)
    evaluation = measure(found, prequential, plan.recipe)
    target = ReversalTarget.from_name(found.candidate)
    better = [_p_value(references[name], published, target.horizon) for name in DEPLOYABLE]
    worse = _p_value(published, references[evaluation.reference], target.horizon)
    return SearchCell(
        candidate=found.candidate,
        horizon=target.horizon,
        level=target.level,
        inputs=plan.inputs,
        event_share=rounded(float((published.labels != NEITHER).mean()), 6),
        evaluation=evaluation,
        p_better=rounded(max(better), 6),
        p_worse=rounded(worse, 6),
    )


def _p_value(one: Forecasts, other: Forecasts, horizon: int) -> float:
    """Return the p value of "`other` has no lower log loss than `one`"."""
    gains = LOG_LOSS.rows(one) - LOG_LOSS.rows(other)
    return gain_p_value(mean_interval(gains, horizon=horizon), rows=len(gains))


def _kept(workspace: Workspace, plan: _Plan, cell: SearchCell) -> SearchCell:
    """Create the cell's object; where another process was faster, its cell stands."""
    key = keys.search_cell(workspace.deployment, plan.run, cell.candidate)
    try:
        workspace.store.put(key, cell.stored(), if_generation=ABSENT)
    except PreconditionFailed:
        stored = workspace.store.get(key)
        if stored is None:
            raise
        return SearchCell.parse(stored.data, what=key)
    return cell


def _write_report(workspace: Workspace, plan: _Plan, cells: Sequence[JudgedCell]) -> str:
    """Write what is derived from the cells; an older version's text gives way."""
    cut_off = asof_name(plan.cut_off, plan.recipe.interval)
    head = SearchHead(plan.run, plan.recipe.symbol, plan.look.source, cut_off, plan.quick)
    prefix = keys.backtest(workspace.deployment, plan.run)
    summary = summary_table(cells).to_csv(index=False, lineterminator="\n")
    for name, words in ((SUMMARY, summary), (REPORT, search_page(head, cells))):
        key, data = f"{prefix}{name}", words.encode()
        stored = workspace.store.get(key)
        if stored is None or stored.data != data:
            generation = ABSENT if stored is None else stored.generation
            workspace.store.put(key, data, if_generation=generation)
    return f"{workspace.store.location}/{prefix}"
