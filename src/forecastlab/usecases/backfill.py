"""Forecasts made in hindsight, after the bundle's cut-off: marked so, and in their own place.

Before its cut-off a bundle is never asked: it has seen what came after. There the out-of-fold
forecasts that it carries are shown, labelled `oof`, and nothing is stored.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from forecastlab.contracts import keys
from forecastlab.contracts.candles import Market
from forecastlab.contracts.errors import DataError, PreconditionFailed, UsageError
from forecastlab.contracts.intervals import (
    DURATION,
    Interval,
    asof_name,
    last_closed_open,
    parse_asof,
)
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import Probabilities, RunReport
from forecastlab.usecases.champion import Chosen, choose
from forecastlab.usecases.predict import make_record
from forecastlab.usecases.publish import sealed_asofs
from forecastlab.usecases.serving_window import read_market, serving_window
from forecastlab.usecases.stored_oof import stored_oof
from forecastlab.usecases.update import serving_needs, update
from forecastlab.usecases.workspace import Workspace

Result = Literal["filled", "sealed_live", "filled_before", "refused", "oof"]
Mode = Literal["missing", "failed", "all"]


@dataclass(frozen=True)
class BackfillRow:
    """What became of one as-of.

    `reason` says why it was refused; `oof` holds the stored out-of-fold probabilities by candidate.
    """

    asof: str
    result: Result
    reason: str = ""
    oof: dict[str, Probabilities] = field(default_factory=dict)


@dataclass(frozen=True)
class BackfillRequest:
    """The as-ofs [first, last], which of them (`missing`: neither sealed nor filled), a bundle.

    `failed` takes those with a failed attempt in the runs; `all` takes every date that is not
    filled yet, sealed ones too, so that hindsight can be laid beside what was said.
    """

    first: str
    last: str
    mode: Mode = "missing"
    bundle: str | None = None


def backfill(workspace: Workspace, request: BackfillRequest) -> tuple[BackfillRow, ...]:
    """Forecast past as-ofs with one bundle, from the candles now in force; show `oof` before it.

    Raises:
        UsageError: the span is empty or reaches into the future.
    """
    workspace.check_pin()
    chosen = choose(workspace, request.bundle)
    interval = chosen.bundle.needed.interval
    first, last = _span(workspace, request, interval)
    cut_off = parse_asof(chosen.bundle.files.manifest.training.cut_off, interval)
    candle = DURATION[interval]
    asofs = [first + i * candle for i in range((last - first) // candle + 1)]
    before = [asof_name(asof, interval) for asof in asofs if asof < cut_off]
    after = [asof for asof in asofs if asof >= cut_off]
    shown = _shown(chosen, before) if before else ()
    return (*shown, *fill(workspace, chosen, after, mode=request.mode))


def fill(
    workspace: Workspace, chosen: Chosen, asofs: list[datetime], *, mode: Mode
) -> tuple[BackfillRow, ...]:
    """Fill these as-ofs, as far as `mode` asks for them and their windows are whole."""
    manifest = chosen.bundle.files.manifest
    interval = manifest.interval
    passed_over = _passed_over(workspace, manifest.name, mode)
    rows = [
        BackfillRow(name, passed_over[name])
        for name in (asof_name(asof, interval) for asof in asofs)
        if name in passed_over
    ]
    todo = [asof for asof in asofs if asof_name(asof, interval) not in passed_over]
    if mode == "failed":
        failed = _failed(workspace)
        todo = [asof for asof in todo if asof_name(asof, interval) in failed]
    if todo:
        rows += _fill(workspace, chosen, todo)
    return tuple(sorted(rows, key=lambda row: row.asof))


def _shown(chosen: Chosen, asofs: list[str]) -> tuple[BackfillRow, ...]:
    found = stored_oof(chosen.bundle.files, asofs)
    nothing = "before the cut-off, and without an out-of-fold forecast"
    return tuple(
        BackfillRow(asof, "oof", oof=found[asof])
        if asof in found
        else BackfillRow(asof, "refused", nothing)
        for asof in asofs
    )


def _span(
    workspace: Workspace, request: BackfillRequest, interval: Interval
) -> tuple[datetime, datetime]:
    first, last = parse_asof(request.first, interval), parse_asof(request.last, interval)
    newest = last_closed_open(workspace.clock.now(), interval)
    if first > last or last > newest:
        raise UsageError(
            f"The span {request.first} … {request.last} is empty or reaches past the newest closed"
            f" candle {asof_name(newest, interval)}.",
            remedy="Give --from before --to, both closed.",
        )
    return first, last


def _passed_over(workspace: Workspace, bundle: str, mode: Mode) -> dict[str, Result]:
    """Return the as-ofs that need nothing, with the reason."""
    prefix = keys.backfill(workspace.deployment, bundle, "").removesuffix(".json")
    found: dict[str, Result] = {}
    if mode != "all":
        found = dict.fromkeys(sealed_asofs(workspace.store, workspace.deployment), "sealed_live")
    for key in workspace.store.list(prefix):
        found[key.removeprefix(prefix).removesuffix(".json")] = "filled_before"
    return found


def _failed(workspace: Workspace) -> set[str]:
    """Return the as-ofs of attempts that ended with an error."""
    reports = []
    for key in workspace.store.list(keys.runs(workspace.deployment)):
        found = workspace.store.get(key)
        if found is not None:
            reports.append(RunReport.parse(found.data, what=key))
    return {one.asof_date for one in reports if one.exit_code != 0 and one.asof_date is not None}


def _fill(workspace: Workspace, chosen: Chosen, todo: list[datetime]) -> list[BackfillRow]:
    needed = chosen.bundle.needed
    if workspace.lake is not None:
        update(workspace, serving_needs(needed, todo[0]))
    market = read_market(workspace.archive, needed, todo[0], todo[-1])
    rows = []
    with workspace.progress.track("backfill", len(todo)) as bar:
        for asof in todo:
            rows.append(_fill_one(workspace, chosen, market, asof))
            bar.advance()
    return rows


def _fill_one(workspace: Workspace, chosen: Chosen, market: Market, asof: datetime) -> BackfillRow:
    began, manifest = time.monotonic(), chosen.bundle.files.manifest
    name = asof_name(asof, manifest.interval)
    try:
        window = serving_window(market, chosen.bundle.needed, asof)
    except DataError as error:
        return BackfillRow(name, "refused", error.facts)
    record = make_record(
        workspace, chosen, window, created_at=workspace.clock.now(), began=began, mode="backfill"
    )
    workspace.pin_store()
    key = keys.backfill(manifest.deployment, manifest.name, name)
    try:
        workspace.store.put(key, record.stored(), if_generation=ABSENT)
    except PreconditionFailed:
        return BackfillRow(name, "filled_before")
    return BackfillRow(name, "filled")
