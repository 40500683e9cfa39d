"""The original's LightGBM behind the project's own learner verbs, for equal trees side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import lightgbm
import numpy as np
import pandas as pd

from benchmarks.original_experiment import CLASSES, fit_booster
from forecastlab.models.base import TrainingSet, aligned


@dataclass(frozen=True)
class OriginalLightGbm:
    """Learner of LightGBM with default parameters and 100 rounds, one symbol, one thread."""

    kind: ClassVar[str] = "original_lightgbm"
    symbol: str
    feature_set: str = "flow"

    def fit(self, training: TrainingSet, *, seed: int) -> OriginalModel:  # noqa: ARG002 - the verb's
        """Fit on the symbol's resolved rows; `seed` plays no part."""
        rows, labels = training.rows(self.feature_set, (self.symbol,))
        columns = tuple(str(name) for name in rows.columns)
        booster = fit_booster(aligned(rows, columns), labels.to_numpy(), threads=1)
        return OriginalModel(columns, booster)

    def describe(self) -> dict[str, Any]:
        """Return the parameters."""
        return {"symbol": self.symbol}


@dataclass(frozen=True, eq=False)
class OriginalModel:
    """The fitted trees."""

    kind: ClassVar[str] = "original_lightgbm"
    classes: ClassVar[tuple[int, ...]] = CLASSES
    columns: tuple[str, ...]
    booster: lightgbm.Booster = field(repr=False)

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return P(class | row)."""
        table = self.booster.predict(aligned(rows, self.columns), num_threads=1)
        return pd.DataFrame(np.asarray(table), index=rows.index, columns=list(CLASSES))

    def dump(self) -> dict[str, bytes]:
        """Return the booster's text."""
        return {"lightgbm.txt": self.booster.model_to_string().encode()}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the model."""
        booster = lightgbm.Booster(model_str=files["lightgbm.txt"].decode())
        return cls(tuple(booster.feature_name()), booster)
