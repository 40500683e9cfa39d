"""All forecasts of a deployment as one table: sealed, in hindsight, out of fold; with outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.evidence import shares_of
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.manifest import CandidateEntry
from forecastlab.contracts.records import ForecastRecord, Outcome
from forecastlab.evaluation.scores import Forecasts

KINDS: Final = ("live", "late", "backfill", "oof")
"""What a forecast is evidence of, strongest first; kinds are never scored together."""

COLUMNS: Final = (
    *("asof", "as_of", "candidate", "kind", "bundle", "pred_label", "call", "set_level"),
    *("set_labels", "resolves_on", "verdict", "method", "path", "degraded", "close", "label"),
)
"""Columns of a ledger beside `p[label]` and `base[label]` of every class.

`label` is the outcome, NaN before it resolved; `set_labels` is None where no set was published.
"""

Outcomes = Mapping[str, Mapping[str, Outcome]]
"""Candidate -> as-of name -> outcome."""


def ledger(records: Iterable[ForecastRecord], outcomes: Outcomes) -> pd.DataFrame:
    """Return one row per record and candidate, in the order of the records.

    >>> list(ledger([], {}).columns) == list(COLUMNS)
    True
    """
    rows = [
        _row(record, candidate, outcomes.get(candidate, {}).get(record.asof_date))
        for record in records
        for candidate in sorted(record.forecasts)
    ]
    return _table(rows)


def oof_ledger(
    table: pd.DataFrame, bundle: str, entries: Mapping[str, CandidateEntry], interval: Interval
) -> pd.DataFrame:
    """Return a bundle's out-of-fold forecasts as a ledger, with the bundle's own labels.

    Args:
        table: the bundle's evidence.
        entries: candidate -> its classes and the base rate that its skill is measured against.
    """
    parts = []
    for candidate, mine in table.groupby("candidate", sort=True):
        if (entry := entries.get(str(candidate))) is None:
            continue
        try:
            shares = shares_of(mine, "published", entry.classes)
            base = shares_of(mine, entry.evaluation.reference, entry.classes)
        except BundleRefused:
            continue  # Shown without its evidence; `bundles verify` says what is wrong with it.
        opened = pd.to_datetime(mine["open_time"], utc=True)
        form = "%Y-%m-%d" if interval == "1d" else "%Y-%m-%dT%HZ"
        part = pd.DataFrame(
            {
                "asof": opened.dt.strftime(form),
                "as_of": opened + DURATION[interval],
                "candidate": candidate,
                "kind": "oof",
                "bundle": bundle,
                "pred_label": shares.columns.to_numpy()[shares.to_numpy().argmax(axis=1)],
                "call": "",
                "set_level": np.nan,
                "set_labels": None,
                "resolves_on": pd.to_datetime(mine["resolves_at"], utc=True).dt.date,
                "verdict": "",
                "method": mine["method"],
                "path": "",
                "degraded": "",
                "close": np.nan,
                "label": mine["label"],
            }
        )
        both = [shares.add_prefix("p[").add_suffix("]"), base.add_prefix("base[").add_suffix("]")]
        parts.append(pd.concat([part, *both], axis=1))
    return pd.concat(parts, ignore_index=True) if parts else _table([])


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return several ledgers as one, by as-of.

    Of several forecasts of one as-of, candidate and kind the last stays: backfills of two bundles
    would count a day twice.
    """
    filled = [part for part in parts if len(part)]
    if not filled:
        return _table([])
    whole = pd.concat(filled, ignore_index=True)
    whole = whole.drop_duplicates(["asof", "candidate", "kind"], keep="last")
    return whole.sort_values(["as_of", "candidate"], kind="stable", ignore_index=True)


def classes_in(rows: pd.DataFrame) -> tuple[int, ...]:
    """Return the classes that these rows have probabilities of, ascending.

    >>> classes_in(pd.DataFrame({"p[0]": [0.4], "p[1]": [0.6], "p[-1]": [np.nan]}))
    (0, 1)
    """
    named = [int(column[2:-1]) for column in rows.columns if column.startswith("p[")]
    return tuple(sorted(label for label in named if rows[f"p[{label}]"].notna().any()))


def strongest(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per as-of and candidate: of several kinds, the strongest evidence."""
    rank = rows["kind"].map(KINDS.index)
    ordered = rows.assign(rank=rank).sort_values(["as_of", "rank"], kind="stable")
    return ordered.drop_duplicates(["as_of", "candidate"], keep="first").drop(columns="rank")


def resolved(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose outcome is known."""
    return rows[rows["label"].notna()]


def forecasts_of(rows: pd.DataFrame, classes: Sequence[int], *, column: str = "p") -> Forecasts:
    """Return resolved rows as the evaluation scores them; `column` is `p` or `base`."""
    names = [f"{column}[{label}]" for label in classes]
    values = rows[names].to_numpy(dtype="float64")
    return Forecasts(values, rows["label"].to_numpy().astype("int64"), tuple(classes))


def _row(record: ForecastRecord, candidate: str, outcome: Outcome | None) -> dict[str, Any]:
    forecast = record.forecasts[candidate]
    return {
        "asof": record.asof_date,
        "as_of": record.as_of,
        "candidate": candidate,
        "kind": record.mode,
        "bundle": record.bundle.name,
        "pred_label": forecast.pred_label,
        "call": forecast.call,
        "set_level": forecast.prediction_set.level,
        "set_labels": forecast.prediction_set.labels,
        "resolves_on": forecast.resolves_on,
        "verdict": forecast.skill.verdict,
        "method": forecast.method,
        "path": record.runtime.path,
        "degraded": "; ".join(record.degraded),
        "close": record.close,
        "label": _label(outcome, forecast.pred_proba),
        **{f"p[{label}]": share for label, share in forecast.pred_proba.items()},
        **{f"base[{label}]": share for label, share in forecast.base_rate.items()},
    }


def _label(outcome: Outcome | None, shares: Mapping[str, float]) -> float:
    """Return the outcome's label; NaN before it resolved, and for one that is no class."""
    known = outcome is not None and str(outcome.label) in shares
    return float(outcome.label) if outcome is not None and known else np.nan


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(COLUMNS))
    table["as_of"] = pd.to_datetime(table["as_of"], utc=True)
    return table
