"""The walk-forward that a bundle keeps as evidence, as it was when the bundle was trained."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import pandas as pd

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.evidence import shares_of
from forecastlab.contracts.manifest import EVIDENCE
from forecastlab.models.prequential import Prequential, published_before
from forecastlab.models.rule import Rule
from forecastlab.usecases.evidence import read_evidence
from forecastlab.usecases.walk_forward import OutOfFold, make_folds

BASE_RATES: Final = ("expanding", "trailing_year")

KNOWN: Final = ("as_of", "resolves_at", "label", "fold")


def kept_walk_forward(
    files: BundleFiles, cut_off: datetime
) -> Mapping[str, tuple[OutOfFold, Prequential]]:
    """Return every candidate's out-of-fold forecasts and what was published; nothing is fitted.

    Raises:
        BundleRefused: the evidence is unreadable.
        DataMalformed: what was published are no probabilities.
    """
    table = read_evidence(files.files[EVIDENCE]).set_index("open_time")
    return {
        candidate: _kept(files, candidate, table[table["candidate"] == candidate], cut_off)
        for candidate in files.manifest.candidates
    }


def _kept(
    files: BundleFiles, candidate: str, rows: pd.DataFrame, cut_off: datetime
) -> tuple[OutOfFold, Prequential]:
    recipe, classes = files.manifest.recipe, files.manifest.candidates[candidate].classes
    # In the recipe's order, which is that of simplicity; the manifest lists them by name.
    members = {name: shares_of(rows, name, classes) for name in recipe.members}
    rates = {name: shares_of(rows, name, classes) for name in BASE_RATES}
    folds, known = make_folds(recipe, cut_off), rows[list(KNOWN)]
    prequential = published_before(
        rows[[*KNOWN, "method"]],
        shares_of(rows, "published", classes),
        Rule.load(files.folder(f"model_{candidate}")),
        level=recipe.prediction_set.level,
        scores=recipe.prediction_set.scores,
    )
    return OutOfFold(candidate, folds, known, members, rates), prequential
