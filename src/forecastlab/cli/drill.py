"""Drills: procedures that must work on the day, tried on a store that keeps nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from forecastlab.cli import options, output

drill_commands = typer.Typer(
    help="Try a procedure without touching anything.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    # A group of one command would take the command's place; the callback keeps its name.
    drill_commands.callback()(_drills)
    drill_commands.command("rollback")(rollback)
    app.add_typer(drill_commands, name="drill")


def _drills() -> None:
    """Try a procedure without touching anything."""


def rollback(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="The bundle to return to (default: the champion before this one).",
            metavar="NAME",
        ),
    ] = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Time a rollback and the forecast after it, in memory; exit 5 if it takes more than 2 s.

    Example: forecastlab drill rollback --json
    """
    from forecastlab.usecases.drill import drill_rollback, refuse_slow  # noqa: PLC0415 - only here

    workspace = options.workspace(deployment, source, store, dry_run=True, verbose=verbose)
    found = drill_rollback(workspace, to=to)
    if as_json:
        output.print_json(found)
    else:
        kind = "rehearsed as an earlier champion" if found.rehearsed else "the earlier champion"
        output.say(f"From {found.champion} back to {found.target}, {kind}; nothing was kept.")
        rows = [[one.name, one.seconds] for one in found.steps]
        output.table(["step", "seconds"], rows, title=f"Forecast of {found.asof}")
        output.say(f"{found.seconds:.2f} s in all; {found.allowed:g} s are allowed.")
    refuse_slow(found)
