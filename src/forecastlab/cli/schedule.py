"""The morning on this machine's own scheduler: `forecastlab schedule`."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from forecastlab import bootstrap
from forecastlab.cli import options, output
from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.schedule import Installed, RunMode
from forecastlab.usecases.due import is_due

ModeOption = Annotated[
    str,
    typer.Option(
        "--mode", help="live publishes; dry makes every forecast and keeps none.", metavar="MODE"
    ),
]

schedule_commands = typer.Typer(
    help="Run the morning by this machine's own scheduler.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    schedule_commands.command()(install)
    schedule_commands.command()(remove)
    schedule_commands.command()(status)
    schedule_commands.command(hidden=True)(run)
    app.add_typer(schedule_commands, name="schedule")


def install(
    mode: ModeOption = "live",
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Rehearse the morning without writing, then let it run daily at 00:05 UTC, from this folder.

    A slot that was slept through runs at the wake. Settings of this shell are written along;
    secrets are not: they belong into .env. Installing again replaces.

    Example: forecastlab schedule install --mode dry
    """
    job = bootstrap.scheduled_job(_mode(mode), bootstrap.Choice(deployment, source, store))
    scheduler = bootstrap.scheduler()
    code = bootstrap.rehearse(job)
    if code != 0:
        for line in bootstrap.last_words(job.log):
            output.warn(line)
        output.warn(f"nothing was installed: the dry run ended with exit code {code} ({job.log}).")
        raise typer.Exit(code)
    scheduler.install(job)
    installed = scheduler.status()
    if as_json:
        output.print_json({**_document(installed), "slots": job.slots, "log": str(job.log)})
        return
    at = ", ".join(f"{hour:02}:{minute:02}" for hour, minute in job.slots)
    output.say(f"{installed.scheduler} runs it daily at 00:05 UTC ({at} here), mode {job.mode}.")
    output.say(f"from {job.folder}; log: {job.log}; written to {installed.where}")
    if installed.scheduler == "systemd":
        output.say("While you are logged out it runs only after `loginctl enable-linger`.")


def remove(as_json: options.AsJson = False) -> None:
    """Take the morning off this machine's scheduler; records and logs stay.

    Example: forecastlab schedule remove
    """
    scheduler = bootstrap.scheduler()
    scheduler.remove()
    if as_json:
        output.print_json(_document(scheduler.status()))
    else:
        output.say("Nothing of ForecastLab is scheduled here any more.")


def status(as_json: options.AsJson = False) -> None:
    """Show whether the morning is scheduled here, and the last words of its log.

    Example: forecastlab schedule status
    """
    installed, log = bootstrap.scheduler().status(), bootstrap.schedule_log()
    lines = bootstrap.last_words(log)
    if as_json:
        output.print_json({**_document(installed), "log": str(log), "last_lines": lines})
        return
    said = f"mode {installed.mode}" if installed.mode else "not installed"
    output.say(f"{installed.scheduler}: {said} ({installed.where})")
    output.say(f"log: {log}")
    for line in lines:
        output.say(f"  {line}")


def run(mode: ModeOption = "live") -> None:
    """Run the morning if it is due, as the scheduler does."""
    chosen = _mode(mode)
    names = options.share(None) or (None,)
    if chosen == "live" and not any(is_due(options.workspace(name)) for name in names):
        return
    raise typer.Exit(bootstrap.run_scheduled(chosen))


def _document(installed: Installed) -> dict[str, object]:
    return {
        "scheduler": installed.scheduler,
        "installed": installed.mode is not None,
        "mode": installed.mode,
        "where": installed.where,
    }


def _mode(text: str) -> RunMode:
    if text not in ("dry", "live"):
        raise UsageError(f"--mode {text!r} is unknown.", remedy="Choose dry or live.")
    return cast("RunMode", text)
