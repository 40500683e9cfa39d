"""From the features of a request to rows that the members of a bundle can be asked with.

Columns are matched by name. A request that states the bundle's schema must have exactly its
columns. Without one, the names of the earlier hourly system are taken as well: its columns that
this bundle dropped are passed over, successors are computed where that is exact, and a member whose
columns are not all there is skipped by name.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final

import numpy as np

from forecastlab.contracts.degradations import missing_features
from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.wire_schema import WireSchema
from forecastlab.usecases.array_members import SetRows
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.payload_columns import PayloadColumns, PayloadReading

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_LAYOUTS: Final = 32
"""Lists of columns that are remembered: a client sends the same one for days."""

_LONGEST: Final = 1_000
"""Columns of a list that is remembered; a bundle reads some 180."""

_NAMED: Final = 40
"""Columns that a message names; a caller mends the first ones first."""


@dataclass(frozen=True, eq=False)
class Payload:
    """The `features` of a request, as they were sent."""

    columns: Sequence[str]
    data: Sequence[Sequence[float | None]]
    index: Sequence[int] | None = None


@dataclass(frozen=True, eq=False)
class ReadPayload:
    """What a request gives the members.

    Attributes:
        sets: feature set -> its rows, or why it has none at the as-of.
        opens_at: open of the last row's candle; None where the request has no times.
        coverage: feature set -> share of its columns that were there, successors included.
    """

    sets: Mapping[str, SetRows | str]
    opens_at: datetime | None
    coverage: Mapping[str, float]
    warnings: tuple[str, ...]


class PayloadReader:
    """Reads the payloads of one bundle; safe to use from many threads.

    Args:
        rows: feature set -> rows that its longest window reads.
        most_rows: of one payload.
    """

    def __init__(
        self, bundle: OpenBundle, schema: WireSchema, rows: Mapping[str, int], *, most_rows: int
    ) -> None:
        self._reading = PayloadReading.of(bundle, schema)
        self._schema = schema
        self._rows = rows
        self._most_rows = most_rows
        self._step_ms = DURATION[schema.interval] // timedelta(milliseconds=1)
        self._known: OrderedDict[tuple[str, ...], PayloadColumns] = OrderedDict()
        self._lock = Lock()

    def read(self, payload: Payload, *, strict: bool, now: datetime) -> ReadPayload:
        """Return the rows of every set.

        Args:
            strict: the request states the schema, and must have exactly its columns.

        Raises:
            UsageError: columns are missing, unknown or doubled, rows are ragged, values are not
                finite or far outside of what training saw, or the index is no series of candles.
        """
        columns = self._columns(tuple(payload.columns), strict=strict)
        matrix = self._matrix(payload)
        opens_ms = self._opens_ms(payload.index, len(matrix), now)
        table = columns.table(matrix)
        self._refuse_values(columns, table)
        opens_at = None if opens_ms is None else _instant(int(opens_ms[-1]))
        places = np.arange(len(table)) * self._step_ms if opens_ms is None else opens_ms
        return ReadPayload(
            sets=self._sets(columns, table, places),
            opens_at=opens_at,
            coverage=columns.coverage,
            warnings=(*columns.warnings, *self._stale(opens_at, now)),
        )

    def _columns(self, names: tuple[str, ...], *, strict: bool) -> PayloadColumns:
        with self._lock:
            found = self._known.get(names)
        if found is None:
            doubled = [name for name, count in Counter(names).items() if count > 1]
            if doubled:
                raise _unfit(f"doubled: {_listed(doubled)}")
            found = self._reading.columns(names)
            self._remember(names, found)
        missing = found.missing if strict else ()
        unknown = (*found.unknown, *found.foreign) if strict else found.unknown
        if missing or unknown:
            parts = (("missing", missing), ("unknown", unknown))
            raise _unfit("; ".join(f"{what}: {_listed(ones)}" for what, ones in parts if ones))
        return found

    def _remember(self, names: tuple[str, ...], found: PayloadColumns) -> None:
        """Keep a layout that fits; a refused one may be as long as a body."""
        if found.unknown or len(names) > _LONGEST:
            return
        with self._lock:
            self._known[names] = found
            while len(self._known) > _LAYOUTS:
                self._known.popitem(last=False)

    def _matrix(self, payload: Payload) -> np.ndarray:
        if not 1 <= len(payload.data) <= self._most_rows:
            raise _unfit(f"{len(payload.data)} rows, where 1 to {self._most_rows} are taken")
        try:
            matrix = np.array(payload.data, dtype="float64")
        except (ValueError, OverflowError):
            matrix = np.empty(0)
        if matrix.ndim != 2 or matrix.shape[1] != len(payload.columns):
            raise _unfit(f"not every row has {len(payload.columns)} values, one for each column")
        return matrix

    def _opens_ms(self, index: Sequence[int] | None, rows: int, now: datetime) -> np.ndarray | None:
        """Return the opens, or None where the index only counts the rows."""
        if index is None:
            return None
        if len(index) != rows:
            raise _unfit(f"the index has {len(index)} entries for {rows} rows")
        if index[0] == 0 and index[-1] == rows - 1 and list(index) == list(range(rows)):
            return None
        try:
            opens_ms = np.array(index, dtype="int64")
            opens_at = _instant(int(opens_ms[-1]))
        except OverflowError:
            raise _unfit("the index is no epoch milliseconds") from None
        if (np.diff(opens_ms) != self._step_ms).any() or (opens_ms % self._step_ms).any():
            raise _unfit(
                f"the index must be opens of consecutive {self._schema.interval} candles in epoch"
                " milliseconds, ascending"
            )
        if opens_at > now:
            raise _unfit(f"the index ends at {opens_at:%Y-%m-%dT%H:%MZ}, which is still to come")
        return opens_ms

    def _refuse_values(self, columns: PayloadColumns, table: np.ndarray) -> None:
        odd = columns.broken(table)
        if odd:
            raise _unfit(f"not finite: {_listed(odd)}")
        far = columns.far(table)
        if far:
            raise _unfit(f"far outside of what training saw: {_listed(far)}")

    def _sets(
        self, columns: PayloadColumns, table: np.ndarray, opens_ms: np.ndarray
    ) -> dict[str, SetRows | str]:
        found: dict[str, SetRows | str] = {}
        whole = bool(np.isfinite(table).all())
        for name, places in columns.sets.items():
            if isinstance(places, str):
                found[name] = places
                continue
            needed = self._rows.get(name, 1)
            if whole:
                rows = table[-needed:, places]
                found[name] = SetRows(rows, opens_ms[-needed:], len(table))
                continue
            own = table[:, places]
            complete = np.flatnonzero(np.isfinite(own).all(axis=1))
            if not len(complete) or complete[-1] != len(own) - 1:
                gone = np.flatnonzero(~np.isfinite(own[-1]))
                found[name] = missing_features([self._schema.own[name][at] for at in gone])
            else:
                last = complete[-needed:]
                found[name] = SetRows(own[last], opens_ms[last], len(complete))
        return found

    def _stale(self, opens_at: datetime | None, now: datetime) -> tuple[str, ...]:
        """Warn where a newer candle had closed than the last one that was sent."""
        if opens_at is None:
            return ()
        closed_for = now - opens_at - DURATION[self._schema.interval]
        if closed_for < DURATION[self._schema.interval]:
            return ()
        return (f"stale: the last row's candle closed {closed_for.total_seconds():.0f} s ago",)


def _instant(epoch_ms: int) -> datetime:
    """Return the instant; OverflowError for one that no calendar has."""
    return _EPOCH + timedelta(milliseconds=epoch_ms)


def _listed(names: Sequence[Any]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(str(one) for one in names[:_NAMED]) + more


def _unfit(why: str) -> UsageError:
    return UsageError(
        f"The features do not fit: {why}.",
        remedy="GET /info names the schema and its columns.",
    )
