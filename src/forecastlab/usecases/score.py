"""The ledger: outcomes of records whose horizon has passed, and what the forecasts scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecastlab.contracts import keys
from forecastlab.contracts.candles import Candles, Market, as_datetime
from forecastlab.contracts.errors import DataMalformed, PreconditionFailed
from forecastlab.contracts.intervals import last_closed_open, parse_asof
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import ForecastRecord, Outcome, Probabilities
from forecastlab.evaluation.scores import BRIER, LOG_LOSS, Forecasts
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.publish import sealed, sealed_asofs
from forecastlab.usecases.update import Need, update
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class LiveScore:
    """Live scores of one candidate; only `live` records count. None where none has resolved.

    Losses are means over resolved records; the base rate's are of the rates on the records.
    """

    candidate: str
    resolved: int
    pending: int
    not_counted: int
    log_loss: float | None
    base_rate_log_loss: float | None
    brier: float | None
    base_rate_brier: float | None
    set_coverage: float | None


@dataclass(frozen=True)
class ScoreReport:
    """What `score` did: outcomes written now, the live scores of all candidates, and problems.

    A problem is a record that cannot be read, or an outcome that the candles in force contradict;
    neither keeps the others from being scored.
    """

    written: int
    scores: tuple[LiveScore, ...]
    problems: tuple[str, ...] = ()


def score(workspace: Workspace) -> ScoreReport:
    """Write the outcomes that have resolved and score every live record that has one.

    A stored outcome stands, whatever the candles in force say now.

    Raises:
        DataUnavailable: the candles cannot be had.
    """
    workspace.check_pin()
    asofs = sealed_asofs(workspace.store, workspace.deployment)
    records, problems = _records(workspace, asofs)
    if not records:
        return ScoreReport(0, (), tuple(problems))
    candles, kept = _since_first(workspace, records), _kept(workspace)
    written, scores = 0, []
    for candidate, mine in _by_candidate(records).items():
        due = _due(candidate, mine, candles)
        outcomes = {asof: _keep(workspace, outcome, kept) for asof, outcome in due.items()}
        written += sum(created for _, created in outcomes.values())
        standing = {asof: outcome for asof, (outcome, _) in outcomes.items()}
        problems += _contradicted(due, standing)
        scores.append(_live_score(candidate, mine, standing))
    return ScoreReport(written, tuple(scores), tuple(problems))


def write_outcomes(workspace: Workspace) -> int:
    """Write the outcomes that have resolved since the last time; return how many.

    Records whose outcomes are all there are not read: after a year of hours they are thousands.

    Raises:
        DataUnavailable: the candles cannot be had.
    """
    workspace.check_pin()
    kept, asofs = _kept(workspace), sealed_asofs(workspace.store, workspace.deployment)
    newest, _ = _records(workspace, asofs[-1:])
    # A candidate that has not resolved once is named by the newest record alone.
    names = {name for name, _ in kept} | {name for record in newest for name in record.forecasts}
    open_asofs = [one for one in asofs if not all((name, one) in kept for name in names)]
    records, _ = _records(workspace, open_asofs if newest else asofs)
    if not records:
        return 0
    candles = _since_first(workspace, records)
    return sum(
        _keep(workspace, outcome, kept)[1]
        for candidate, mine in _by_candidate(records).items()
        for asof, outcome in _due(candidate, mine, candles).items()
        if (candidate, asof) not in kept
    )


def _by_candidate(records: list[ForecastRecord]) -> dict[str, list[ForecastRecord]]:
    names = sorted({name for record in records for name in record.forecasts})
    return {name: [one for one in records if name in one.forecasts] for name in names}


def _kept(workspace: Workspace) -> set[tuple[str, str]]:
    """Return candidate and as-of of every outcome that is written."""
    prefix = keys.all_outcomes(workspace.deployment)
    paths = (key.removeprefix(prefix).removesuffix(".json") for key in workspace.store.list(prefix))
    return {(candidate, asof) for candidate, _, asof in (path.partition("/") for path in paths)}


def _records(workspace: Workspace, asofs: Sequence[str]) -> tuple[list[ForecastRecord], list[str]]:
    """Return the records that can be read, oldest first, and what is wrong with the others."""
    found, problems = [], []
    for asof in asofs:
        try:
            record = sealed(workspace.store, workspace.deployment, asof)
        except DataMalformed as error:
            problems.append(error.facts)
        else:
            found += [record] if record is not None else []
    return found, problems


def _since_first(workspace: Workspace, records: list[ForecastRecord]) -> Candles:
    """Return the candles from the first record's as-of on, closed by now."""
    symbol, interval = records[0].symbol, records[0].interval
    first, now = parse_asof(records[0].asof_date, interval), workspace.clock.now()
    if workspace.lake is not None:
        update(workspace, [Need(symbol, interval, first)])
    held = workspace.archive.read(symbol, interval, first, last_closed_open(now, interval))
    return Market([held]).as_of(now).candles(symbol, interval)


