"""Ask every challenger what the champion was asked, after the record is sealed, beside it.

A challenger is handed a workspace of which nothing can be written, and the candles. What it says
goes into one document, through a store that can create keys of the shadow alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from forecastlab.contracts import keys
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import (
    DataMalformed,
    ForecastLabError,
    PreconditionFailed,
    UsageError,
)
from forecastlab.contracts.intervals import DURATION, parse_asof
from forecastlab.contracts.manifest import MANIFEST, Manifest
from forecastlab.contracts.operations import ShadowTable
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import BundleReference, ForecastRecord, Mode
from forecastlab.contracts.shadow import ShadowChallenger, ShadowChampion, ShadowDocument
from forecastlab.usecases.ladder import inputs_at, step_down
from forecastlab.usecases.laddered import fetch_what_is_there
from forecastlab.usecases.model_versions import in_shadow
from forecastlab.usecases.publish import newest_sealed
from forecastlab.usecases.serving_window import Needed, ServingWindow, read_market, serving_window
from forecastlab.usecases.shadow_answer import shadow_answers
from forecastlab.usecases.time_budget import within
from forecastlab.usecases.update import Need, serving_needs, update
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Sealed:
    """The record that challengers are asked beside, and the digest of its stored bytes."""

    record: ForecastRecord
    digest: str


def run_shadow(workspace: Workspace, asof: str | None = None) -> str | None:
    """Ask the challengers beside a sealed record and keep what they say; return what was done.

    The newest `operations.shadow.newest` challengers are asked, each for `budget_s` at most; those
    below the champion on its ladder only where places are left. When one has not answered in time,
    the rest are not asked. None: there is no challenger, or the
    document is there already.

    Args:
        asof: a sealed as-of (None: the newest).

    Raises:
        UsageError: nothing is sealed there.
        StoreUnavailable: the store cannot be read or written.
    """
    workspace.check_pin()
    sealed = _sealed(workspace, asof)
    record, deployment = sealed.record, workspace.deployment
    key = keys.shadow(deployment, record.asof_date)
    registered = workspace.registry.state()
    if not registered.challengers or workspace.store.get(key) is not None:
        return None
    references = [
        BundleReference(name=name, digest=registered.registered[name])
        for name in in_shadow(workspace, registered)
    ]
    created_at = workspace.clock.now()
    asked = _ask_all(workspace, record, references, workspace.operations.shadow)
    document = ShadowDocument(
        deployment=deployment,
        symbol=record.symbol,
        interval=record.interval,
        asof_date=record.asof_date,
        as_of=record.as_of,
        created_at=created_at,
        mode=_mode(workspace, record, created_at),
        champion=ShadowChampion.of(record, sealed.digest),
        challengers=asked,
    )
    workspace.pin_store()
    writer = workspace.guarded(keys.shadows(deployment)).store
    with suppress(PreconditionFailed):  # another process asked at the same time
        writer.put(key, document.stored(), if_generation=ABSENT)
    return _told(asked)


def _sealed(workspace: Workspace, asof: str | None) -> _Sealed:
    name = asof or newest_sealed(workspace.store, workspace.deployment)
    key = keys.record(workspace.deployment, name or "")
    found = workspace.store.get(key) if name is not None else None
    if found is None:
        raise UsageError(
            f"{workspace.deployment} has no sealed record{f' of {asof}' if asof else ''}.",
            remedy="Challengers are asked beside one: run `forecastlab predict` first.",
        )
    return _Sealed(ForecastRecord.parse(found.data, what=key), digest(found.data))


def _mode(workspace: Workspace, record: ForecastRecord, now: datetime) -> Mode:
    """Say `live` while the candle after the as-of is open, on a source that is now; else `late`."""
    timely = now < record.as_of + DURATION[record.interval]
    return "live" if timely and workspace.source_kind != "file" else "late"


def _told(asked: Sequence[ShadowChallenger]) -> str:
    answered = sum(bool(one.forecasts) for one in asked)
    parts = [f"{answered} of {len(asked)} challenger(s) answered"]
    parts += [f"{one.bundle.name}: {one.error}" for one in asked if one.error is not None]
    parts += [f"{one.bundle.name} not asked" for one in asked if one.not_asked is not None]
    return "; ".join(parts)


def _ask_all(
    workspace: Workspace,
    record: ForecastRecord,
    references: Sequence[BundleReference],
    bounds: ShadowTable,
) -> tuple[ShadowChallenger, ...]:
    """Ask the challengers in turn, the newest first."""
    asked: list[ShadowChallenger] = []
    overdue: str | None = None
    for place, one in enumerate(references):
        if place >= bounds.newest:
            reason = f"only the {bounds.newest} newest challengers are asked"
            asked.append(ShadowChallenger(bundle=one, not_asked=reason))
        elif overdue is not None:
            reason = f"{overdue} took longer than {bounds.budget_s:g} s"
            asked.append(ShadowChallenger(bundle=one, not_asked=reason))
        else:
            said = _ask(workspace, record, one, bounds.budget_s)
            overdue = one.name if said is None else None
            late = f"no answer within {bounds.budget_s:g} s"
            asked.append(said or ShadowChallenger(bundle=one, error=late))
    return tuple(asked)


def _ask(
    workspace: Workspace, record: ForecastRecord, one: BundleReference, budget_s: float
) -> ShadowChallenger | None:
    """Ask one challenger; None if it is overdue. Whatever it does is its own severe error."""
    asof_open = parse_asof(record.asof_date, record.interval)
    try:
        files = workspace.bundles.find(one.name)
        manifest = files.manifest
        cut_off = parse_asof(manifest.training.cut_off, manifest.interval)
        if asof_open < cut_off:
            reason = f"its cut-off {manifest.training.cut_off} lies after the as-of"
            return ShadowChallenger(bundle=one, not_asked=reason)
        window = _window(workspace, record, manifest)
        if steps_down := _steps_down(manifest, window):
            return ShadowChallenger(bundle=one, not_asked=steps_down)
    except ForecastLabError as error:
        return _failed(one, error)
    reader, began = workspace.guarded(None), time.monotonic()
    ended = within(budget_s, lambda: shadow_answers(reader, files, window))
    if ended is None:
        log.warning("the challenger %s is overdue after %s s", one.name, budget_s)
        return None
    answered, spent = ended.result, round(time.monotonic() - began, 4)
    if answered is None or not answered.forecasts:
        return _failed(one, ended.error)
    return ShadowChallenger(
        bundle=one,
        forecasts=answered.forecasts,
        degraded=answered.degraded,
        latency_s=spent,
    )


def _steps_down(manifest: Manifest, window: ServingWindow) -> str | None:
    """Say why the ladder would not ask a version here, or None: that is no error of the bundle."""
    recipe = manifest.recipe
    if recipe.recipe is None:
        return None
    inputs = inputs_at(window.view, window.symbol, recipe.features.references)
    rung = step_down(inputs, (recipe.recipe,))
    return None if rung.version else f"the ladder steps down: {'; '.join(rung.reasons)}"


def _failed(one: BundleReference, error: BaseException | None) -> ShadowChallenger:
    told = "it gave no forecast" if error is None else f"{type(error).__name__}: {error}"
    told = error.facts if isinstance(error, ForecastLabError) else told
    log.warning("the challenger %s failed: %s", one.name, told)
    return ShadowChallenger(bundle=one, error=told)


def _window(workspace: Workspace, record: ForecastRecord, manifest: Manifest) -> ServingWindow:
    """Cut a challenger's serving window; only what the champion did not need is fetched."""
    asof_open = parse_asof(record.asof_date, record.interval)
    needed = Needed.of(manifest)
    there = {
        (need.symbol, need.interval): need.first_open
        for need in _champion_needs(workspace, record)
        if need.first_open is not None
    }
    lacking = [
        need
        for need in serving_needs(needed, asof_open)
        if need.first_open is None
        or there.get((need.symbol, need.interval), record.as_of) > need.first_open
    ]
    if lacking and workspace.lake is not None:
        # As for the champion: without a reference a version below this one answers.
        fetch = fetch_what_is_there if needed.spans_holes else update
        fetch(workspace, lacking)
    return serving_window(
        read_market(workspace.archive, needed, asof_open, asof_open), needed, asof_open
    )


def _champion_needs(workspace: Workspace, record: ForecastRecord) -> tuple[Need, ...]:
    """Return what was fetched for the record, by the manifest that publishing left in the store."""
    found = workspace.store.get(f"{keys.bundle(record.bundle.name)}{MANIFEST}")
    try:
        manifest = Manifest.parse(found.data if found else b"", what=MANIFEST)
    except DataMalformed:
        return ()
    needed = Needed.of(manifest)
    return serving_needs(needed, parse_asof(record.asof_date, record.interval))
