"""Known answers: 64 as-ofs and what the bundle said to them, replayed at every load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import canonical_bytes
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.contracts.manifest import ANSWER_TOLERANCE, KNOWN_ANSWERS, NETWORK_TOLERANCE
from forecastlab.models.base import window_of
from forecastlab.models.ensemble import Forecaster
from forecastlab.usecases.stored_answers import stored_answers
from forecastlab.usecases.walk_forward import shared_opens

if TYPE_CHECKING:
    from forecastlab.models.context import Context

COUNT: Final = 64
"""Consecutive as-ofs whose answers a bundle carries."""


@dataclass(frozen=True, eq=False)
class ContextAnswers:
    """A context, and the rows by feature set that it is asked about."""

    context: Context
    rows: Mapping[str, pd.DataFrame]


def known_answers(
    forecasters: Mapping[str, Forecaster],
    features: Mapping[str, pd.DataFrame],
    context: ContextAnswers | None = None,
) -> bytes:
    """Write the last `COUNT` as-ofs that all members can answer, their rows, and the answers.

    Args:
        features: feature set -> rows, index `open_time`.
    """
    opens = shared_opens(one.answerable(features) for one in forecasters.values())[-COUNT:]
    rows = {
        name: _reaching_back(table, opens, max(_window(one, name) for one in forecasters.values()))
        for name, table in features.items()
    }
    document: dict[str, Any] = {
        "asofs": _texts(opens),
        "features": {
            name: {
                "columns": [*map(str, table.columns)],
                "opens": _texts(table.index),
                "rows": table.to_numpy().tolist(),
            }
            for name, table in rows.items()
        },
        "answers": {name: _answers(one, rows, opens) for name, one in forecasters.items()},
    }
    if context is not None:
        asked = {name: table.iloc[-COUNT:] for name, table in context.rows.items()}
        document["context"] = {
            "rows": {
                name: {"columns": [*map(str, table.columns)], "rows": table.to_numpy().tolist()}
                for name, table in asked.items()
            },
            "answers": _context_answers(context.context, asked),
        }
    return canonical_bytes(document)


def replay_known_answers(
    data: bytes,
    forecasters: Mapping[str, Forecaster],
    *,
    bundle: str,
    context: Context | None = None,
) -> None:
    """Ask the forecasters again and compare.

    Raises:
        BundleRefused: an answer differs by more than the tolerance, or the file is unreadable.
    """
    stored = stored_answers(data)
    try:
        for candidate, forecaster in forecasters.items():
            again = _answers(forecaster, stored.features, stored.opens)
            what, allowed = f"{bundle} {candidate}", tolerances(forecaster)
            _compare(stored.answers[candidate], again, what, allowed)
        if context is not None:
            again = _context_answers(context, stored.context_rows)
            allowed = dict.fromkeys(again, ANSWER_TOLERANCE)
            _compare(stored.context_answers, again, f"{bundle} context", allowed)
    except (KeyError, TypeError, ValueError, DataMalformed) as error:
        raise _refused(bundle, f"its {KNOWN_ANSWERS} is unreadable ({error})") from error


def _context_answers(context: Context, rows: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    quantiles = context.quantiles.predict(rows["quantile"])
    tables = {"regime": context.regime.predict(rows["regime"])}
    tables |= {str(horizon): table for horizon, table in quantiles.items()}
    return {name: table.to_numpy().tolist() for name, table in tables.items()}


def tolerances(forecaster: Forecaster) -> dict[str, float]:
    """Return the largest |Δp| of each member between equal answers, and of what is published.

    What is made of a network's answers inherits its tolerance.
    """
    by_member = {
        name: NETWORK_TOLERANCE if window_of(model) > 1 else ANSWER_TOLERANCE
        for name, model in forecaster.members.items()
    }
    return {**by_member, "published": max(by_member.values())}


def _window(forecaster: Forecaster, feature_set: str) -> int:
    return forecaster.windows.get(feature_set, 1)


def _reaching_back(table: pd.DataFrame, opens: pd.DatetimeIndex, window: int) -> pd.DataFrame:
    """Return the rows of these opens, and those before that complete their windows."""
    places = table.index.get_indexer(opens)
    if window == 1:
        return table.iloc[places]
    return table.iloc[max(int(places.min()) - window + 1, 0) : int(places.max()) + 1]


def _texts(opens: pd.Index) -> list[str]:
    return [str(one.date() if one.hour == 0 else one.isoformat()) for one in opens]


def _answers(
    forecaster: Forecaster, rows: Mapping[str, pd.DataFrame], opens: pd.DatetimeIndex
) -> dict[str, Any]:
    forecast = forecaster.forecast(rows, opens)
    tables = {"published": forecast.published, **forecast.members}
    return {name: table.to_numpy().tolist() for name, table in tables.items()}


def _compare(
    stored: Mapping[str, Any], now: Mapping[str, Any], what: str, allowed: Mapping[str, float]
) -> None:
    if stored.keys() != now.keys():
        raise _refused(what, f"it has the members {sorted(now)} and answers of {sorted(stored)}")
    for name, answers in stored.items():
        then, again = np.asarray(answers, dtype="float64"), np.asarray(now[name])
        worst = float(np.abs(then - again).max()) if then.shape == again.shape else float("inf")
        if not worst <= allowed[name]:
            raise _refused(
                what, f"{name} answers differ by {worst:.2g} (allowed: {allowed[name]:.0e})"
            )


def _refused(what: str, why: str) -> BundleRefused:
    return BundleRefused(
        f"The bundle {what} does not give its known answers: {why}.",
        remedy="Install the library versions that its meta.json names, or use another bundle.",
    )
