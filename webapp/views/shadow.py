"""Champion and challengers side by side: what each said of an as-of, and how the runs went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from pydantic import ValidationError

from forecastlab.contracts.records import Probabilities
from forecastlab.contracts.shadow import ShadowChallenger, ShadowDocument
from forecastlab.evaluation.shadow_rates import likeliest
from webapp.views.candidates import class_name, classes_of
from webapp.views.wording import Words, percent


def read_shadow(fields: Mapping[str, Any]) -> ShadowDocument | None:
    """Return a document of the shadow, or None where it is of another schema."""
    try:
        return ShadowDocument.model_validate(fields)
    except ValidationError:
        return None


def run_table(documents: Sequence[ShadowDocument], words: Words) -> pd.DataFrame:
    """Return what became of each challenger at each as-of, newest first."""
    rows = [
        {
            words("shadow.asof"): document.asof_date,
            words("shadow.bundle"): one.bundle.name,
            words("shadow.result"): _result(one, words),
            words("shadow.agreement"): _agreement(document, one),
            words("shadow.latency"): None if one.latency_s is None else round(one.latency_s, 3),
            words("shadow.why"): one.error or one.not_asked or "; ".join(one.degraded),
        }
        for document in sorted(documents, key=lambda one: one.asof_date, reverse=True)
        for one in document.challengers
    ]
    return pd.DataFrame(rows)


def forecast_table(document: ShadowDocument, words: Words) -> pd.DataFrame:
    """Return what champion and challengers published of each candidate, the champion first."""
    champion = document.champion
    said = [
        (name, words("shadow.champion"), champion.bundle.name, one.pred_proba, one.method)
        for name, one in champion.forecasts.items()
    ]
    said += [
        (name, words("shadow.challenger"), entry.bundle.name, one.pred_proba, one.method)
        for entry in document.challengers
        for name, one in entry.forecasts.items()
    ]
    rows = [
        {
            words("shadow.candidate"): name,
            words("shadow.role"): role,
            words("shadow.bundle"): bundle,
            **_shares(table, words),
            words("shadow.method"): method,
        }
        for name, role, bundle, table, method in sorted(said, key=lambda one: one[0])
    ]
    return pd.DataFrame(rows)


def member_table(document: ShadowDocument, words: Words) -> pd.DataFrame:
    """Return every member of every challenger: its probabilities, or why it was skipped."""
    rows = [
        {
            words("shadow.bundle"): entry.bundle.name,
            words("shadow.candidate"): name,
            words("shadow.member"): member,
            **_shares(one.probabilities or {}, words),
            words("shadow.full_window"): "✓" if one.full_window else "✗",
            words("shadow.skipped"): one.skipped or "",
        }
        for entry in document.challengers
        for name, answer in sorted(entry.forecasts.items())
        for member, one in answer.members.items()
    ]
    return pd.DataFrame(rows)


def _result(one: ShadowChallenger, words: Words) -> str:
    if one.error is not None:
        return f"✗ {words('shadow.failed')}"
    if one.not_asked is not None:
        return f"○ {words('shadow.not_asked')}"
    return f"✓ {words('shadow.answered')}"


def _agreement(document: ShadowDocument, one: ShadowChallenger) -> str:
    """Return how many candidates have the champion's most likely class, of those that both said."""
    champion = document.champion.forecasts
    same = [
        likeliest(answer.pred_proba) == likeliest(champion[name].pred_proba)
        for name, answer in one.forecasts.items()
        if name in champion
    ]
    return f"{sum(same)} / {len(same)}" if same else "–"


def _shares(table: Probabilities, words: Words) -> dict[str, str]:
    classes = classes_of(table)
    return {class_name(label, classes, words): percent(table[str(label)]) for label in classes}
