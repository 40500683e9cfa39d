"""What champion and challenger both said, joined with what has happened since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecastlab.contracts import keys
from forecastlab.contracts.candles import Market
from forecastlab.contracts.intervals import (
    Interval,
    asof_name,
    last_closed_open,
    parse_asof,
    per_day,
)
from forecastlab.contracts.records import Outcome, Probabilities
from forecastlab.contracts.shadow import ShadowChallenger, ShadowDocument
from forecastlab.evaluation.scores import Forecasts
from forecastlab.evaluation.shadow_scores import CHALLENGER, CHAMPION, ShadowScores, shadow_scores
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class Pair:
    """One candidate's forecasts of one as-of: the challenger's (`ours`) and the champion's."""

    asof: str
    symbol: str
    candidate: str
    ours: Probabilities
    theirs: Probabilities


def said_by_both(
    documents: Mapping[str, ShadowDocument], entries: Mapping[str, ShadowChallenger]
) -> list[Pair]:
    """Return the forecasts that both made, oldest first.

    Args:
        documents: as-of -> what was kept of it.
        entries: as-of -> the challenger's part, of the as-ofs that count.
    """
    return [
        Pair(asof, documents[asof].symbol, name, ours.pred_proba, theirs.pred_proba)
        for asof, entry in sorted(entries.items())
        for name, ours in sorted(entry.forecasts.items())
        if (theirs := documents[asof].champion.forecasts.get(name)) is not None
    ]


def live_scores(
    workspace: Workspace, pairs: Sequence[Pair], interval: Interval
) -> tuple[ShadowScores, ...]:
    """Score the pairs that have resolved, candidate by candidate; nothing is fetched or written."""
    by_candidate: dict[str, list[Pair]] = {}
    for one in pairs:
        by_candidate.setdefault(one.candidate, []).append(one)
    week, found = 7 * per_day(interval), []
    for candidate, mine in sorted(by_candidate.items()):
        target = target_from_name(candidate)
        labels = _labels(workspace, mine, interval)
        resolved = [one for one in mine if one.asof in labels]
        happened = np.array([labels[one.asof] for one in resolved], dtype="int64")
        tables = {CHALLENGER: [one.ours for one in resolved]}
        tables[CHAMPION] = [one.theirs for one in resolved]
        forecasters = {
            name: Forecasts(_values(said, target.classes), happened, target.classes)
            for name, said in tables.items()
        }
        found.append(shadow_scores(candidate, forecasters, horizon=target.horizon, week=week))
    return tuple(found)


def _values(tables: Sequence[Probabilities], classes: tuple[int, ...]) -> np.ndarray:
    values = np.array([[table[str(label)] for label in classes] for table in tables])
    return values.reshape(len(tables), len(classes))


def _labels(workspace: Workspace, pairs: Sequence[Pair], interval: Interval) -> dict[str, int]:
    """Return the labels that have resolved: a stored outcome stands, the candles give the others.

    Args:
        pairs: of one candidate, oldest first.
    """
    first, now = pairs[0], workspace.wall.now()
    opened, last = parse_asof(first.asof, interval), last_closed_open(now, interval)
    held = workspace.archive.read(first.symbol, interval, opened, last)
    candles = Market([held]).as_of(now).candles(first.symbol, interval)
    labels = target_from_name(first.candidate).labels(candles)["label"]
    opens = pd.DatetimeIndex(labels.index)
    found = {asof_name(at, interval): int(label) for at, label in zip(opens, labels, strict=True)}
    prefix = keys.outcomes(workspace.deployment, first.candidate)
    there = set(workspace.store.list(prefix))
    for one in pairs:
        key = keys.outcome(workspace.deployment, one.candidate, one.asof)
        stored = workspace.store.get(key) if key in there else None
        if stored is not None:
            found[one.asof] = Outcome.parse(stored.data, what=key).label
    return found