def _due(candidate: str, records: list[ForecastRecord], candles: Candles) -> dict[str, Outcome]:
    """Return the outcomes that have resolved, as the candles in force have them."""
    labels = target_from_name(candidate).labels(candles)
    due = {}
    for record in records:
        opened = pd.Timestamp(parse_asof(record.asof_date, record.interval))
        if opened in labels.index:
            due[record.asof_date] = Outcome(
                candidate=candidate,
                asof_date=record.asof_date,
                as_of=record.as_of,
                resolves_at=as_datetime(labels["resolves_at"].loc[opened]),
                label=int(labels["label"].loc[opened]),
                close=float(candles.frame["close"].loc[opened]),
            )
    return due


def _keep(
    workspace: Workspace, outcome: Outcome, kept: Collection[tuple[str, str]]
) -> tuple[Outcome, bool]:
    """Keep an outcome, once; return the one that stands, and whether it was written now.

    Args:
        kept: candidate and as-of of those known to be there: a write that must fail costs a disk's
            sync, or a round trip.
    """
    key = keys.outcome(workspace.deployment, outcome.candidate, outcome.asof_date)
    if (outcome.candidate, outcome.asof_date) not in kept:
        workspace.pin_store()
        with suppress(PreconditionFailed):  # then another process wrote it meanwhile
            workspace.store.put(key, outcome.stored(), if_generation=ABSENT)
            return outcome, True
    there = workspace.store.get(key)
    return (Outcome.parse(there.data, what=key) if there else outcome), False


def _contradicted(due: Mapping[str, Outcome], standing: Mapping[str, Outcome]) -> list[str]:
    return [
        f"outcome {one.candidate} of {asof} stands as {standing[asof].label}; the candles in force"
        f" would make it {one.label}"
        for asof, one in due.items()
        if standing[asof].label != one.label
    ]


def _live_score(
    candidate: str, records: list[ForecastRecord], outcomes: Mapping[str, Outcome]
) -> LiveScore:
    live = [record for record in records if record.mode == "live"]
    resolved = [record for record in live if record.asof_date in outcomes]
    labels = np.array([outcomes[record.asof_date].label for record in resolved], dtype="int64")
    said = [record.forecasts[candidate] for record in resolved]
    classes = target_from_name(candidate).classes
    mine = _forecasts([one.pred_proba for one in said], labels, classes)
    base = _forecasts([one.base_rate for one in said], labels, classes)
    held = [label in one.prediction_set.labels for label, one in zip(labels, said, strict=True)]
    return LiveScore(
        candidate=candidate,
        resolved=len(resolved),
        pending=len(live) - len(resolved),
        not_counted=len(records) - len(live),
        log_loss=_mean(LOG_LOSS.rows(mine)),
        base_rate_log_loss=_mean(LOG_LOSS.rows(base)),
        brier=_mean(BRIER.rows(mine)),
        base_rate_brier=_mean(BRIER.rows(base)),
        set_coverage=_mean(np.array(held)),
    )


def _forecasts(
    tables: list[Probabilities], labels: np.ndarray, classes: tuple[int, ...]
) -> Forecasts:
    values = np.array([[table[str(label)] for label in classes] for table in tables])
    return Forecasts(values.reshape(len(tables), len(classes)), labels, classes)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
