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
            name: pd.DataFrame(
                table["rows"],
                index=_opens(table.get("opens", document["asofs"])),
                columns=table["columns"],
            )
            for name, table in document["features"].items()
        }
        _refuse_repeated(features)
        context = document.get("context", {"rows": {}, "answers": {}})
        return StoredAnswers(
            opens=_opens(document["asofs"]),
            features=features,
            answers=document["answers"],
            context_rows={
                name: pd.DataFrame(table["rows"], columns=table["columns"])
                for name, table in context["rows"].items()
            },
            context_answers=context["answers"],
        )
    except (KeyError, TypeError, ValueError, DataMalformed) as error:
        raise BundleRefused(
            f"{KNOWN_ANSWERS} is unreadable ({error}).", remedy="Restore the bundle."
        ) from error


def _refuse_repeated(features: Mapping[str, pd.DataFrame]) -> None:
    for name, table in features.items():
        if not (table.index.is_unique and table.columns.is_unique):
            raise ValueError(f"{name} repeats an as-of or a column")


def _opens(texts: list[str]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(texts, tz="UTC")
