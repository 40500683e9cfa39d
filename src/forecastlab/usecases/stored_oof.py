"""The out-of-fold forecasts that a bundle carries: what stands in for it before its cut-off."""

from __future__ import annotations

from collections.abc import Sequence

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.evidence import shares_of
from forecastlab.contracts.manifest import EVIDENCE
from forecastlab.contracts.records import Probabilities
from forecastlab.usecases.evidence import read_evidence


def stored_oof(bundle: BundleFiles, asofs: Sequence[str]) -> dict[str, dict[str, Probabilities]]:
    """Return as-of -> candidate -> published out-of-fold probabilities, where the bundle has them.

    Each was made by a fit that knew nothing of its as-of's future; the bundle itself is not asked.
    """
    table = read_evidence(bundle.files[EVIDENCE])
    form = "%Y-%m-%d" if bundle.manifest.interval == "1d" else "%Y-%m-%dT%HZ"
    table["asof"] = table["open_time"].dt.strftime(form)
    wanted = table[table["asof"].isin(list(asofs))]
    found: dict[str, dict[str, Probabilities]] = {}
    for candidate, rows in wanted.groupby("candidate"):
        shares = shares_of(rows, "published", bundle.manifest.candidates[str(candidate)].classes)
        for asof, row in zip(rows["asof"], shares.to_dict("records"), strict=True):
            stated = {str(label): rounded(float(share)) for label, share in row.items()}
            found.setdefault(asof, {})[str(candidate)] = stated
    return found
