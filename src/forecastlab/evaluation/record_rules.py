"""Rules over the last records: whether forecasts are fresh, whole, alive, and as promised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np

from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.operations import AlertTable
from forecastlab.evaluation.drift import drift as drift_of
from forecastlab.evaluation.observed import LEAST, Finding, Observed

_MISSING: Final = re.compile(r"reference_symbol_missing\(([^)]*)\)")

_TINY: Final = 0.1
"""A spread below this share of the evidence's is none; a drifting base rate alone spreads more."""

_NO_MODEL: Final = "base_rate"
"""The method that moves with a year's outcomes alone, and so may well stand still."""

_Z: Final = 1.96
"""Standard normal quantile of a 95 % interval."""


def freshness_limit(interval: Interval, fresh_hours: float) -> timedelta:
    """Return how old the newest record's as-of may be.

    The setting is that of a daily deployment: what it grants beyond a day is granted beyond the
    candle of any other. Below 24 it is taken as it stands.

    >>> freshness_limit("1d", 26), freshness_limit("1h", 26)
    (datetime.timedelta(days=1, seconds=7200), datetime.timedelta(seconds=10800))
    """
    beyond = timedelta(hours=fresh_hours) - DURATION["1d"]
    granted = timedelta(hours=fresh_hours)
    return granted if beyond < timedelta(0) else DURATION[interval] + beyond


def references(seen: Observed, limits: AlertTable) -> Iterator[Finding]:
    """The share of reference symbols that were looked for and missing."""
    if len(seen.records) >= LEAST and seen.references:
        said = [_MISSING.findall(" ".join(one.degraded)) for one in seen.records]
        missing, asked = sum(len(set(one)) for one in said), seen.references * len(said)
        facts = (
            f"of {asked} reference symbols that {len(said)} records asked for, {missing} lacked."
        )
        yield Finding(
            "missing_references", missing / asked > limits.missing_references, "warning", facts
        )


def freshness(seen: Observed, limits: AlertTable) -> Iterator[Finding]:
    """The age of the newest record's as-of."""
    if seen.records and seen.is_timed:
        limit = freshness_limit(seen.interval, limits.fresh_hours)
        age = seen.now - seen.records[-1].as_of
        hours, allowed = (one / timedelta(hours=1) for one in (age, limit))
        newest = seen.records[-1].asof_date
        facts = f"the newest record is {newest}, {hours:.1f} h old; {allowed:g} h are allowed."
        yield Finding("freshness", age > limit, "error", facts)


def frozen(seen: Observed, limits: AlertTable) -> Iterator[Finding]:
    """Forecasts that do not move: most of them are one and the same."""
    shares = {
        candidate: max(tables.count(one) for one in set(tables)) / len(tables)
        for candidate, tables in _moving(seen).items()
    }
    stuck = [f"{name}: {x:.0%}" for name, x in shares.items() if x > limits.frozen_share]
    if shares:
        told = "of the last forecasts so many are one and the same"
        yield Finding("frozen", bool(stuck), "error", f"{told}: {'; '.join(stuck) or 'few'}.")


def flat(seen: Observed, _: AlertTable) -> Iterator[Finding]:
    """Forecasts that hardly move, where those of the evidence did."""
    judged, flat = False, []
    for candidate, tables in _moving(seen).items():
        usual = [float(one.std()) for one in seen.evidence.get(candidate, {}).values()]
        if usual:
            judged = True
            spread = float(np.array([[x for _, x in one] for one in tables]).std(axis=0).max())
            if spread < _TINY * max(usual):
                told = f"standard deviation {spread:.2g}, in the evidence {max(usual):.2g}"
                flat.append(f"{candidate}: {told}")
    if judged:
        facts = f"forecasts that hardly move: {'; '.join(flat) or 'none'}."
        yield Finding("flat", bool(flat), "error", facts)


def _moving(seen: Observed) -> dict[str, list[tuple[tuple[str, float], ...]]]:
    """Return candidate -> published tables that a model made, where they are enough to judge."""
    found = {
        name: [
            tuple(sorted(one.forecasts[name].pred_proba.items()))
            for one in seen.records
            if name in one.forecasts and one.forecasts[name].method != _NO_MODEL
        ]
        for name in _candidates(seen)
    }
    return {name: tables for name, tables in found.items() if len(tables) >= LEAST}


def coverage(seen: Observed, limits: AlertTable) -> Iterator[Finding]:
    """Prediction sets that hold what happens too seldom, or too often."""
    judged, off = [], []
    for candidate, rows in sorted(seen.resolved.items()):
        if len(rows) < LEAST:
            continue
        level, n = rows[-1].level, len(rows)
        held = sum(one.label in one.labels for one in rows) / n
        low, high = wilson(held, n / _horizon(seen, candidate))
        told = f"{candidate}: {held:.0%} of {n}, {level:.0%} are promised [{low:.2f}, {high:.2f}]"
        judged.append(told)
        # The difference of two shares may exceed a round number by an ulp.
        if round(abs(held - level), 9) > limits.coverage_gap and not low <= level <= high:
            off.append(told)
    if judged:
        facts = f"prediction sets held what happened: {'; '.join(off or judged)}."
        yield Finding("coverage", bool(off), "warning", facts)


def drift(seen: Observed, limits: AlertTable) -> Iterator[Finding]:
    """Published probabilities of the newest bundle against its own out-of-fold ones."""
    judged, off = False, []
    newest = seen.records[-1].bundle.name if seen.records else ""
    for candidate, classes in sorted(seen.evidence.items()):
        said = [
            one.forecasts[candidate].pred_proba
            for one in seen.records
            if one.bundle.name == newest and candidate in one.forecasts
        ]
        for label, evidence in classes.items():
            if not LEAST <= len(said) < len(evidence):
                continue
            judged = True
            found = drift_of(evidence, np.array([table[label] for table in said]))
            if found.exceeds(limits.drift):
                off.append(
                    f"{candidate} P({label}): index {found.psi:.2f} over {len(said)} records, the"
                    f" evidence's own farthest stretch {found.worst:.2f}"
                )
    if judged:
        facts = f"forecasts unlike the evidence of {newest}: {'; '.join(off) or 'none'}."
        yield Finding("drift", bool(off), "warning", facts)


def wilson(share: float, rows: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of so many independent rows.

    Source: Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference".

    >>> [round(one, 2) for one in wilson(1.0, 6)]
    [0.61, 1.0]
    """
    middle = (share + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    reach = _Z / (1 + _Z**2 / rows)
    reach *= float(np.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2)))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _horizon(seen: Observed, candidate: str) -> int:
    """Return over how many candles labels overlap, so many rows being worth one."""
    for record in reversed(seen.records):
        said = record.forecasts.get(candidate)
        if said is not None and said.resolves_at is not None:
            return max(round((said.resolves_at - record.as_of) / DURATION[seen.interval]), 1)
    found = re.search(r"(?:^|_)[TH]([0-9]+)", candidate)
    return int(found[1]) if found else 1


def _candidates(seen: Observed) -> tuple[str, ...]:
    return tuple(sorted({name for one in seen.records[-1:] for name in one.forecasts}))
