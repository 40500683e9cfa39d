"""Learners by their kind; a new learner adds one line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import BundleRefused, ConfigError
from forecastlab.models.base import Learner, Model
from forecastlab.models.first_passage import FirstPassage, FirstPassageModel

Kind = tuple[type[Any], type[Any]]
"""A learner (the frozen config) and its model (the fitted thing)."""


def _lightgbm() -> Kind:
    # A command that fits and loads nothing does not pay for the library: 0.1 s of every start.
    from forecastlab.models.gbm import LightGbm, LightGbmModel  # noqa: PLC0415

    return LightGbm, LightGbmModel


def _lightgbm_cross() -> Kind:
    from forecastlab.models.gbm import LightGbmCross, LightGbmCrossModel  # noqa: PLC0415 - as above

    return LightGbmCross, LightGbmCrossModel


def _xgboost() -> Kind:
    from forecastlab.models.xgb import XgBoost, XgBoostModel  # noqa: PLC0415 - 0.2 s, as above

    return XgBoost, XgBoostModel


def _lstm() -> Kind:
    # Loads neither torch nor ONNX Runtime: the first fit and the first session do.
    from forecastlab.models.sequence.learner import Lstm  # noqa: PLC0415
    from forecastlab.models.sequence.model import LstmModel  # noqa: PLC0415

    return Lstm, LstmModel


def _tft() -> Kind:
    from forecastlab.models.sequence.learner import Tft  # noqa: PLC0415 - as above
    from forecastlab.models.sequence.model import TftModel  # noqa: PLC0415

    return Tft, TftModel


LEARNERS: Final[Mapping[str, Callable[[], Kind]]] = {
    "first_passage": lambda: (FirstPassage, FirstPassageModel),
    "lightgbm": _lightgbm,
    "lightgbm_cross": _lightgbm_cross,
    "xgboost": _xgboost,
    "lstm": _lstm,
    "tft": _tft,
}
"""Kind -> learner and model. The base rate is no member: it is the bar."""

OWN_SETS: Final[Mapping[str, str]] = {"lightgbm_cross": "direction_cross"}
"""Kinds that read a set of their own, whatever the recipe's is, unless their table names one."""


SMALL: Final[Mapping[str, Mapping[str, Any]]] = {
    "lstm": {"hidden": 8, "epochs": 2, "seeds": 1, "refit_every": 1000},
    "tft": {"hidden": 8, "epochs": 2, "seeds": 1, "refit_every": 1000},
}
"""The kinds that only torch can train -> parameters of a network that is fitted in seconds."""


def learner_class(kind: str) -> type[Any]:
    """Return the class of a learner's config.

    Raises:
        ConfigError: the kind is unknown.

    >>> learner_class("lightgbm").kind
    'lightgbm'
    """
    if kind not in LEARNERS:
        raise ConfigError(
            f"There is no member {kind!r}.", remedy=f"Choose among {', '.join(sorted(LEARNERS))}."
        )
    return LEARNERS[kind]()[0]


def make_learners(recipe: Recipe) -> dict[str, Learner]:
    """Build every member of a recipe, in its order, which is that of simplicity.

    Raises:
        ConfigError: a kind or a parameter is unknown.
    """
    return {
        kind: make_learner(kind, parameters, recipe.train.symbols, feature_set=recipe.features.set)
        for kind, parameters in recipe.members.items()
    }


def make_learner(
    kind: str, parameters: Mapping[str, Any], symbols: tuple[str, ...], *, feature_set: str = "flow"
) -> Learner:
    """Build a learner from a recipe's table.

    Args:
        symbols: pooled where the table names none.
        feature_set: read by a learner that has no set of its own.

    Raises:
        ConfigError: the kind or a parameter is unknown.
    """
    learner = learner_class(kind)
    known = {field.name for field in dataclasses.fields(learner)}
    unknown = sorted(parameters.keys() - known)
    if unknown:
        raise ConfigError(
            f"The member {kind} has no parameter {', '.join(unknown)}.",
            remedy=f"It knows {', '.join(sorted(known))}.",
        )
    values = {key: tuple(one) if isinstance(one, list) else one for key, one in parameters.items()}
    own = {"symbols": symbols, "feature_set": OWN_SETS.get(kind, feature_set)}
    made: Learner = learner(**{key: own[key] for key in own.keys() & known} | values)
    return made


def load_model(kind: str, files: Mapping[str, bytes]) -> Model:
    """Rebuild a fitted member from its files.

    Raises:
        BundleRefused: the kind is unknown, or a file does not hold what it should.
    """
    if kind not in LEARNERS:
        raise BundleRefused(
            f"The bundle has a member of the unknown kind {kind!r}.", remedy="Update ForecastLab."
        )
    loaded: Model = LEARNERS[kind]()[1].load(files)
    return loaded
