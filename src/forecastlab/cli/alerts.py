"""Incidents: `forecastlab alerts`."""

from __future__ import annotations

from typing import Annotated

import typer

from forecastlab.cli import options, output
from forecastlab.contracts.incidents import Incident
from forecastlab.contracts.records import utc_text
from forecastlab.report.message import trial_message
from forecastlab.usecases.alerts import list_incidents, raise_alerts


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(alerts)


def alerts(
    check: Annotated[
        bool, typer.Option("--check", help="Judge the rules now, and tell of what changed.")
    ] = False,
    trial: Annotated[
        bool, typer.Option("--try", help="Send a trial message to every address.")
    ] = False,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """List the incidents that are open, and the last that are over.

    `daily` opens, closes and tells them; --check does it between two mornings. Exit code 3 if a
    trial message does not arrive everywhere.

    Example: forecastlab alerts
    """
    names = options.share(deployment) or (deployment,)
    workspaces = [options.workspace(name, source, store, verbose=verbose) for name in names]
    if trial:
        workspaces[0].notifier.send(trial_message(workspaces[0].deployment))
    if check:
        for one in workspaces:
            raise_alerts(one)
    found = [one for workspace in workspaces for one in list_incidents(workspace)]
    if as_json:
        still, past = ([one for one in found if one.is_open is state] for state in (True, False))
        output.print_json({"open": still, "past": past})
        return
    if not found:
        output.say("No incident, open or past.")
        return
    columns = ["deployment", "rule", "state", "since", "until", "facts"]
    output.table(columns, [_row(one) for one in found])


def _row(incident: Incident) -> list[str]:
    opened, closed = incident.opened, incident.closed
    state = opened.severity if closed is None else "over"
    until = "" if closed is None else utc_text(closed.at)
    return [opened.deployment, opened.rule, state, utc_text(opened.at), until, opened.facts]
