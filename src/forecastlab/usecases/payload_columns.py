"""Which columns of a payload are which columns of a bundle, settled once for each list of names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecastlab.contracts.degradations import MISSING_COLUMNS
from forecastlab.contracts.wire_schema import WireSchema
from forecastlab.features.original_names import (
    Successor,
    is_optional,
    original_names,
    successors,
)
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.training_ranges import (
    Range,
    allowed,
    constant_columns,
    training_ranges,
)

_SHOWN = 5
"""Missing columns that the reason of a skipped member names."""


@dataclass(frozen=True, eq=False)
class _Made:
    """A column that is computed: from these columns of the payload."""

    of: tuple[int, ...]
    successor: Successor


@dataclass(frozen=True, eq=False)
class PayloadColumns:
    """How payloads with one list of columns are read.

    Attributes:
        names: the bundle's columns that they give, sent or computed; the columns of `table`.
        sets: feature set -> the places of its columns in `table`, or why it cannot be read.
        missing: columns of the schema that were not sent.
        foreign: columns that a request without a schema may have, and one with a schema may not.
        unknown: columns that nobody knows.
        sent: the places in the payload of those names that were sent; the others are `made`.
        blocks: the places in `table` of sent columns that stand or fall together.
        low, high: what a value of each name may be.
    """

    names: tuple[str, ...]
    sets: Mapping[str, np.ndarray | str]
    missing: tuple[str, ...]
    foreign: tuple[str, ...]
    unknown: tuple[str, ...]
    coverage: Mapping[str, float]
    warnings: tuple[str, ...]
    sent: np.ndarray
    made: tuple[_Made, ...]
    blocks: tuple[np.ndarray, ...]
    low: np.ndarray
    high: np.ndarray
    ranges: Mapping[str, Range]

    def table(self, matrix: np.ndarray) -> np.ndarray:
        """Return the bundle's columns of a payload's values, shape (rows, names)."""
        sent = matrix[:, self.sent]
        if not self.made:
            return sent
        # Rows of nonsense may divide by zero; what comes of it is refused with its column's name.
        with np.errstate(all="ignore"):
            made = [one.successor.make(*(matrix[:, at] for at in one.of)) for one in self.made]
        return np.column_stack((sent, *made))

    def broken(self, table: np.ndarray) -> list[str]:
        """Return the sent columns with a value that is not finite where its block has others.

        A row in which a whole block is missing says that its sets have no row there.
        """
        gone = ~np.isfinite(table[:, : len(self.sent)])
        if not gone.any():
            return []
        found: set[int] = set()
        for places in self.blocks:
            absent = gone[:, places].all(axis=1)
            found |= set(places[gone[:, places][~absent].any(axis=0)].tolist())
        if gone.all():
            found |= set(range(gone.shape[1]))
        return [self.names[place] for place in sorted(found)]

    def far(self, table: np.ndarray) -> list[str]:
        """Return the columns with a value far outside of training's range, and both."""
        outside = (table < self.low) | (table > self.high)
        if not outside.any():
            return []
        found = []
        for place in np.flatnonzero(outside.any(axis=0)):
            name = self.names[place]
            value = table[np.flatnonzero(outside[:, place])[0], place]
            low, high = self.ranges[name]
            found.append(f"{name} ({value:.4g}; in training {low:.4g} to {high:.4g})")
        return found


@dataclass(frozen=True, eq=False)
class PayloadReading:
    """What a bundle's payloads may hold."""

    schema: WireSchema
    dropped: frozenset[str]
    originals: frozenset[str]
    successors: Mapping[str, Successor]
    constant: tuple[str, ...]
    ranges: Mapping[str, Range]

    @classmethod
    def of(cls, bundle: OpenBundle, schema: WireSchema) -> PayloadReading:
        """Read it from a bundle."""
        manifest = bundle.files.manifest
        symbol, references = manifest.symbol, manifest.recipe.references
        return cls(
            schema=schema,
            dropped=frozenset(name for one in manifest.dropped.values() for name in one),
            originals=original_names(symbol, manifest.interval, references),
            successors=successors(symbol, references),
            constant=constant_columns(bundle, schema),
            ranges=training_ranges(bundle, schema),
        )

    def columns(self, sent: tuple[str, ...]) -> PayloadColumns:
        """Settle how payloads with these columns are read."""
        at = {name: place for place, name in enumerate(sent)}
        given = [name for name in self.schema.columns if name in at]
        made = {
            name: _Made(tuple(at[source] for source in one.of), one)
            for name, one in self.successors.items()
            if name in self.schema.columns and name not in at and all(s in at for s in one.of)
        }
        names = (*given, *made)
        known = {*self.schema.columns}
        others = [name for name in sent if name not in known]
        foreign = [name for name in others if self._passed_over(name)]
        unknown = [name for name in others if not self._passed_over(name)]
        low, high = allowed(self.ranges, names)
        return PayloadColumns(
            names=names,
            sets=self._sets(names),
            missing=tuple(name for name in self.schema.columns if name not in at),
            foreign=tuple(name for name in foreign if name not in self.dropped),
            unknown=tuple(unknown),
            coverage={
                name: sum(one in names for one in columns) / len(columns)
                for name, columns in self.schema.sets.items()
            },
            warnings=tuple(
                f"constant in training: {name}" for name in self.constant if name in names
            ),
            sent=np.array([at[name] for name in given], dtype="int64"),
            made=tuple(made.values()),
            blocks=self._blocks(given),
            low=low,
            high=high,
            ranges=self.ranges,
        )

    def _passed_over(self, name: str) -> bool:
        return name in self.dropped or name in self.originals or is_optional(name)

    def _sets(self, names: tuple[str, ...]) -> dict[str, np.ndarray | str]:
        place = {name: at for at, name in enumerate(names)}
        found: dict[str, np.ndarray | str] = {}
        for feature_set, columns in self.schema.sets.items():
            missing = [name for name in columns if name not in place]
            if missing:
                more = f", … {len(missing)} in all" if len(missing) > _SHOWN else ""
                shown = ", ".join(missing[:_SHOWN])
                found[feature_set] = MISSING_COLUMNS.says(columns=f"{shown}{more}")
            else:
                found[feature_set] = np.array([place[name] for name in columns])
        return found

    def _blocks(self, given: list[str]) -> tuple[np.ndarray, ...]:
        place = {name: at for at, name in enumerate(given)}
        found = ([place[one] for one in block if one in place] for block in self.schema.blocks)
        return tuple(np.array(one) for one in found if one)
