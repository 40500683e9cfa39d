"""The walk-forward that a bundle keeps as evidence, as it was when the bundle was trained."""

from __future__ import annotations

from datetime import datetime

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.evidence import shares_of
from forecastlab.contracts.manifest import EVIDENCE
from forecastlab.usecases.evidence import read_evidence
from forecastlab.usecases.walk_forward import OutOfFold, make_folds

BASE_RATES = ("expanding", "trailing_year")


def kept_walk_forward(files: BundleFiles, cut_off: datetime) -> dict[str, OutOfFold]:
    """Return every candidate's out-of-fold forecasts; nothing is fitted.

    Raises:
        BundleRefused: the evidence is unreadable.
    """
    manifest = files.manifest
    table = read_evidence(files.files[EVIDENCE]).set_index("open_time")
    folds = make_folds(manifest.recipe, cut_off)
    found = {}
    for candidate, entry in manifest.candidates.items():
        rows = table[table["candidate"] == candidate]
        known = rows[["as_of", "resolves_at", "label", "fold"]]
        # In the recipe's order, which is that of simplicity; the manifest lists them by name.
        members = {name: shares_of(rows, name, entry.classes) for name in manifest.recipe.members}
        rates = {name: shares_of(rows, name, entry.classes) for name in BASE_RATES}
        found[candidate] = OutOfFold(candidate, folds, known, members, rates)
    return found
