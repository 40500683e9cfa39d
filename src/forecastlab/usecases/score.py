"""The ledger: outcomes of records whose horizon has passed, and what the forecasts scored."""

from __future__ import annotations

from collections.abc import Mapping
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
    """What `score` did: outcomes written now, and the live scores of all candidates."""

    written: int
    scores: tuple[LiveScore, ...]


def score(workspace: Workspace) -> ScoreReport:
    """Write the outcomes that have resolved and score every live record that has one.

    Raises:
        DataMalformed: a stored outcome disagrees with the candles in force.
    """
    workspace.pin_store()
    records = _records(workspace)
    if not records:
        return ScoreReport(0, ())
    candles = _daily(workspace, records)
    candidates = sorted({name for record in records for name in record.forecasts})
    written, scores = 0, []
    for candidate in candidates:
        mine = [record for record in records if candidate in record.forecasts]
        outcomes, created = _outcomes(workspace, candidate, mine, candles)
        written += created
        scores.append(_live_score(candidate, mine, outcomes))
    return ScoreReport(written, tuple(scores))


def _records(workspace: Workspace) -> list[ForecastRecord]:
    asofs = sealed_asofs(workspace.store, workspace.deployment)
    found = (sealed(workspace.store, workspace.deployment, asof) for asof in asofs)
    return [record for record in found if record is not None]


def _daily(workspace: Workspace, records: list[ForecastRecord]) -> Candles:
    """Return the daily candles from the first record's as-of on, closed by now."""
    symbol, first = records[0].symbol, parse_asof(records[0].asof_date, "1d")
    now = workspace.clock.now()
    if workspace.lake is not None:
        update(workspace, [Need(symbol, "1d", first)])
    held = workspace.archive.read(symbol, "1d", first, last_closed_open(now, "1d"))
    return Market([held]).as_of(now).candles(symbol, "1d")


def _outcomes(
    workspace: Workspace, candidate: str, records: list[ForecastRecord], candles: Candles
) -> tuple[dict[str, Outcome], int]:
    """Return the outcomes of these records that have resolved, and how many were written now."""
    labels = target_from_name(candidate).labels(candles)
    found, created = {}, 0
    for record in records:
        opened = pd.Timestamp(parse_asof(record.asof_date, "1d"))
        if opened not in labels.index:
            continue
        outcome = Outcome(
            candidate=candidate,
            asof_date=record.asof_date,
            as_of=record.as_of,
            resolves_at=as_datetime(labels["resolves_at"].loc[opened]),
            label=int(labels["label"].loc[opened]),
            close=float(candles.frame["close"].loc[opened]),
        )
        created += _keep(workspace, outcome)
        found[record.asof_date] = outcome
    return found, created


def _keep(workspace: Workspace, outcome: Outcome) -> bool:
    key = keys.outcome(workspace.deployment, outcome.candidate, outcome.asof_date)
    try:
        workspace.store.put(key, outcome.stored(), if_generation=ABSENT)
    except PreconditionFailed:
        there = workspace.store.get(key)
        if there is not None and Outcome.parse(there.data, what=key).label == outcome.label:
            return False
        raise DataMalformed(
            f"{key} states another label than the candles in force.",
            remedy="The candles were revised after it was written; it stands. See `update`.",
        ) from None
    return True


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
