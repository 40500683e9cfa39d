"""Learners by their kind; a new learner adds one line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from forecastlab.contracts.errors import ConfigError
from forecastlab.models.base import Learner, Model
from forecastlab.models.first_passage import FirstPassage, FirstPassageModel
from forecastlab.models.gbm import LightGbm, LightGbmModel

LEARNERS: Final[Mapping[str, tuple[type[Any], type[Any]]]] = {
    "first_passage": (FirstPassage, FirstPassageModel),
    "lightgbm": (LightGbm, LightGbmModel),
}
"""Kind -> learner (the frozen config) and model (the fitted thing). The base rate is the bar, no
member."""


def make_learner(kind: str, parameters: Mapping[str, Any], symbols: tuple[str, ...]) -> Learner:
    """Build a learner from a recipe's table; `symbols` are pooled where the table names none.

    Raises:
        ConfigError: the kind or a parameter is unknown.
    """
    if kind not in LEARNERS:
        raise ConfigError(
            f"There is no member {kind!r}.", remedy=f"Choose among {', '.join(sorted(LEARNERS))}."
        )
    learner = LEARNERS[kind][0]
    known = {field.name for field in dataclasses.fields(learner)}
    unknown = sorted(parameters.keys() - known)
    if unknown:
        raise ConfigError(
            f"The member {kind} has no parameter {', '.join(unknown)}.",
            remedy=f"It knows {', '.join(sorted(known))}.",
        )
    values = {key: tuple(one) if isinstance(one, list) else one for key, one in parameters.items()}
    made: Learner = learner(**{"symbols": symbols, **values})
    return made


def load_model(kind: str, files: Mapping[str, bytes]) -> Model:
    """Rebuild a fitted member from its files.

    Raises:
        ConfigError: the kind is unknown.
        BundleRefused: a file does not hold what it should.
    """
    if kind not in LEARNERS:
        raise ConfigError(f"There is no member {kind!r}.", remedy="Update ForecastLab.")
    model: Model = LEARNERS[kind][1].load(files)
    return model
