"""This machine's scheduler, and what it runs."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from forecastlab.adapters.rotated_log import last_lines, run_logged
from forecastlab.adapters.schedulers import Scheduler, log_folder, this_machines_scheduler
from forecastlab.bootstrap.workspaces import Choice
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.schedule import RunMode, ScheduledJob, local_slots
from forecastlab.settings import exported


def scheduled_job(mode: RunMode, choice: Choice) -> ScheduledJob:
    """Return the morning as this machine's scheduler is to run it: from here, with these settings.

    Raises:
        ConfigError: a setting cannot be written into a scheduler's file.
    """
    chosen = {
        "FORECASTLAB_DEPLOYMENT": choice.deployment,
        "FORECASTLAB_SOURCE": choice.source,
        "FORECASTLAB_STORE": choice.store,
    }
    named = {name: text for name, text in chosen.items() if text is not None}
    if choice.deployment is not None:  # else a list, of this shell or of `.env`, would win
        named["FORECASTLAB_DEPLOYMENTS"] = ""
    environment = {**exported(os.environ), **named}
    odd = [name for name, text in environment.items() if "\n" in text or "\0" in text]
    if odd:
        raise ConfigError(f"{', '.join(odd)} has a line end in it.", remedy="Set it anew.")
    return ScheduledJob(
        command=(sys.executable, "-m", "forecastlab", "schedule", "run", "--mode", mode),
        folder=Path.cwd(),
        environment=environment,
        slots=local_slots(None, datetime.now(UTC)),
        log=schedule_log(),
        mode=mode,
    )


def scheduler() -> Scheduler:
    """Return this machine's scheduler.

    Raises:
        ConfigError: there is none that is known.
    """
    return this_machines_scheduler(Path.home())


def schedule_log() -> Path:
    """Return the file that scheduled runs write to."""
    return log_folder(Path.home()) / "daily.log"


def last_words(log: Path, lines: int = 12) -> list[str]:
    """Return the last lines of a log."""
    return last_lines(log, lines)


def rehearse(job: ScheduledJob) -> int:
    """Run the job's dry run with nothing of this shell but what the job has; return its code."""
    alone = {"HOME": str(Path.home()), "PATH": os.defpath, **job.environment}
    command = [sys.executable, "-m", "forecastlab", "daily", "--dry-run"]
    return run_logged(command, job.log, folder=job.folder, environment=alone)


def run_scheduled(mode: RunMode) -> int:
    """Run the morning as a scheduler does, into the log; return its exit code."""
    dry = ["--dry-run"] if mode == "dry" else []
    return run_logged([sys.executable, "-m", "forecastlab", "daily", *dry], schedule_log())
