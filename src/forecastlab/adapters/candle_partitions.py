"""One partition of the lake: a month of 1h candles, or a year of 4h or 1d candles, as Parquet.

A partition holds every version of a candle that was ever seen. Of each open time exactly one
version is in force: the first seen, until the newest revision is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from forecastlab.adapters.parquet_bytes import parquet_table
from forecastlab.contracts.candles import COLUMNS, Candles
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.ports import AppendReport

if TYPE_CHECKING:
    import pyarrow as pa

FIRST_SEEN: Final = -1
"""`revised_ms` of the version that was seen first; the file has null there."""

_PERIOD: Final[dict[Interval, str]] = {"1h": "M", "4h": "Y", "1d": "Y"}


@dataclass(frozen=True, eq=False)
class Partition:
    """All versions of the candles of one period, by open time, oldest version first.

    Attributes:
        opens_ms: int64, shape (n,).
        values: float64, shape (n, len(COLUMNS)).
        revised_ms: int64, shape (n,): when a revision was seen, or `FIRST_SEEN`.
        in_force: bool, shape (n,): True for exactly one version of each open time.
    """

    opens_ms: np.ndarray
    values: np.ndarray
    revised_ms: np.ndarray
    in_force: np.ndarray

    def candles_in_force(self) -> tuple[np.ndarray, np.ndarray]:
        """Return open times and values of the versions in force."""
        if self.in_force.all():
            return self.opens_ms, self.values
        return self.opens_ms[self.in_force], self.values[self.in_force]

    def newest_versions(self) -> np.ndarray:
        """Return a mask of the newest version of each open time, in force or not."""
        newest = np.ones(len(self.opens_ms), bool)
        newest[:-1] = self.opens_ms[1:] != self.opens_ms[:-1]
        return newest

    def pending(self) -> int:
        """Count the open times whose newest version is not in force."""
        return int((self.newest_versions() & ~self.in_force).sum())

    def accepted(self) -> Partition:
        """Return the partition with the newest version of each open time in force."""
        return replace(self, in_force=self.newest_versions())


EMPTY: Final = Partition(
    np.empty(0, "int64"), np.empty((0, len(COLUMNS))), np.empty(0, "int64"), np.empty(0, bool)
)


def period_of(open_time: datetime, interval: Interval) -> str:
    """Name the period that a candle lies in; names sort as the periods do.

    >>> from datetime import UTC
    >>> t = datetime(2025, 9, 30, tzinfo=UTC)
    >>> period_of(t, "1h"), period_of(t, "1d")
    ('2025-09', '2025')
    """
    return open_time.strftime("%Y-%m" if _PERIOD[interval] == "M" else "%Y")


def by_period(candles: Candles) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Cut candles into periods, oldest first: name, open times in ms, values."""
    opens_ms = candles.frame.index.to_numpy("datetime64[ms]").astype("int64")
    values = candles.frame.loc[:, list(COLUMNS)].to_numpy("float64")
    names, starts = np.unique(_periods(opens_ms, candles.interval), return_index=True)
    stops = np.append(starts, len(opens_ms))[1:]
    return [
        (str(name), opens_ms[start:stop], values[start:stop])
        for name, start, stop in zip(names, starts, stops, strict=True)
    ]


def merged(
    kept: Partition, opens_ms: np.ndarray, values: np.ndarray, *, seen_ms: int
) -> tuple[Partition, AppendReport]:
    """Merge candles into a partition; return `kept` itself where there is nothing to write.

    Missing candles come into force. One that differs from the version in force is a revision, kept
    beside it unless it is the newest version already.
    """
    known, equal = _compare(*kept.candles_in_force(), opens_ms, values)
    newest = kept.newest_versions()
    _, seen_before = _compare(kept.opens_ms[newest], kept.values[newest], opens_ms, values)
    report = AppendReport(int((~known).sum()), int(equal.sum()), int((known & ~equal).sum()))
    add = ~known | ~(equal | seen_before)
    if not add.any():
        return kept, report
    rows = Partition(
        np.concatenate([kept.opens_ms, opens_ms[add]]),
        np.concatenate([kept.values, values[add]]),
        np.concatenate([kept.revised_ms, np.where(known[add], seen_ms, FIRST_SEEN)]),
        np.concatenate([kept.in_force, ~known[add]]),
    )
    # The values break ties, so that equal content is in one order whoever came first.
    order = np.lexsort((*rows.values.T[::-1], rows.revised_ms, rows.opens_ms))
    return (
        Partition(
            rows.opens_ms[order], rows.values[order], rows.revised_ms[order], rows.in_force[order]
        ),
        report,
    )


