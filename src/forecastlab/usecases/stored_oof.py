"""The out-of-fold forecasts that a bundle carries: what stands in for it before its cut-off."""

from __future__ import annotations

import io
from collections.abc import Sequence

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.manifest import EVIDENCE
from forecastlab.contracts.records import Probabilities


def stored_oof(bundle: BundleFiles, asofs: Sequence[str]) -> dict[str, dict[str, Probabilities]]:
    """Return as-of -> candidate -> published out-of-fold probabilities, where the bundle has them.

    Each was made by a fit that knew nothing of its as-of's future; the bundle itself is not asked.
    """
    # Imported only where evidence is read: no forecast needs it.
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pq.read_table(io.BytesIO(bundle.files[EVIDENCE])).to_pandas()
    form = "%Y-%m-%d" if bundle.manifest.interval == "1d" else "%Y-%m-%dT%HZ"
    table["asof"] = table["open_time"].dt.strftime(form)
    found: dict[str, dict[str, Probabilities]] = {}
    for _, row in table[table["asof"].isin(list(asofs))].iterrows():
        classes = bundle.manifest.candidates[row["candidate"]].classes
        shares = {str(label): rounded(float(row[f"published[{label}]"])) for label in classes}
        found.setdefault(row["asof"], {})[row["candidate"]] = shares
    return found
