"""Settings: environment over `.env` over defaults; every mistake names its variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecastlab.adapters.provenance import git_commit
from forecastlab.bootstrap import provenance
from forecastlab.contracts.errors import UsageError
from forecastlab.settings import read_settings


def test_defaults_need_nothing(tmp_path: Path) -> None:
    settings = read_settings({}, folder=tmp_path)
    assert (settings.store, settings.source) == ("outputs", "binance")
    assert settings.production_dir is None


def test_environment_wins_over_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FORECASTLAB_STORE=from-file\nFORECASTLAB_SOURCE=simulated\n")
    settings = read_settings({"FORECASTLAB_STORE": "from-environment"}, folder=tmp_path)
    assert (settings.store, settings.source) == ("from-environment", "simulated")


def test_an_empty_variable_wins_over_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PRODUCTION_DIR=/somewhere\nFORECASTLAB_TEST_DATA=data\n")
    assert read_settings({}, folder=tmp_path).production_dir == Path("/somewhere")
    assert read_settings({"PRODUCTION_DIR": ""}, folder=tmp_path).production_dir is None


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    assert read_settings({"FORECASTLAB_STORE": ""}, folder=tmp_path).store == "outputs"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FORECASTLAB_BINANCE_DEADLINE_S", "soon"),
        ("FORECASTLAB_SIMULATED_SEED", "x"),
        ("FORECASTLAB_SIMULATED_NOW", "yesterday"),
        ("FORECASTLAB_LOG", "loud"),
    ],
)
def test_a_bad_value_names_its_variable(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        read_settings({name: value}, folder=tmp_path)


def test_an_unknown_name_in_dotenv_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FORECASTLAB_STOER=typo\n")
    with pytest.raises(UsageError, match="FORECASTLAB_STOER"):
        read_settings({}, folder=tmp_path)


def test_an_image_says_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds no git; what is trained in it states the commit of its build."""
    monkeypatch.setenv("FORECASTLAB_COMMIT", "c0ffee")
    assert provenance().git_commit == "c0ffee"
    monkeypatch.delenv("FORECASTLAB_COMMIT")
    assert provenance().git_commit == git_commit()
