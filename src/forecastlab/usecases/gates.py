"""Judge every forecaster of a bundle by what lies in the bundle: evidence, answers, model files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import Json, rounded
from forecastlab.contracts.errors import GateRefused
from forecastlab.contracts.evidence import shares_of
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.manifest import EVIDENCE, KNOWN_ANSWERS, NETWORK_TOLERANCE
from forecastlab.evaluation.gates import (
    GateResult,
    OwnLabel,
    enough_oof,
    enough_trees,
    parity,
    research_only,
    same_label,
    small_gap,
    sound_spread,
)
from forecastlab.evaluation.scores import Forecasts
from forecastlab.models.base import Model, answers_of, window_of
from forecastlab.models.ensemble import Forecaster
from forecastlab.models.first_passage import FirstPassageModel
from forecastlab.models.trees import splits, tree_texts
from forecastlab.targets.catalogue import target_from_name
from forecastlab.targets.reversal import ReversalTarget
from forecastlab.usecases.evidence import read_evidence
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.stored_answers import StoredAnswers, stored_answers

_DIGITS: Final = 6


def gate_bundle(bundle: OpenBundle) -> dict[str, tuple[GateResult, ...]]:
    """Return every candidate's gates, recomputed from the bundle's files.

    Raises:
        BundleRefused: the evidence or the known answers are unreadable.
    """
    files, manifest = bundle.files.files, bundle.files.manifest
    return gate_forecasters(
        bundle.forecasters,
        evidence=files[EVIDENCE],
        answers=files[KNOWN_ANSWERS],
        interval=manifest.interval,
    )


def gate_forecasters(
    forecasters: Mapping[str, Forecaster], *, evidence: bytes, answers: bytes, interval: Interval
) -> dict[str, tuple[GateResult, ...]]:
    """Return candidate -> gates, from the very bytes that a bundle keeps.

    Args:
        evidence: the file `evidence/oof.parquet`.
        answers: the file `known_answers.json`.
        interval: of the as-of candles.

    Raises:
        BundleRefused: the evidence or the known answers are unreadable.
    """
    table, stored = read_evidence(evidence), stored_answers(answers)
    return {
        candidate: gate_forecaster(
            candidate, one, table[table["candidate"] == candidate], stored, interval=interval
        )
        for candidate, one in forecasters.items()
    }


def gate_forecaster(
    candidate: str,
    forecaster: Forecaster,
    evidence: pd.DataFrame,
    stored: StoredAnswers,
    *,
    interval: Interval,
) -> tuple[GateResult, ...]:
    """Return one candidate's gates.

    Args:
        evidence: the candidate's rows of `evidence_table`.
        stored: the known answers of all candidates.
    """
    target = target_from_name(candidate)
    rows = really_out_of_fold(evidence, horizon=target.horizon, interval=interval)
    labels, fold = rows["label"].astype("int64"), rows["fold"].to_numpy()
    published = Forecasts.of(shares_of(rows, "published", target.classes), labels)
    kind = "direction" if len(target.classes) == 2 else "reversal"
    results = [enough_oof(len(rows), kind=kind), small_gap(published, horizon=target.horizon)]
    for name, model in forecaster.members.items():
        if window_of(model) > 1:
            difference = _replayed(model, forecaster, name, stored, candidate)
            results.append(parity(name, difference, tolerance=NETWORK_TOLERANCE))
        if name not in forecaster.rule.members:
            # It has no say: what it says is shown, and need not be worth anything.
            continue
        shares = shares_of(rows, name, target.classes)
        results.append(sound_spread(name, shares.to_numpy(), fold))
        forecasts, horizon = Forecasts.of(shares, labels), target.horizon
        own = OwnLabel(model.classes, _trained_for(model))
        results.append(same_label(name, forecasts, own=own, candidate=candidate, horizon=horizon))
        trees = tree_texts(model)
        if trees is not None:
            splitting = [tree for tree in trees if splits(tree)]
            results.append(enough_trees(name, splitting, classes=len(target.classes)))
    return tuple(results)


def really_out_of_fold(evidence: pd.DataFrame, *, horizon: int, interval: Interval) -> pd.DataFrame:
    """Return the rows that were forecast before their label was known, each as-of once.

    A row counts if it has a label, a forecast of everyone, an as-of at its candle's close, a label
    that resolves a horizon later, and belongs to a fold that follows all earlier ones.
    """
    forecasts = [name for name in evidence.columns if str(name).endswith("]")]
    used = evidence[forecasts].dropna(axis="columns", how="all")
    complete = pd.Series(np.isfinite(used.to_numpy(dtype="float64")).all(axis=1), evidence.index)
    candle = DURATION[interval]
    fine = (
        evidence["label"].notna()
        & complete
        & (evidence["as_of"] == evidence["open_time"] + candle)
        & (evidence["resolves_at"] == evidence["as_of"] + horizon * candle)
        & (evidence["fold"] >= 0)
    )
    rows = evidence[fine].drop_duplicates("open_time").sort_values("open_time")
    return rows[rows["fold"] >= rows["fold"].cummax()].set_index("open_time")


def refuse_without_view(bundle: OpenBundle) -> dict[str, Json]:
    """Return what the gates found, as an event states it; refuse a bundle that may say nothing.

    Raises:
        GateRefused: no candidate may have a view, or a gate fails of which the manifest is silent.
        BundleRefused: the evidence or the known answers are unreadable.
    """
    gates = gate_bundle(bundle)
    candidates = bundle.files.manifest.candidates
    stated = {name: one.research_only for name, one in candidates.items() if one.research_only}
    found = reasons(gates)
    if unstated := [name for name in found if name not in stated]:
        raise GateRefused(
            f"{unstated[0]} of {bundle.files.name} fails a gate that its manifest does not own up"
            f" to: {found[unstated[0]]}.",
            remedy="Train it again: the forecaster is then marked, and published without a view.",
        )
    barred = {**stated, **found}
    if barred.keys() >= candidates.keys():
        name, reason = next(iter(barred.items()))
        raise GateRefused(
            f"Every forecaster of {bundle.files.name} is for research only; {name}: {reason}.",
            remedy="Bring more history or mend the members; `predict --bundle` still runs it.",
        )
    return as_documents(gates)


def as_documents(gates: Mapping[str, tuple[GateResult, ...]]) -> dict[str, Json]:
    """Return the gates as a manifest or an event states them: candidate -> gate -> what was found.

    >>> as_documents({"H5": (enough_oof(992, kind="direction"),)})["H5"]["n_oof"]["passed"]
    False
    """
    return {
        candidate: {
            one.name: {
                "passed": one.passed,
                "found": None if one.found is None else rounded(one.found, _DIGITS),
                "demanded": one.demanded,
                "reason": one.reason,
            }
            for one in results
        }
        for candidate, results in gates.items()
    }


def reasons(gates: Mapping[str, tuple[GateResult, ...]]) -> dict[str, str]:
    """Return candidate -> why it may have no view; only of those that may not."""
    found = {candidate: research_only(results) for candidate, results in gates.items()}
    return {candidate: reason for candidate, reason in found.items() if reason is not None}


def _trained_for(model: Model) -> str | None:
    """Return the candidate that a model itself says it was fitted for, where it does."""
    reading = getattr(model, "reading", None)
    if reading is not None:
        return str(reading.head)
    if isinstance(model, FirstPassageModel):
        return ReversalTarget(model.horizon, model.level).name
    return None


def _replayed(
    model: Model, forecaster: Forecaster, name: str, stored: StoredAnswers, candidate: str
) -> float:
    """Return by how much a network's answers differ from those stored, at batch 1 and at once."""
    rows = stored.features[forecaster.keys[name].feature_set]
    then = np.asarray(stored.answers[candidate][name], dtype="float64")
    alone = [answers_of(model, rows, stored.opens[place : place + 1]) for place in range(len(then))]
    together = answers_of(model, rows, stored.opens)
    if together is None or any(one is None for one in alone):
        return float("inf")
    singles = pd.concat([one for one in alone if one is not None])
    tables = [table.to_numpy(dtype="float64") for table in (together, singles)]
    if any(table.shape != then.shape for table in tables):
        return float("inf")
    return max(float(np.abs(table - then).max()) for table in tables)
