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
    """

    opens: pd.DatetimeIndex
    features: Mapping[str, pd.DataFrame]
    answers: Mapping[str, Mapping[str, list[list[float]]]]


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
        return StoredAnswers(_opens(document["asofs"]), features, document["answers"])
    except (KeyError, TypeError, ValueError, DataMalformed) as error:
        raise BundleRefused(
            f"{KNOWN_ANSWERS} is unreadable ({error}).", remedy="Restore the bundle."
        ) from error


def _opens(texts: list[str]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(texts, tz="UTC")
