"""What training reads: recipes, engines, what a bundle states of its making."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from forecastlab.adapters.provenance import git_commit, packages, python_version
from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.provenance import Provenance
from forecastlab.settings import read_settings
from forecastlab.settings.analyst import ANALYST_FILE
from forecastlab.targets.catalogue import check_target


def read_recipe(path: Path, *, symbol: str | None = None, size: str = "default") -> Recipe:
    """Read a recipe from its TOML file, for another symbol or in another size if asked.

    Raises:
        ConfigError: there is no such file, or it is no recipe.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}.", remedy="Name a recipe file."
        ) from error
    recipe = parse_recipe(text, what=str(path), symbol=symbol).sized(size)
    check_target(recipe.target, what=str(path))
    return recipe


def recipe_of(configs: Path, deployment: str) -> Recipe | None:
    """Return a deployment's recipe from a folder of TOML files, or None where none is its own.

    Raises:
        ConfigError: two files make the same deployment, or one of them is no recipe.
    """
    found = {
        path: recipe
        for path in sorted({*configs.glob("*.toml")} - {configs / ANALYST_FILE})
        if (recipe := _recipe_for(path, deployment)) is not None
    }
    if len(found) > 1:
        raise ConfigError(
            f"{' and '.join(str(path) for path in found)} both make {deployment}.",
            remedy="Give one of them another name.",
        )
    return next(iter(found.values()), None)


def _recipe_for(path: Path, deployment: str) -> Recipe | None:
    own = read_recipe(path)
    if own.name == deployment:
        return own
    symbol = deployment.rpartition("_")[2]
    if symbol not in own.train.symbols:
        return None
    other = read_recipe(path, symbol=symbol)
    return other if other.name == deployment else None


def compute_engine(name: str) -> AbstractContextManager[None]:
    """Run joblib's tasks on an engine while the context is open: loky, dask or ray.

    Raises:
        UsageError: there is no such engine.
        ConfigError: its library is not installed.
    """
    # joblib costs 0.1 s of every start that does not fit anything.
    from forecastlab.adapters.engines import engine  # noqa: PLC0415

    return engine(name)


def provenance() -> Provenance:
    """Return what a bundle states of its making."""
    # An image holds no git: its build says which commit it is of.
    return Provenance(read_settings().commit or git_commit(), python_version(), packages())
