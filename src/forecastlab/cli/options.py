"""Options that several commands share, and the workspace that they choose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from forecastlab.bootstrap import (
    Choice,
    chosen_settings,
    configure_logging,
    open_workspace,
    read_recipe,
)
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import UsageError
from forecastlab.settings import Settings
from forecastlab.usecases.model_versions import version_named
from forecastlab.usecases.shards import share as share_of
from forecastlab.usecases.workspace import Workspace

DEVICES: Final = ("auto", "cpu", "cuda")

Deployment = Annotated[
    str | None, typer.Option("--deployment", help="Deployment to act on.", metavar="NAME")
]
Source = Annotated[
    str | None,
    typer.Option("--source", help="binance, simulated or file:PATH.", metavar="SOURCE"),
]
Store = Annotated[
    str | None,
    typer.Option("--store", help="Folder of the store, or gs://bucket/prefix.", metavar="PATH"),
]
Bundle = Annotated[
    str | None, typer.Option("--bundle", help="Bundle to use, past the registry.", metavar="NAME")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing at all.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Verbose = Annotated[int, typer.Option("-v", count=True, help="More log lines; -vv for all.")]
Engine = Annotated[
    str, typer.Option("--engine", help="Where fits run: loky, dask or ray.", metavar="ENGINE")
]
Symbol = Annotated[
    str | None,
    typer.Option("--symbol", help="Forecast this symbol, not the recipe's.", metavar="SYMBOL"),
]
Size = Annotated[
    str, typer.Option("--size", help="A size that the recipe knows, as full.", metavar="SIZE")
]
Version = Annotated[
    str | None,
    typer.Option("--recipe", help="One version of a recipe that has several.", metavar="VERSION"),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", help="Where networks train: auto, cpu or cuda.", metavar="auto|cpu|cuda"
    ),
]
Why = Annotated[
    str, typer.Option("--why", help="The reason, kept in the registry.", metavar="TEXT")
]


def share(deployment: str | None) -> tuple[str, ...] | None:
    """Return this task's entries of FORECASTLAB_DEPLOYMENTS; None where one deployment is meant."""
    chosen = settings()
    if deployment is not None or not chosen.deployments:
        return None
    return share_of(chosen.deployments, chosen.task)


def settings(source: str | None = None, store: str | None = None) -> Settings:
    """Read the settings, with what the options say laid over them."""
    return chosen_settings(Choice(source=source, store=store))


def workspace(
    deployment: str | None = None,
    source: str | None = None,
    store: str | None = None,
    *,
    dry_run: bool = False,
    verbose: int = 0,
) -> Workspace:
    """Open the workspace that the options choose."""
    chosen = chosen_settings(Choice(deployment, source, store))
    configure_logging(chosen.log, verbose, log_format=chosen.log_format)
    return open_workspace(chosen, dry_run=dry_run)


def recipe(
    config: Path, *, symbol: str | None = None, size: str = "default", device: str | None = None
) -> Recipe:
    """Read the recipe that the options choose; networks train on the device chosen."""
    return read_recipe(config, symbol=symbol, size=size).trained_on(training_device(device))


def training_device(device: str | None) -> str:
    """Return the device that networks train on: the option's, or that of the settings."""
    chosen = device or chosen_settings(Choice()).device
    if chosen not in DEVICES:
        raise UsageError(f"There is no device {chosen!r}.", remedy=f"Choose {', '.join(DEVICES)}.")
    return chosen


def versions(recipe: Recipe, version: str | None) -> tuple[Recipe, ...]:
    """Return the version of a recipe that was named; all of them, best first, where none was.

    Raises:
        ConfigError: the recipe has no such version.
    """
    if version is None:
        return recipe.versions
    named = version_named(version, recipe.operations.ladder, what="--recipe")
    return (recipe.versioned(named or version),)
