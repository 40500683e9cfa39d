"""The members of a bundle, asked with arrays instead of tables, many requests at once.

A table around one row costs more than what the row is asked for: a tree's forecast of .02 ms takes
.33 ms with it, all three heads 16 ms instead of 1. The numbers are those of the table's path to the
last bit, as the models compute both from the same arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

import numpy as np

from forecastlab.contracts.canonical import canonical_bytes
from forecastlab.contracts.degradations import INSUFFICIENT_ROWS
from forecastlab.contracts.errors import BundleRefused
from forecastlab.models.base import Model, window_of
from forecastlab.models.sequence.model import SequenceModel
from forecastlab.models.sequence.windows import complete_windows
from forecastlab.usecases.open_bundle import OpenBundle

MOST_WINDOWS: Final = 16
"""Windows that one run of a graph forecasts: a thread that runs more keeps all others waiting."""


class RowModel(Protocol):
    """A model that forecasts each row by itself."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its rows, in order."""
        ...

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Return P(class | row), shape (rows, classes)."""
        ...


@dataclass(frozen=True, eq=False)
class SetRows:
    """The newest rows of one feature set; the last is the as-of's.

    Attributes:
        matrix: float64, finite, in the order of the set's columns.
        opens_ms: ascending, shape (rows,).
        known: rows that there are in all, of which these are the last.
    """

    matrix: np.ndarray
    opens_ms: np.ndarray
    known: int


Asked = Mapping[str, SetRows | str]
"""Feature set -> its rows, or why there are none."""


@dataclass(frozen=True, eq=False)
class Answered:
    """What the members said to one request.

    Attributes:
        members: candidate -> member -> probabilities, shape (classes,).
        skipped: candidate -> member that could not answer -> why.
    """

    members: dict[str, dict[str, np.ndarray]]
    skipped: dict[str, dict[str, str]]


@dataclass(frozen=True, eq=False)
class _Member:
    """A member by its name, with its models by candidate, all of which read the same rows."""

    name: str
    feature_set: str
    order: np.ndarray
    models: Mapping[str, Model]
    window: int


class ArrayMembers:
    """All members of a bundle.

    Args:
        own: feature set -> its columns, in the order of the rows that will be handed over.

    Raises:
        BundleRefused: a member reads no such set, or takes tables only.
    """

    def __init__(self, bundle: OpenBundle, own: Mapping[str, tuple[str, ...]]) -> None:
        self._candidates = tuple(bundle.forecasters)
        self._members = tuple(_members(bundle, own))
        self.rows: dict[str, int] = {}
        """Feature set -> rows that its longest window reads."""
        for one in self._members:
            self.rows[one.feature_set] = max(self.rows.get(one.feature_set, 1), one.window)

    def answers(self, asked: Sequence[Asked]) -> list[Answered]:
        """Ask every member about the as-of of each request."""
        answered = [
            Answered(
                {name: {} for name in self._candidates}, {name: {} for name in self._candidates}
            )
            for _ in asked
        ]
        for member in self._members:
            ready: list[int] = []
            rows: list[SetRows] = []
            for place, one in enumerate(asked):
                found = one[member.feature_set]
                why = found if isinstance(found, str) else _unfit(member, found)
                for candidate in member.models if why is not None else ():
                    answered[place].skipped[candidate][member.name] = str(why)
                if why is None and isinstance(found, SetRows):
                    ready.append(place)
                    rows.append(found)
            if ready:
                for candidate, said in _said(member, rows).items():
                    for place, probabilities in zip(ready, said, strict=True):
                        answered[place].members[candidate][member.name] = probabilities
        return answered


def _members(bundle: OpenBundle, own: Mapping[str, tuple[str, ...]]) -> list[_Member]:
    """Join the models of a name over the candidates; heads of one network share its graph."""
    groups: dict[tuple[str, str, tuple[str, ...], object], dict[str, Model]] = {}
    for candidate, forecaster in bundle.forecasters.items():
        for name, model in forecaster.members.items():
            if not hasattr(model, "probabilities"):
                raise BundleRefused(
                    f"The member {name} of {bundle.files.name} cannot be asked over the wire.",
                    remedy="Leave the deployment out of what the service predicts.",
                )
            key = (name, forecaster.keys[name].feature_set, model.columns, _network(model))
            groups.setdefault(key, {})[candidate] = model
    found = []
    for (name, feature_set, columns, _), models in groups.items():
        place = {column: at for at, column in enumerate(own[feature_set])}
        order = np.array([place[column] for column in columns])
        window = window_of(next(iter(models.values())))
        found.append(_Member(name, feature_set, order, models, window))
    return found


def _network(model: Model) -> object:
    """Return what the heads of one network share, and two networks do not; None for trees."""
    if not isinstance(model, SequenceModel):
        return None
    reading, scaling = model.reading, canonical_bytes(model.scaling.document())
    return model.graph, scaling, reading.length, reading.max_gap, reading.candle_ms


def _unfit(member: _Member, rows: SetRows) -> str | None:
    """Say why a member cannot be asked with these rows, or None."""
    if member.window == 1:
        return None
    reading = cast("SequenceModel", next(iter(member.models.values()))).reading
    ends = complete_windows(
        rows.opens_ms, length=reading.length, candle_ms=reading.candle_ms, max_gap=reading.max_gap
    )
    return None if ends[-1] else INSUFFICIENT_ROWS.says(rows=rows.known, needed=member.window)


def _said(member: _Member, rows: Sequence[SetRows]) -> dict[str, np.ndarray]:
    """Return candidate -> probabilities, one row for each request."""
    if member.window == 1:
        matrix = np.stack([one.matrix[-1] for one in rows])[:, member.order]
        return {
            candidate: cast("RowModel", model).probabilities(matrix)
            for candidate, model in member.models.items()
        }
    models = {name: cast("SequenceModel", model) for name, model in member.models.items()}
    first = next(iter(models.values()))
    windows = np.stack(
        [first.scaling.apply(one.matrix[-member.window :, member.order]) for one in rows]
    )
    odds = np.concatenate(
        [
            first.log_odds(windows[begin : begin + MOST_WINDOWS])
            for begin in range(0, len(windows), MOST_WINDOWS)
        ]
    )
    return {name: model.probabilities(odds) for name, model in models.items()}
