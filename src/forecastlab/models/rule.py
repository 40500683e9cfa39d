"""What a bundle does with its members' forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import canonical_bytes, parse_document, whole
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.models.conformal import PredictionSets
from forecastlab.models.methods import (
    CALIBRATED,
    POOL,
    STACK,
    Combiner,
    EqualWeightPool,
    load_combiner,
    methods_for,
)

FILE: Final = "rule.json"


@dataclass(frozen=True, eq=False)
class Rule:
    """What is done with the members' forecasts at one instant: combine, and name the set."""

    method: str
    members: tuple[str, ...]
    classes: tuple[int, ...]
    combiner: Combiner
    sets: PredictionSets

    @property
    def stacks(self) -> bool:
        """Whether its own method is a stack, calibrated or not."""
        return self.method.removesuffix(CALIBRATED) == STACK

    def forecast(self, members: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Return the published probabilities: index of the members' rows, columns `classes`.

        Raises:
            DataMalformed: a member is missing, or its values are no probabilities.
        """
        missing = [name for name in self.members if name not in members]
        if missing:
            raise DataMalformed(
                f"the forecasts of {', '.join(missing)} are missing.",
                remedy="Ask every member of the bundle.",
            )
        index = members[self.members[0]].index
        tables = {
            name: checked_probabilities(name, members[name], index, self.classes)
            for name in self.members
        }
        values = self.combiner.combine(tables)
        return pd.DataFrame(values, index=index, columns=list(self.classes))

    def forecast_with(
        self, answers: Mapping[str, pd.DataFrame], *, stacking: bool = True
    ) -> tuple[str, pd.DataFrame]:
        """Return the method that spoke and what it published, from the members that answered.

        The rule's own method, if all of its members answered or it is one member's; else the
        equal-weight pool of those that did, or of all others where none of them did. Without
        `stacking` the pool stands in for a stack as well: it is the next simpler of the methods
        and needs no fit, and it is what a stack is shrunk to.

        Raises:
            DataMalformed: a member's values are no probabilities.
        """
        index = next(iter(answers.values())).index
        own = [name for name in self.members if name in answers]
        tables = {
            name: checked_probabilities(name, answers[name], index, self.classes)
            for name in own or answers
        }
        method, values = self.combined(tables, stacking=stacking)
        return method, pd.DataFrame(values, index=index, columns=list(self.classes))

    def combined(
        self, answers: Mapping[str, np.ndarray], *, stacking: bool = True
    ) -> tuple[str, np.ndarray]:
        """Return the same of members' probabilities of shape (rows, classes), as they are."""
        own = {name: answers[name] for name in self.members if name in answers}
        whole = len(own) == len(self.members)
        if whole and (stacking or not self.stacks):
            return self.method, self.combiner.combine(own)
        alone = self.method.removesuffix(CALIBRATED) in own
        method, combiner = (self.method, self.combiner) if alone else (POOL, EqualWeightPool())
        return method, combiner.combine(own or answers)

    def prediction_sets(self, probabilities: pd.DataFrame) -> list[tuple[int, ...]]:
        """Return the labels in each row's prediction set, ascending; never empty."""
        inside = self.sets.contains(probabilities.loc[:, list(self.classes)].to_numpy())
        return [tuple(np.asarray(self.classes)[row].tolist()) for row in inside]

    def dump(self) -> dict[str, bytes]:
        """Return the rule as files."""
        document = canonical_bytes(
            {
                "method": self.method,
                "members": list(self.members),
                "classes": list(self.classes),
            }
        )
        return {FILE: document, **self.combiner.dump(), **self.sets.dump()}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the rule from what `dump` gave.

        Raises:
            BundleRefused: a file is missing or does not hold what it should.
        """
        try:
            document: dict[str, Any] = parse_document(files[FILE], what=FILE)
            method = str(document["method"])
            members = tuple(str(name) for name in document["members"])
            classes = tuple(whole(label) for label in document["classes"])
        except (KeyError, TypeError, ValueError, DataMalformed) as error:
            raise BundleRefused(
                f"{FILE} holds no rule ({error}).", remedy="Restore the bundle."
            ) from error
        if method not in {known.name for known in methods_for(members)}:
            raise BundleRefused(
                f"{FILE} names the unknown method {method!r}.", remedy="Update ForecastLab."
            )
        sets = PredictionSets.load(files)
        return cls(method, members, classes, load_combiner(method, files), sets)


def checked_probabilities(
    name: str, table: pd.DataFrame, index: pd.Index, classes: tuple[int, ...]
) -> np.ndarray:
    """Return a member's probabilities as a matrix, shape (rows, classes).

    Raises:
        DataMalformed: the rows or classes are others, or a value is no probability.

    >>> table = pd.DataFrame({1: [0.75], 0: [0.25]})
    >>> checked_probabilities("gbm", table, table.index, (0, 1)).tolist()
    [[0.25, 0.75]]
    """
    if not table.index.equals(index) or {*table.columns} ^ {*classes}:
        raise DataMalformed(
            f"the member {name} forecasts other rows or classes.",
            remedy="Join all members on the rows that each of them forecasts.",
        )
    values = table.loc[:, list(classes)].to_numpy(dtype="float64")
    fine = np.isfinite(values) & (values >= 0)
    if not fine.all() or (len(values) and np.abs(values.sum(axis=1) - 1).max() > 1e-6):
        raise DataMalformed(
            f"the member {name} gives values that are no probabilities"
            f" ({int((~fine).any(axis=1).sum())} rows missing or negative).",
            remedy="Check the features behind it, or take the member out of the config.",
        )
    return values
