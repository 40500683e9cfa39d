"""A learner is added as docs/architecture.md says: a config and a model, and one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.errors import BundleRefused
from forecastlab.models.base import TrainingSet, aligned
from forecastlab.models.catalogue import LEARNERS
from tests.contract import test_learner as suite
from tests.contract.test_learner import *  # noqa: F403 - the contract of every learner
from tests.extension.conftest import Trained, recipe_with

KIND: Final = "nearest_mean"
FILE: Final = "nearest_mean.json"

# What a file `models/nearest_mean.py` holds.


@dataclass(frozen=True)
class NearestMean:
    """The classes' mean rows; a row belongs the likelier to a class the nearer it is to its mean.

    Attributes:
        share: of the training days' class frequencies that every forecast keeps.
    """

    kind: ClassVar[str] = KIND
    feature_set: str = "flow"
    symbols: tuple[str, ...] = ()
    share: float = 0.9

    def describe(self) -> dict[str, Any]:
        return asdict(self)

    def fit(self, training: TrainingSet, *, seed: int) -> NearestMeanModel:
        rows, labels = training.rows(self.feature_set, self.symbols)
        matrix, classes = rows.to_numpy(), training.target.classes
        centre, scale = matrix.mean(axis=0), matrix.std(axis=0) + 1e-9
        scaled = (matrix - centre) / scale
        of_class = [labels.to_numpy() == one for one in classes]
        return NearestMeanModel(
            tuple(map(str, rows.columns)),
            classes,
            self.share,
            (centre.tolist(), scale.tolist()),
            [(scaled[those].sum(axis=0) / max(those.sum(), 1)).tolist() for those in of_class],
            [float((those.sum() + 1) / (len(matrix) + len(classes))) for those in of_class],
        )


@dataclass(frozen=True)
class NearestMeanModel:
    kind: ClassVar[str] = KIND
    columns: tuple[str, ...]
    classes: tuple[int, ...]
    share: float
    scaling: tuple[list[float], list[float]]
    means: list[list[float]]
    frequencies: list[float]

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        centre, scale = self.scaling
        scaled = (aligned(rows, self.columns) - centre) / scale
        distance = np.square(scaled[:, None, :] - self.means).mean(axis=2)
        near = np.exp(distance.min(axis=1, keepdims=True) - distance)
        near /= near.sum(axis=1, keepdims=True)
        table = (1 - self.share) * near + self.share * np.array(self.frequencies)
        return pd.DataFrame(table, index=rows.index, columns=list(self.classes))

    def dump(self) -> dict[str, bytes]:
        return {FILE: json.dumps(asdict(self)).encode()}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        try:
            found = json.loads(files[FILE])
            columns, classes = tuple(found.pop("columns")), tuple(found.pop("classes"))
            return cls(columns, classes, scaling=tuple(found.pop("scaling")), **found)
        except (KeyError, ValueError, TypeError) as error:
            raise BundleRefused(
                f"{FILE} is missing or broken: {error}.", remedy="Train the bundle again."
            ) from error


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the one line of the catalogue; the suite has a case for each."""
    monkeypatch.setitem(LEARNERS, KIND, lambda: (NearestMean, NearestMeanModel))
    monkeypatch.setitem(suite.CASES, KIND, lambda: suite.made(KIND))


@pytest.fixture
def kind() -> str:
    """Let the suite examine this learner alone."""
    return KIND


def test_a_quick_recipe_trains_it_and_the_bundle_holds_it(trained: Trained) -> None:
    manifest = trained(recipe_with((KIND,)))
    [candidate] = manifest.candidates.values()
    assert [one.reference for one in candidate.evaluation.members] == [KIND]
    assert list(candidate.members) == [KIND]
    assert f"model_T14_X8/{FILE}" in manifest.files
    assert manifest.gates["L5"]["passed"]
