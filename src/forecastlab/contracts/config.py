"""The recipe of a deployment: one TOML file, checked and frozen."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forecastlab.contracts.canonical import canonical_bytes, digest
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.intervals import Interval, per_day
from forecastlab.contracts.operations import Operations
from forecastlab.contracts.toml_text import parse_toml

DEFAULT_SIZE: Final = "default"

NETWORKS: Final = ("lstm", "tft")
"""Kinds of members that torch trains."""

DEVICE: Final = "device"


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetTable(_Table):
    """What is forecast: the kind of target, which `targets.catalogue` knows, and its candidates."""

    kind: str
    candidates: tuple[str, ...] = Field(min_length=1)


class FeatureTable(_Table):
    """The feature set that the learners read, unless a member's table names another.

    `references` are the symbols that cross-asset features compare with; the forecast symbol itself
    is left out of them. `funding` reads the funding rates that may lie beside a file source's
    candles; no other source has them.
    """

    set: str
    variant: str = "scaled"
    references: tuple[str, ...] = ()
    funding: bool = False


class TrainTable(_Table):
    """How the walk-forward and the final fit are run; `train_window` is `all` or days.

    `oof_from` is the first out-of-fold as-of date, `score_from` the first that counts in the
    evaluation; `refit_days` is also how often the deployment would be retrained. `embargo` counts
    candles. Of the labels, every `fit_every`-th is learnt from; all are forecast.
    """

    symbols: tuple[str, ...] = Field(min_length=1)
    train_window: Literal["all"] | int = "all"
    oof_from: date
    score_from: date
    refit_days: int = Field(default=21, ge=1)
    embargo: int = Field(default=0, ge=0)
    seed: int = 1
    fit_every: int = Field(default=1, ge=1)


class PredictionSetTable(_Table):
    """The conformal prediction set."""

    level: float = Field(default=0.8, gt=0, lt=1)
    scores: int = Field(default=500, ge=50)


class ServingTable(_Table):
    """The window that serving reads: days of candles, and recent days whose hours must be whole."""

    daily_candles: int = Field(default=1500, ge=60)
    whole_days: int = Field(default=28, ge=1)


class TrialsTable(_Table):
    """What the trial ledger cannot know: looks at the scored days before it was kept."""

    prior_looks: int = Field(default=0, ge=0)


class ContextTable(_Table):
    """The regime and quantile models beside the forecasters; refitted every so many days."""

    refit_days: int = Field(default=182, ge=1)
    fit_every: int = Field(default=1, ge=1)


class Recipe(_Table):
    """A deployment's TOML file.

    The digest covers what is learnt (target, features, members, train, prediction set, serving)
    and the version, not the name, the number of looks, nor how the deployment is operated.

    A deployment may have several versions, `[recipes.<version>.<table>]`, each laid over the common
    tables; `recipe` names the version that this is, once one was chosen.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_]+$")
    symbol: str = Field(pattern=r"^[A-Z0-9]{5,20}$")
    interval: Interval
    target: TargetTable
    features: FeatureTable
    train: TrainTable
    members: dict[str, dict[str, Any]] = Field(min_length=1)
    prediction_set: PredictionSetTable = PredictionSetTable()
    serving: ServingTable = ServingTable()
    context: ContextTable | None = None
    sizes: dict[str, dict[str, Any]] | None = None
    recipe: str | None = None
    recipes: dict[str, dict[str, Any]] | None = None
    trials: TrialsTable = TrialsTable()
    operations: Operations = Operations()

    @property
    def references(self) -> tuple[str, ...]:
        """The symbols that cross-asset features compare the forecast symbol with."""
        return tuple(one for one in self.features.references if one != self.symbol)

    @property
    def refit_candles(self) -> int:
        """Candles from one refit to the next."""
        return self.train.refit_days * per_day(self.interval)

    @property
    def bundle_name(self) -> str:
        """What its bundles' names begin with: the deployment, and the version if it is one."""
        return self.name if self.recipe is None else f"{self.name}_{self.recipe}"

    @property
    def versions(self) -> tuple[Recipe, ...]:
        """Every version, in the order of the ladder; the recipe itself where it has none."""
        if self.recipes is None:
            return (self,)
        return tuple(self.versioned(one) for one in self.operations.ladder)

    def versioned(self, version: str) -> Recipe:
        """Return one version: `[recipes.<version>.<table>]` laid over the common tables.

        Raises:
            ConfigError: the recipe knows no such version.
        """
        if self.recipes is None or version not in self.recipes:
            known = ", ".join(self.recipes or ()) or "none"
            raise ConfigError(f"{self.name} has no version {version!r}.", remedy=f"It has {known}.")
        common = self.model_dump(exclude={"recipes"})
        laid = _laid_over(common, self.recipes[version])
        return Recipe.model_validate({**laid, "recipe": version})

    def sized(self, size: str) -> Recipe:
        """Return the recipe in another size: `[sizes.<size>.<table>]` laid over its tables.

        Raises:
            ConfigError: the recipe knows no such size.
        """
        if size == DEFAULT_SIZE:
            return self
        if self.sizes is None or size not in self.sizes:
            raise ConfigError(
                f"{self.name} has no size {size!r}.",
                remedy=f"Choose one of {', '.join((DEFAULT_SIZE, *(self.sizes or ())))}.",
            )
        whole = self.model_dump()
        return Recipe.model_validate(_laid_over(whole, self.sizes[size]))

    def trained_on(self, device: str) -> Recipe:
        """Return the recipe with the device that its networks train on; no part of its digest."""
        members = {
            name: {**table, DEVICE: device} if name in NETWORKS else table
            for name, table in self.members.items()
        }
        return self.model_copy(update={"members": members})

    @property
    def digest(self) -> str:
        """The digest of everything that is learnt."""
        apart = {"name", "trials", "sizes", "recipes", "operations"}
        learnt = self.model_dump(mode="json", exclude=apart)
        if self.recipe is None:
            del learnt["recipe"]
        for table in learnt["members"].values():
            table.pop(DEVICE, None)
        return digest(canonical_bytes(learnt))


