"""What the alerts look at: a deployment's last runs, records, outcomes, and its evidence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final, TypeVar

import numpy as np

from forecastlab.contracts import keys
from forecastlab.contracts.errors import BundleRefused, ConfigError, DataMalformed
from forecastlab.contracts.evidence import shares_of
from forecastlab.contracts.intervals import floor_open, interval_of
from forecastlab.contracts.manifest import EVIDENCE
from forecastlab.contracts.ports import ObjectStore
from forecastlab.contracts.records import ForecastRecord, Outcome, RunReport
from forecastlab.evaluation.observed import Observed, Resolved
from forecastlab.usecases.evidence import read_evidence
from forecastlab.usecases.publish import sealed_asofs
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

T = TypeVar("T")

RESOLVED: Final = 500
"""Resolved forecasts that the coverage of prediction sets is judged by: as many as made them."""

_MONTHS: Final = 3
"""How many months back the last runs are looked for."""

_THREADS: Final = 16
"""A bucket answers one object in some 40 ms; fifty of each are read 16 at a time."""


def observe(workspace: Workspace, run: RunReport | None, *, last: int) -> Observed:
    """Read what the rules look at.

    What needs hundreds of documents or a bundle's evidence is looked at once a day: where the
    newest record is the first of a UTC day.

    Args:
        run: the attempt under way, whose report does not lie in the store yet.
        last: how many records and runs at most.

    Raises:
        StoreUnavailable: the store cannot be read.
    """
    store, deployment = workspace.store, workspace.deployment
    asofs = sealed_asofs(store, deployment)
    records = _records(store, deployment, asofs[-last:])
    runs = _runs(store, deployment, workspace.wall.now(), last)
    others = [one for one in runs if run is None or one.run_id != run.run_id]
    is_first = bool(records) and records[-1].as_of == floor_open(records[-1].as_of, "1d")
    return Observed(
        now=workspace.wall.now(),
        interval=interval_of(deployment),
        records=tuple(records),
        runs=(*others, *([run] if run else [])),
        references=_references(workspace),
        is_timed=workspace.source_kind != "file",
        resolved=_resolved(store, deployment, asofs, records) if is_first else {},
        evidence=_evidence(workspace, records) if is_first else {},
    )


def _references(workspace: Workspace) -> int:
    try:
        recipe = workspace.recipe()
    except ConfigError:
        return 0  # told by the run that failed
    return 0 if recipe is None else len({*recipe.features.references} - {recipe.symbol})


def _runs(store: ObjectStore, deployment: str, now: datetime, last: int) -> list[RunReport]:
    """Return the last attempts, oldest first; months are listed only as far back as need be."""
    found: list[str] = []
    month = now
    for _ in range(_MONTHS):
        found = [*store.list(f"{keys.runs(deployment)}{month:%Y-%m}-"), *found]
        if len(found) >= last:
            break
        month = month.replace(day=1) - timedelta(days=1)
    newest = [key for key in found if key.endswith(".json")][-last:]
    return _read(store, newest, lambda data, key: RunReport.parse(data, what=key))


def _records(store: ObjectStore, deployment: str, asofs: Sequence[str]) -> list[ForecastRecord]:
    wanted = [keys.record(deployment, one) for one in asofs]
    return _read(store, wanted, lambda data, key: ForecastRecord.parse(data, what=key))


def _resolved(
    store: ObjectStore, deployment: str, asofs: Sequence[str], records: Sequence[ForecastRecord]
) -> dict[str, tuple[Resolved, ...]]:
    """Return candidate -> its last live forecasts whose labels are known."""
    prefix = keys.all_outcomes(deployment)
    parts = (key.removeprefix(prefix).removesuffix(".json") for key in store.list(prefix))
    known = {tuple(part.split("/", 1)) for part in parts}
    names = sorted(records[-1].forecasts)
    wanted = {name: [one for one in asofs if (name, one) in known][-RESOLVED:] for name in names}
    needed = sorted({one for some in wanted.values() for one in some})
    there = {one.asof_date: one for one in records}
    older = _records(store, deployment, [one for one in needed if one not in there])
    there |= {one.asof_date: one for one in older}
    return {
        name: _joined(name, there, _outcomes(store, deployment, name, some))
        for name, some in wanted.items()
    }


def _outcomes(
    store: ObjectStore, deployment: str, candidate: str, asofs: Sequence[str]
) -> list[Outcome]:
    wanted = [keys.outcome(deployment, candidate, one) for one in asofs]
    return _read(store, wanted, lambda data, key: Outcome.parse(data, what=key))


def _joined(
    candidate: str, records: Mapping[str, ForecastRecord], outcomes: Sequence[Outcome]
) -> tuple[Resolved, ...]:
    found = []
    for outcome in outcomes:
        record = records.get(outcome.asof_date)
        if record is not None and record.mode == "live" and candidate in record.forecasts:
            said = record.forecasts[candidate].prediction_set
            found.append(Resolved(said.level, said.labels, outcome.label))
    return tuple(found)


def _evidence(
    workspace: Workspace, records: Sequence[ForecastRecord]
) -> dict[str, dict[str, np.ndarray]]:
    """Return what the newest record's bundle published out of fold; nothing where it is gone."""
    try:
        bundle = workspace.bundles.find(records[-1].bundle.name)
        table = read_evidence(bundle.files[EVIDENCE])
        found: dict[str, dict[str, np.ndarray]] = {}
        for name, rows in table.groupby("candidate"):
            entry = bundle.manifest.candidates.get(str(name))
            if entry is not None:
                shares = shares_of(rows.sort_values("open_time"), "published", entry.classes)
                found[str(name)] = {
                    str(label): shares[label].dropna().to_numpy() for label in shares.columns
                }
    except BundleRefused as error:
        log.warning("drift is not judged: %s", error)
        return {}
    return found


def _read(store: ObjectStore, wanted: Sequence[str], parse: Callable[[bytes, str], T]) -> list[T]:
    """Read documents, in the order of their keys; one that is damaged is told of and left out."""
    with ThreadPoolExecutor(_THREADS) as pool:
        stored = list(pool.map(store.get, wanted))
    found = []
    for key, one in zip(wanted, stored, strict=True):
        try:
            if one is not None:
                found.append(parse(one.data, key))
        except DataMalformed as error:
            log.warning("left out of what the alerts look at: %s", error.facts)
    return found
