"""The evidence behind a bundle's claims: out-of-fold and prequential forecasts, as Parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

import pandas as pd

from forecastlab.contracts.evidence import NEEDED, unreadable_evidence
from forecastlab.contracts.table_bounds import demand_bounded
from forecastlab.models.prequential import Prequential
from forecastlab.usecases.walk_forward import OutOfFold

TIMES: Final = ("open_time", "as_of", "resolves_at")


def evidence_table(found: OutOfFold, prequential: Prequential) -> pd.DataFrame:
    """Lay one candidate's forecasts side by side.

    Columns: `candidate`, `as_of`, `resolves_at`, `label` (missing where unresolved), `fold`,
    `method`, then `<forecaster>[<class>]` for `published`, every member and both base rates, in 32
    bits: seven digits, so that equal shares may come to differ in the last one. Of two classes the
    second alone is kept, for the first is what is left: half of 9 MB an hourly bundle.
    """
    tables = {"published": prequential.probabilities, **found.members, **found.base_rates}
    wide = [
        table.set_axis([f"{name}[{label}]" for label in table.columns], axis=1)
        .astype("float32")
        .iloc[:, -1 if len(table.columns) == 2 else 0 :]
        for name, table in tables.items()
    ]
    head = found.rows.assign(candidate=found.candidate, method=prequential.published["method"])
    return pd.concat([head, *wide], axis="columns", sort=False)


def evidence_bytes(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Write all candidates' evidence, one below the other, as Parquet."""
    # Imported only where evidence is written: no forecast needs it.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    joined = pd.concat(list(tables.values())).reset_index(names="open_time")
    table, buffer = pa.Table.from_pandas(joined, preserve_index=False), io.BytesIO()
    shares = [name for name in table.column_names if name.endswith("]")]
    few = [name for name in table.column_names if name not in {*TIMES, *shares}]
    # Instants are evenly spaced and shares differ in their last bytes alone: written as such, the
    # evidence of an hourly bundle takes 2.2 MB and not 5.4.
    encoding = dict.fromkeys(TIMES, "DELTA_BINARY_PACKED")
    encoding |= dict.fromkeys(shares, "BYTE_STREAM_SPLIT")
    pq.write_table(table, buffer, compression="zstd", use_dictionary=few, column_encoding=encoding)
    return buffer.getvalue()


def read_evidence(data: bytes) -> pd.DataFrame:
    """Return the evidence of all candidates as a table.

    Raises:
        BundleRefused: it is no Parquet, or lacks a column.
    """
    # Imported only where evidence is read: no forecast needs it.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        demand_bounded(file.metadata.num_rows, len(file.schema_arrow.names))
        # Without its metadata: pandas would believe whatever stands there.
        table: pd.DataFrame = file.read().replace_schema_metadata(None).to_pandas()
    except (pa.ArrowException, OSError, OverflowError, ValueError) as error:
        raise unreadable_evidence(str(error).split("\n")[0]) from error
    if missing := sorted(NEEDED - {*table.columns}):
        raise unreadable_evidence(f"it lacks {', '.join(missing)}")
    return table
