"""The environment, examined: `forecastlab doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from forecastlab.bootstrap import surroundings
from forecastlab.cli import options, output
from forecastlab.usecases.doctor import doctor as examine
from forecastlab.usecases.doctor import parse_age
from forecastlab.usecases.run_events import events
from forecastlab.usecases.shards import with_own_override


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(doctor)


def doctor(
    fresh: Annotated[
        str | None,
        typer.Option("--fresh", help="Fail where the newest record is older.", metavar="AGE"),
    ] = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Check exchange, clock, store, disk, device, secrets, bundle and freshness; tell the remedy.

    Exit code 3 if a record is staler than --fresh, else the first failure's.

    Example: forecastlab doctor --fresh 26h
    """
    age = parse_age(fresh) if fresh is not None else None
    names = options.share(deployment) or (deployment,)
    opened = [options.workspace(name, source, store, verbose=verbose) for name in names]
    workspaces = [with_own_override(one) for one in opened] if len(opened) > 1 else opened
    found = examine(workspaces, surroundings(options.settings(source, store)), fresh=age)
    for check in found.failed:
        fields = {"event": "check_failed", "check": check.name, "exit_code": check.exit_code}
        told = f"{check.name}: {check.facts} {check.remedy}"
        events.error("%s", told, extra={"fields": fields})
    if as_json:
        output.print_json({"checks": found.checks, "exit_code": found.exit_code})
    else:
        for check in found.checks:
            output.say(f"{check.status:<6}  {check.name}: {check.facts}")
            if check.remedy:
                output.say(f"        → {check.remedy}")
    raise typer.Exit(found.exit_code)
