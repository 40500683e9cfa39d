"""Known answers: 64 as-ofs and what the bundle said to them, replayed at every load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import canonical_bytes, parse_document
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.contracts.manifest import ANSWER_TOLERANCE, KNOWN_ANSWERS
from forecastlab.models.ensemble import Forecaster
from forecastlab.usecases.walk_forward import shared_opens

COUNT: Final = 64
"""Consecutive as-ofs whose answers a bundle carries."""


def known_answers(
    forecasters: Mapping[str, Forecaster], features: Mapping[str, pd.DataFrame]
) -> bytes:
    """Write the last `COUNT` rows that all feature sets share, and every candidate's answers.

    Args:
        features: feature set -> rows, index `open_time`.
    """
    opens = shared_opens(features.values())[-COUNT:]
    rows = {name: table.loc[opens] for name, table in features.items()}
    document: dict[str, Any] = {
        "asofs": [str(one.date()) for one in opens],
        "features": {
            name: {"columns": [*map(str, table.columns)], "rows": table.to_numpy().tolist()}
            for name, table in rows.items()
        },
        "answers": {name: _answers(one, rows) for name, one in forecasters.items()},
    }
    return canonical_bytes(document)


def replay_known_answers(
    data: bytes, forecasters: Mapping[str, Forecaster], *, bundle: str
) -> None:
    """Ask the forecasters again and compare.

    Raises:
        BundleRefused: an answer differs by more than the tolerance, or the file is unreadable.
    """
    try:
        document: dict[str, Any] = parse_document(data, what=KNOWN_ANSWERS)
        opens = pd.DatetimeIndex(document["asofs"], tz="UTC")
        rows = {
            name: pd.DataFrame(table["rows"], index=opens, columns=table["columns"])
            for name, table in document["features"].items()
        }
        stored = document["answers"]
        for candidate, forecaster in forecasters.items():
            _compare(stored[candidate], _answers(forecaster, rows), f"{bundle} {candidate}")
    except (KeyError, TypeError, ValueError, DataMalformed) as error:
        raise _refused(bundle, f"its {KNOWN_ANSWERS} is unreadable ({error})") from error


def _answers(forecaster: Forecaster, rows: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    forecast = forecaster.forecast(rows)
    tables = {"published": forecast.published, **forecast.members}
    return {name: table.to_numpy().tolist() for name, table in tables.items()}


def _compare(stored: Mapping[str, Any], now: Mapping[str, Any], what: str) -> None:
    if stored.keys() != now.keys():
        raise _refused(what, f"it has the members {sorted(now)} and answers of {sorted(stored)}")
    for name, answers in stored.items():
        then, again = np.asarray(answers, dtype="float64"), np.asarray(now[name])
        worst = float(np.abs(then - again).max()) if then.shape == again.shape else float("inf")
        if not worst <= ANSWER_TOLERANCE:
            raise _refused(
                what, f"{name} answers differ by {worst:.2g} (allowed: {ANSWER_TOLERANCE:.0e})"
            )


def _refused(what: str, why: str) -> BundleRefused:
    return BundleRefused(
        f"The bundle {what} does not give its known answers: {why}.",
        remedy="Install the library versions that its meta.json names, or use another bundle.",
    )
