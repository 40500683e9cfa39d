"""The only place that wires: settings to adapters, adapters to use cases; and logging.

The analyst and its libraries are wired in `bootstrap.analyst`, for those who ask it.
"""

from __future__ import annotations

from forecastlab.bootstrap.cloud import cloud_job, open_cloud
from forecastlab.bootstrap.doors import api_keys, dashboard_access, surroundings
from forecastlab.bootstrap.logs import configure_logging, last_word
from forecastlab.bootstrap.schedule import (
    last_words,
    rehearse,
    run_scheduled,
    schedule_log,
    scheduled_job,
    scheduler,
)
from forecastlab.bootstrap.stores import open_archive, open_lake, open_store
from forecastlab.bootstrap.training import compute_engine, provenance, read_recipe, recipe_of
from forecastlab.bootstrap.workspaces import Choice, chosen_settings, open_demo, open_workspace

__all__ = [
    "Choice",
    "api_keys",
    "chosen_settings",
    "cloud_job",
    "compute_engine",
    "configure_logging",
    "dashboard_access",
    "last_word",
    "last_words",
    "open_archive",
    "open_cloud",
    "open_demo",
    "open_lake",
    "open_store",
    "open_workspace",
    "provenance",
    "read_recipe",
    "recipe_of",
    "rehearse",
    "run_scheduled",
    "schedule_log",
    "scheduled_job",
    "scheduler",
    "surroundings",
]
