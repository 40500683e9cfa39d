"""Parquet from outside: bounded before it is unpacked, and read without what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from forecastlab.contracts.table_bounds import demand_bounded

if TYPE_CHECKING:
    import pyarrow as pa


def parquet_table(data: bytes, wanted: Callable[[pa.Schema], Iterable[str]]) -> pa.Table:
    """Return the wanted columns, without metadata: pandas would believe whatever stands there.

    Args:
        wanted: picks the columns; it may raise a ValueError for a schema that it refuses.

    Raises:
        ValueError: it is no Parquet, is damaged (page checksums are looked at), or is too large.
    """
    # Imported only where Parquet is read.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    try:
        # From memory, so that each OSError below is about the content, not about the disk.
        file = ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        columns = [*wanted(file.schema_arrow)]
        demand_bounded(file.metadata.num_rows, len(columns))
        table: pa.Table = file.read(columns=columns, use_threads=False)
    except (pa.ArrowException, OSError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(str(error).strip().split("\n")[0] or type(error).__name__) from error
    return table.replace_schema_metadata(None)
