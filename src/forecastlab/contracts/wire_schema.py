"""What an inference server is sent: the columns that a bundle's members read, each of them once.

Several members read several feature sets. On the wire stands one table: its columns are the ordered
union of those of all sets that a member of the bundle reads, its rows are consecutive candles. A
column that two sets describe alike (formula, unit, lookback, interval, source) is one column under
its own name; where they describe two different quantities under one name, each of them is sent as
`set/column`.

A set that has no row at some candle (its windows touch a hole of a reference, or no member reads so
far back) is sent as null in *all* columns that only such sets own: `blocks` are the columns that
stand or fall together. Any other null is a fault.

A request to `POST /predict` is `{"schema": <name>, "sell_score": …, "buy_score": …, "features":
{"columns": [...], "index": [open times, epoch ms], "data": [[...]]}}`; its last row is the as-of's.
The answer holds, beside what callers of the earlier contract read,

    "bundle": {"name": …, "digest": "sha256:…"}, "schema": <name>,
    "heads": {"H5": {"horizon": 5, "bull_prob": P(1) as published, "method": …,
                     "members": {"lightgbm": P(1), …}, "skipped": {"lstm": why, …}}, …}

with every probability unrounded. 409 tells that another schema is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import Json, canonical_bytes, digest
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.manifest import FeatureEntry, Manifest


@dataclass(frozen=True, eq=False)
class WireSchema:
    """The ordered columns of a bundle's requests.

    Attributes:
        sets: feature set -> its columns' names on the wire, in the order of the set.
        own: feature set -> its columns' own names, in the same order.
    """

    deployment: str
    interval: Interval
    columns: tuple[str, ...]
    sets: Mapping[str, tuple[str, ...]]
    own: Mapping[str, tuple[str, ...]]

    @cached_property
    def name(self) -> str:
        """What a request states as its `schema`: `<deployment>@<digest of the ordered names>`."""
        names: list[Json] = list(self.columns)
        return f"{self.deployment}@{digest(canonical_bytes(names))}"

    @cached_property
    def blocks(self) -> tuple[tuple[str, ...], ...]:
        """The columns that the same sets own, in order: a row has all of a block, or none."""
        found: dict[tuple[str, ...], list[str]] = {}
        for column in self.columns:
            owners = tuple(name for name, columns in self.sets.items() if column in columns)
            found.setdefault(owners, []).append(column)
        return tuple(tuple(block) for block in found.values())


def wire_schema(manifest: Manifest) -> WireSchema:
    """Return the columns that requests to a bundle are to have.

    Feature sets stand in the alphabetical order of their names.
    """
    read = sorted(
        {
            one.feature_set
            for candidate in manifest.candidates.values()
            for one in candidate.members.values()
        }
    )
    entries: dict[str, set[FeatureEntry]] = {}
    for name in read:
        for one in manifest.features[name]:
            entries.setdefault(one.name, set()).add(one)
    sets = {
        name: tuple(
            one.name if len(entries[one.name]) == 1 else f"{name}/{one.name}"
            for one in manifest.features[name]
        )
        for name in read
    }
    return WireSchema(
        deployment=manifest.deployment,
        interval=manifest.interval,
        columns=tuple(dict.fromkeys(column for name in read for column in sets[name])),
        sets=sets,
        own={name: tuple(one.name for one in manifest.features[name]) for name in read},
    )


def wire_table(schema: WireSchema, rows: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lay the rows of a bundle's feature sets side by side, as a request holds them.

    Args:
        rows: feature set -> complete rows, index `open_time` ascending; a set that could not be
            computed may be missing.

    Returns:
        Index `open_time`: every candle from the first row of any set to the last one; columns
        `schema.columns`; NaN where a set has no row.
    """
    given = {name: rows[name] for name in schema.sets if name in rows and len(rows[name])}
    if not given:
        return pd.DataFrame(columns=list(schema.columns), dtype="float64")
    first = min(table.index[0] for table in given.values())
    last = max(table.index[-1] for table in given.values())
    opens = pd.date_range(first, last, freq=DURATION[schema.interval], name="open_time")
    table = np.full((len(opens), len(schema.columns)), np.nan)
    at = {column: place for place, column in enumerate(schema.columns)}
    for name, one in given.items():
        places = [at[column] for column in schema.sets[name]]
        values = one.loc[:, list(schema.own[name])].to_numpy(dtype="float64")
        table[opens.get_indexer(one.index)[:, None], places] = values
    return pd.DataFrame(table, index=opens, columns=list(schema.columns))


def split_features(table: pd.DataFrame) -> dict[str, Any]:
    """Return a table as the `features` of a request: `columns`, `index` (epoch ms), `data`.

    >>> opens = pd.DatetimeIndex(["1970-01-01 01:00"], tz="UTC", name="open_time")
    >>> split_features(pd.DataFrame({"a": [1.5], "b": [np.nan]}, index=opens))
    {'columns': ['a', 'b'], 'index': [3600000], 'data': [[1.5, None]]}
    """
    opens_ms = (pd.DatetimeIndex(table.index) - pd.Timestamp(0, tz="UTC")) // timedelta(
        milliseconds=1
    )
    values = table.to_numpy(dtype="float64")
    cells = values.astype(object)
    cells[~np.isfinite(values)] = None
    return {
        "columns": [str(name) for name in table.columns],
        "index": [int(one) for one in opens_ms],
        "data": cells.tolist(),
    }
