"""The recipe of a deployment: one TOML file, checked and frozen."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forecastlab.contracts.canonical import canonical_bytes, digest
from forecastlab.contracts.errors import ConfigError


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetTable(_Table):
    """What is forecast: the kind of target and its candidates."""

    kind: Literal["reversal"]
    candidates: tuple[str, ...] = Field(min_length=1)


class FeatureTable(_Table):
    """The feature set that the learners read; `first_passage` always reads `variance`."""

    set: str
    variant: str = "scaled"


class TrainTable(_Table):
    """How the walk-forward and the final fit are run; `train_window` is `all` or days.

    `oof_from` is the first out-of-fold as-of date, `score_from` the first that counts in the
    evaluation; `refit_days` is also how often the deployment would be retrained.
    """

    symbols: tuple[str, ...] = Field(min_length=1)
    train_window: Literal["all"] | int = "all"
    oof_from: date
    score_from: date
    refit_days: int = Field(default=21, ge=1)
    embargo: int = Field(default=0, ge=0)
    seed: int = 1


class PredictionSetTable(_Table):
    """The conformal prediction set."""

    level: float = Field(default=0.8, gt=0, lt=1)
    scores: int = Field(default=500, ge=50)


class ServingTable(_Table):
    """The window that serving reads: daily candles, and recent days whose hours must be whole."""

    daily_candles: int = Field(default=1500, ge=60)
    whole_days: int = Field(default=28, ge=1)


class TrialsTable(_Table):
    """What the trial ledger cannot know: looks at the scored days before it was kept."""

    prior_looks: int = Field(default=0, ge=0)


class Recipe(_Table):
    """A deployment's TOML file.

    The digest covers what is learnt (target, features, members, train, prediction set, serving),
    not the name nor the number of looks.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_]+$")
    symbol: str = Field(pattern=r"^[A-Z0-9]{5,20}$")
    interval: Literal["1d"]
    target: TargetTable
    features: FeatureTable
    train: TrainTable
    members: dict[str, dict[str, Any]] = Field(min_length=1)
    prediction_set: PredictionSetTable = PredictionSetTable()
    serving: ServingTable = ServingTable()
    trials: TrialsTable = TrialsTable()

    @property
    def digest(self) -> str:
        """The digest of everything that is learnt."""
        learnt = self.model_dump(mode="json", exclude={"name", "trials"})
        return digest(canonical_bytes(learnt))


def parse_recipe(text: str, *, what: str) -> Recipe:
    """Read a recipe from TOML; `what` names the file in messages.

    Raises:
        ConfigError: no TOML, an unknown key, or a value out of bounds.
    """
    try:
        return Recipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{what} is not valid TOML: {error}.", remedy="Mend the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{what}: {where}: {first['msg']}.", remedy="See config/reversal.toml for an example."
        ) from error


def midnight(day: date) -> datetime:
    """Return the instant at which a UTC day begins.

    >>> midnight(date(2025, 9, 30)).isoformat()
    '2025-09-30T00:00:00+00:00'
    """
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
