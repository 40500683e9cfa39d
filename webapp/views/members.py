"""What a bundle is made of: members, their weights, and how good each was out of sample."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from forecastlab.contracts.manifest import CandidateEntry, Manifest
from forecastlab.contracts.records import CandidateForecast
from webapp.views.candidates import class_name, classes_of
from webapp.views.palette import BLUE, VERMILION, empty_figure, laid_out
from webapp.views.whiskers import Whisker, whisker_chart
from webapp.views.wording import Words, escaped, number, percent

_POOL: Final = "pool"
_STACK: Final = "stack"


def weights(
    method: str, members: tuple[str, ...], stack: Mapping[str, Any] | None
) -> dict[str, float] | None:
    """Return how much each member counts in what is published; None where the store does not tell.

    A member's own method gives it everything, the pool gives all the same, and a stack's weights
    stand in its `stack.json`; they may be negative and need not sum to 1.

    >>> weights("pool", ("a", "b"), None), weights("a+calibration", ("a", "b"), None)
    ({'a': 0.5, 'b': 0.5}, {'a': 1.0, 'b': 0.0})
    >>> weights("stack", ("a", "b"), {"weights": {"a": 0.7, "b": 0.4}})
    {'a': 0.7, 'b': 0.4}
    """
    name = method.partition("+")[0]
    if name in members:
        return {one: float(one == name) for one in members}
    if name == _POOL:
        return dict.fromkeys(members, 1 / len(members))
    given = stack.get("weights") if name == _STACK and stack else None
    if not isinstance(given, Mapping) or not all(_is_finite(given.get(one)) for one in members):
        return None
    return {one: float(given[one]) for one in members}


def weight_figure(found: Mapping[str, float] | None, words: Words) -> go.Figure:
    """Draw the weights as bars; a negative one points left."""
    if not found:
        return empty_figure(words("models.no_weights"))
    values = list(found.values())
    figure = go.Figure(
        go.Bar(
            y=[escaped(name) for name in found],
            x=values,
            orientation="h",
            marker={"color": [BLUE if value >= 0 else VERMILION for value in values]},
            text=[number(value, 2) for value in values],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    reach = max(1.0, *map(abs, values)) * 1.15
    return laid_out(
        figure,
        height=70 + 40 * len(values),
        xaxis={"range": [min(0.0, *values) * 1.3, reach], "fixedrange": True},
        yaxis={"autorange": "reversed", "fixedrange": True},
    )


def gain_figure(entry: CandidateEntry, words: Words) -> go.Figure:
    """Draw the published forecast's gain over every base rate and member, in nats per forecast."""
    found = entry.evaluation
    rows = [
        Whisker(
            words.get(f"references.{one.reference}", one.reference),
            one.gain,
            one.ci95,
            words("models.own_loss", loss=number(one.log_loss, 4)),
        )
        for one in (*found.baselines, *found.members)
    ]
    return whisker_chart(rows, words)


def member_table(manifest: Manifest, candidate: str, words: Words) -> pd.DataFrame:
    """Return a candidate's members: what they are, what they read, how often each spoke."""
    entry = manifest.candidates[candidate]
    losses = {one.reference: one.log_loss for one in entry.evaluation.members}
    spoken, days = entry.evaluation.methods, sum(entry.evaluation.methods.values())
    rows = [
        {
            words("models.member"): name,
            words("models.kind"): member.kind,
            words("models.features"): member.feature_set,
            words("models.log_loss"): number(losses.get(name), 4),
            words("models.spoke"): percent(_spoken(spoken, name) / days) if days else "–",
        }
        for name, member in entry.members.items()
    ]
    return pd.DataFrame(rows)


def feature_table(manifest: Manifest, words: Words) -> pd.DataFrame:
    """Return the features that the bundle was trained on, as its catalogue described them."""
    rows = [
        {
            words("models.feature_set"): name,
            words("models.feature"): one.name,
            words("models.unit"): one.unit,
            words("models.lookback"): one.lookback,
            words("models.interval"): one.interval,
            words("models.formula"): one.formula,
        }
        for name, entries in manifest.features.items()
        for one in entries
    ]
    return pd.DataFrame(rows)


def said_table(forecast: CandidateForecast, words: Words) -> pd.DataFrame:
    """Return what each member said in a forecast, beside what was published."""
    classes = classes_of(forecast.pred_proba)
    tables = {
        words("models.published"): forecast.pred_proba,
        **forecast.members,
        words("models.base_rate"): forecast.base_rate,
    }
    rows = [
        {words("models.forecaster"): name}
        | {class_name(label, classes, words): percent(table[str(label)]) for label in classes}
        for name, table in tables.items()
    ]
    return pd.DataFrame(rows)


def _spoken(methods: Mapping[str, int], member: str) -> int:
    return sum(days for method, days in methods.items() if method.partition("+")[0] == member)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
