"""Mornings on a settable clock: records, missed days, outcomes; and no later step hurts the first."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from forecastlab.adapters.clocks import FixedClock
from forecastlab.bootstrap import Choice, chosen_settings, open_demo
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.ports import CandleSource
from forecastlab.usecases import morning as morning_module
from forecastlab.usecases.morning import Morning, morning
from forecastlab.usecases.predict import PredictRequest
from forecastlab.usecases.runs import recorded
from forecastlab.usecases.workspace import Workspace
from tests.e2e.conftest import Lab
from tests.e2e.test_predict import day
from tests.support.command_line import CommandLine
from tests.support.workspaces import CUT_OFF

WAKE = timedelta(days=1, minutes=5)


def live(days_after_cut_off: int) -> datetime:
    return CUT_OFF + timedelta(days=days_after_cut_off) + WAKE
