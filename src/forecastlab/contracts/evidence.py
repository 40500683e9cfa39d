"""A bundle's evidence as a table: a row per as-of and candidate."""

from __future__ import annotations

from typing import Final

import pandas as pd

from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.manifest import EVIDENCE

NEEDED: Final = frozenset({"candidate", "open_time", "as_of", "resolves_at", "label", "fold"})
"""Columns beside the probabilities, which are named `<forecaster>[<class>]`."""


def shares_of(rows: pd.DataFrame, name: str, classes: tuple[int, ...]) -> pd.DataFrame:
    """Return one forecaster's probabilities: columns = `classes`, in 64 bits.

    Raises:
        BundleRefused: the evidence lacks one of them.

    >>> shares_of(pd.DataFrame({"lstm[1]": [0.75]}), "lstm", (0, 1)).iloc[0].to_dict()
    {0: 0.25, 1: 0.75}
    """
    kept = classes[1:] if len(classes) == 2 else classes
    columns = {f"{name}[{label}]": label for label in kept}
    if missing := [column for column in columns if column not in rows.columns]:
        raise unreadable_evidence(f"it lacks {', '.join(missing)}")
    shares = rows[list(columns)].rename(columns=columns).astype("float64")
    if kept != classes:
        shares.insert(0, classes[0], 1.0 - shares[classes[1]])
    return shares


def unreadable_evidence(why: str) -> BundleRefused:
    """Return the error that refuses a bundle without sound evidence."""
    return BundleRefused(
        f"The bundle's {EVIDENCE} is no evidence: {why}.", remedy="Restore the bundle."
    )