def encoded(partition: Partition) -> bytes:
    """Write a partition as Parquet; equal content gives equal bytes."""
    # Imported only where a partition is read or written.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import write_table  # noqa: PLC0415

    first_seen = partition.revised_ms == FIRST_SEEN
    columns = [
        pa.array(partition.opens_ms.astype("datetime64[ms]")),
        *(pa.array(np.ascontiguousarray(column)) for column in partition.values.T),
        pa.array(partition.revised_ms.astype("datetime64[ms]"), mask=first_seen),
        pa.array(partition.in_force),
    ]
    schema = _schema()
    arrays = [column.cast(field.type) for column, field in zip(columns, schema, strict=True)]
    sink = pa.BufferOutputStream()
    # Dictionaries would cost a quarter more bytes and time to decode: prices hardly repeat.
    write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        sink,
        compression="zstd",
        use_dictionary=False,
        store_schema=False,
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


@lru_cache(maxsize=128)
def decoded(data: bytes, *, key: str, interval: Interval) -> Partition:
    """Read a partition; equal bytes are decoded once (a serving window has 55 partitions).

    Raises:
        DataMalformed: the bytes are no partition of this key; page checksums catch a flipped bit.
    """
    try:
        table = parquet_table(data, _own_columns)
    except ValueError as error:
        raise _malformed(key, str(error)) from error
    partition = Partition(
        _column(table, "open_time").astype("int64"),
        np.column_stack([_column(table, name) for name in COLUMNS]),
        _column(table, "revised_at").astype("int64"),
        _column(table, "in_force"),
    )
    _check(partition, key, interval)
    return partition


def _own_columns(schema: pa.Schema) -> list[str]:
    if schema != _schema():
        raise ValueError("it has other columns")
    return list(schema.names)


def _column(table: pa.Table, name: str) -> np.ndarray:
    column: Any = table.column(name)
    if name == "revised_at":
        column = column.cast("int64").fill_null(FIRST_SEEN)
    values: np.ndarray = column.to_numpy()
    return values


def _schema() -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    instant = pa.timestamp("ms", tz="UTC")
    return pa.schema(
        [
            pa.field("open_time", instant, nullable=False),
            *(pa.field(name, pa.float64(), nullable=False) for name in COLUMNS),
            pa.field("revised_at", instant),
            pa.field("in_force", pa.bool_(), nullable=False),
        ]
    )


def _check(partition: Partition, key: str, interval: Interval) -> None:
    opens_ms = partition.opens_ms
    name = key.rsplit("/", 1)[-1].removesuffix(".parquet")
    if not len(opens_ms) or (_periods(opens_ms[[0, -1]], interval).astype(str) != name).any():
        raise _malformed(key, "its candles lie in another period")
    if (np.diff(opens_ms) < 0).any() or not np.isfinite(partition.values).all():
        raise _malformed(key, "its candles are out of order or not finite")
    in_force, _ = partition.candles_in_force()
    if not np.array_equal(in_force, np.unique(opens_ms)):
        raise _malformed(key, "not exactly one version of each candle is in force")


def _periods(opens_ms: np.ndarray, interval: Interval) -> np.ndarray:
    return opens_ms.astype("datetime64[ms]").astype(f"datetime64[{_PERIOD[interval]}]")


def _compare(
    kept_ms: np.ndarray, kept: np.ndarray, opens_ms: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return per incoming candle whether its open time is kept, and whether with equal values."""
    if not len(kept_ms):
        return np.zeros(len(opens_ms), bool), np.zeros(len(opens_ms), bool)
    place = np.minimum(np.searchsorted(kept_ms, opens_ms), len(kept_ms) - 1)
    known = kept_ms[place] == opens_ms
    return known, known & (kept[place] == values).all(axis=1)


def _malformed(key: str, why: str) -> DataMalformed:
    return DataMalformed(
        f"The candles {key} are damaged: {why}.",
        remedy="Restore that object from a copy, or remove it and run `forecastlab update`.",
    )
