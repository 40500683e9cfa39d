"""Every test runs alone: no network, no user's settings, no user's folder, one thread."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings as hypothesis_settings

from forecastlab.settings import VARIABLES
from tests.support.no_network.sitecustomize import refuse_network

KEPT: Final = (
    *("FORECASTLAB_TEST_DATA", "FORECASTLAB_REQUIRE_ALL", "FORECASTLAB_TEST_SCREENSHOTS"),
)
"""Variables that steer the tests themselves."""

SINGLE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Two test workers on two cores would otherwise run four threads, twice as slow."""

refuse_network()
os.environ["PYTHONPATH"] = os.pathsep.join(
    part
    for part in (str(Path(__file__).parent / "no_network"), os.environ.get("PYTHONPATH"))
    if part
)
# Before numpy and lightgbm start their threads.
os.environ |= dict.fromkeys(SINGLE_THREAD, "1")

# On CI the same examples every time; elsewhere other ones at each run, to find more. Never a
# deadline: a busy machine is no bug.
hypothesis_settings.register_profile("local", deadline=None, max_examples=50)
hypothesis_settings.register_profile(
    "ci", deadline=None, max_examples=50, derandomize=True, database=None
)
hypothesis_settings.load_profile("ci" if os.environ.get("FORECASTLAB_REQUIRE_ALL") else "local")


@pytest.fixture(scope="session", autouse=True)
def without_user_settings() -> None:
    """Drop every variable that settings read, once: session fixtures see no more than tests do."""
    ours = {variable.name for variable in VARIABLES}
    for name in list(os.environ):
        if name not in KEPT and (name in ours or name.startswith("FORECASTLAB_")):
            del os.environ[name]


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty folder."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(autouse=True)
def in_empty_folder(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the checkout: its `.env` must not speak, and nothing may be written to it."""
    monkeypatch.chdir(elsewhere)