def parse_recipe(text: str, *, what: str, symbol: str | None = None) -> Recipe:
    """Read a recipe from TOML; `what` names the file in messages.

    `{symbol}` inside any text stands for the symbol: the file's, or the one given.

    Raises:
        ConfigError: no TOML, an unknown key, a value out of bounds, or a symbol not learnt from.
    """
    document = parse_toml(text, what=what)
    try:
        chosen = symbol or document.get("symbol")
        recipe = Recipe.model_validate(_for_symbol({**document, "symbol": chosen}, str(chosen)))
        # Laid over each other now, so that no version or size turns out to be none when it is used.
        for one in (recipe, *(recipe.versioned(version) for version in recipe.recipes or ())):
            for size in recipe.sizes or ():
                one.sized(size)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{what}: {where}: {first['msg']}.", remedy="See config/reversal.toml for an example."
        ) from error
    if sorted(recipe.operations.ladder) != sorted(recipe.recipes or ()):
        raise ConfigError(
            f"{what}: operations.ladder names {', '.join(recipe.operations.ladder) or 'nothing'},"
            f" and there are recipes for {', '.join(recipe.recipes or ()) or 'nothing'}.",
            remedy="Let the ladder name every [recipes.…] once, the best first.",
        )
    if recipe.symbol not in recipe.train.symbols:
        raise ConfigError(
            f"{what}: train.symbols do not hold {recipe.symbol}, which is forecast.",
            remedy=f"Add {recipe.symbol} to them, or choose one of them.",
        )
    return recipe


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    laid = dict(below)
    for key, value in above.items():
        deeper = isinstance(value, dict) and isinstance(below.get(key), dict)
        laid[key] = _laid_over(below[key], value) if deeper else value
    return laid


def _for_symbol(value: Any, symbol: str) -> Any:
    if isinstance(value, str):
        return value.replace("{symbol}", symbol)
    if isinstance(value, dict):
        return {key: _for_symbol(one, symbol) for key, one in value.items()}
    return [_for_symbol(one, symbol) for one in value] if isinstance(value, list) else value


def midnight(day: date) -> datetime:
    """Return the instant at which a UTC day begins.

    >>> midnight(date(2025, 9, 30)).isoformat()
    '2025-09-30T00:00:00+00:00'
    """
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
