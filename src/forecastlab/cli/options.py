"""Options that several commands share, and the workspace that they choose."""

from __future__ import annotations

from typing import Annotated

import typer

from forecastlab.bootstrap import Choice, chosen_settings, configure_logging, open_workspace
from forecastlab.usecases.workspace import Workspace

Deployment = Annotated[
    str | None, typer.Option("--deployment", help="Deployment to act on.", metavar="NAME")
]
Source = Annotated[
    str | None,
    typer.Option("--source", help="binance, simulated or file:PATH.", metavar="SOURCE"),
]
Store = Annotated[str | None, typer.Option("--store", help="Folder of the store.", metavar="PATH")]
Bundle = Annotated[
    str | None, typer.Option("--bundle", help="Bundle to use, past the registry.", metavar="NAME")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing at all.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Verbose = Annotated[int, typer.Option("-v", count=True, help="More log lines; -vv for all.")]
Engine = Annotated[
    str, typer.Option("--engine", help="Where fits run: loky, dask or ray.", metavar="ENGINE")
]
Why = Annotated[
    str, typer.Option("--why", help="The reason, kept in the registry.", metavar="TEXT")
]


def workspace(
    deployment: str | None = None,
    source: str | None = None,
    store: str | None = None,
    *,
    dry_run: bool = False,
    verbose: int = 0,
) -> Workspace:
    """Open the workspace that the options choose."""
    settings = chosen_settings(Choice(deployment, source, store))
    configure_logging(settings.log, verbose)
    return open_workspace(settings, dry_run=dry_run)
