"""The known answers of a bundle, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forecastlab.contracts.canonical import parse_document
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.contracts.manifest import KNOWN_ANSWERS


@dataclass(frozen=True, eq=False)
class StoredAnswers:
    """What a bundle was asked when it was made, and what it said.

    Attributes:
        opens: of the as-ofs.
        features: feature set -> rows, index `open_time`; those before the first as-of complete the
            windows of members that read sequences.
        answers: candidate -> `published` or member -> probabilities, rows in the order of `opens`.
        context_rows: feature set -> rows that the context was asked about; empty without a context.
        context_answers: `regime` and horizons -> what it said to them.
    """

    opens: pd.DatetimeIndex
    features: Mapping[str, pd.DataFrame]
    answers: Mapping[str, Mapping[str, list[list[float]]]]
    context_rows: Mapping[str, pd.DataFrame]
    context_answers: Mapping[str, list[list[float]]]


def stored_answers(data: bytes) -> StoredAnswers:
    """Read the known answers.

    Raises:
        BundleRefused: they are unreadable.
    """
    try:
        document: dict[str, Any] = parse_document(data, what=KNOWN_ANSWERS)
        features = {
            name: _table(table, _opens(table.get("opens", document["asofs"])))
            for name, table in document["features"].items()
        }
        _refuse_repeated(features)
        context = document.get("context", {"rows": {}, "answers": {}})
        return StoredAnswers(
            opens=_opens(document["asofs"]),
            features=features,
            answers={name: dict(said.items()) for name, said in document["answers"].items()},
            context_rows={name: _table(table) for name, table in context["rows"].items()},
            context_answers=dict(context["answers"].items()),
        )
    except (AttributeError, KeyError, TypeError, ValueError, DataMalformed) as error:
        raise BundleRefused(
            f"{KNOWN_ANSWERS} is unreadable ({error}).", remedy="Restore the bundle."
        ) from error


def _table(stated: Mapping[str, Any], index: pd.DatetimeIndex | None = None) -> pd.DataFrame:
    rows, columns = stated["rows"], stated["columns"]
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("a row is not as long as there are columns")
    return pd.DataFrame(rows, index=index, columns=columns)


def _refuse_repeated(features: Mapping[str, pd.DataFrame]) -> None:
    for name, table in features.items():
        if not (table.index.is_unique and table.columns.is_unique):
            raise ValueError(f"{name} repeats an as-of or a column")


def _opens(texts: list[str]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(texts, tz="UTC")
