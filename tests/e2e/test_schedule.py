"""`forecastlab schedule` with a home, a crontab and a clock that belong to the test."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from forecastlab.adapters import schedulers
from tests.e2e.conftest import Lab
from tests.e2e.test_predict import runs
from tests.support.command_line import CommandLine
from tests.support.workspaces import LAST
from tests.unit.adapters.test_schedulers import RECORDER, crontab_stub


@pytest.fixture
def crontab(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with cron alone; the file that stands for the user's crontab."""
    kept, programs = tmp_path / "crontab", tmp_path / "bin"
    programs.mkdir()
    program = programs / "crontab"
    program.write_text(
        RECORDER.format(python=sys.executable, log=str(tmp_path / "calls"), body=crontab_stub(kept))
    )
    program.chmod(0o755)
    kept.write_text("0 1 * * * mine\n")
    monkeypatch.setattr(schedulers.sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    return kept


def log_of(tmp_path: Path) -> Path:
    return tmp_path / "home/.local/state/forecastlab/daily.log"


def test_install_status_remove(
    crontab: Path, lab: Lab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTLAB_SOURCE", "simulated")
    monkeypatch.setattr("forecastlab.bootstrap.rehearse", lambda job: 0)
    assert cli("schedule", "status", "--json").document["installed"] is False
    ended = cli("schedule", "install", "--mode", "dry", "--json")
    assert ended.code == 0, ended.err
    assert ended.document["scheduler"] == "cron"
    assert ended.document["log"] == str(log_of(tmp_path))
    line = next(one for one in crontab.read_text().splitlines() if "schedule run" in one)
    assert f"cd {tmp_path} && env" in line
    assert "FORECASTLAB_SOURCE=simulated" in line
    assert f"{sys.executable} -m forecastlab schedule run --mode dry" in line
    assert cli("schedule", "status", "--json").document["mode"] == "dry"
    assert cli("schedule", "install", "--store", "elsewhere").code == 0
    assert "FORECASTLAB_STORE=elsewhere" in crontab.read_text()
    assert "mode live" in cli("schedule", "status").out
    assert cli("schedule", "remove", "--json").document["installed"] is False
    assert crontab.read_text() == "0 1 * * * mine\n"


def test_a_rehearsal_that_fails_installs_nothing(
    crontab: Path, lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    """The file source ends years before today, so today's forecast cannot be made."""
    ended = cli("schedule", "install")
    assert ended.code == 3, ended.err
    assert "nothing was installed: the dry run ended with exit code 3" in ended.err
    assert "is not there" in ended.err
    assert "forecastlab" not in crontab.read_text()
    assert "exit code 3" in log_of(tmp_path).read_text()
    assert not (tmp_path / "store").exists()


def test_secrets_stay_out_of_schedulers(
    crontab: Path, lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecastlab.bootstrap.rehearse", lambda job: 0)
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-1234")
    monkeypatch.setenv("ML_GPU_INFERENCE_API_KEY", "sk-1234")
    assert cli("schedule", "install").code == 0
    assert "sk-1234" not in crontab.read_text()
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENT", "two\nlines")
    cli("schedule", "install").refused(2, "FORECASTLAB_DEPLOYMENT has a line end")
    cli("schedule", "install", "--mode", "wet").refused(2, "dry or live")


def test_a_scheduled_run_ends_at_once_where_the_forecast_is_sealed(
    crontab: Path, lab: Lab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecastlab.adapters.clocks import SystemClock

    first = cli("schedule", "run")
    assert first.code == 3, "today's candle is not in the files"
    assert len(runs(tmp_path / "store")) == 1
    assert cli("predict", "--asof", f"{LAST:%Y-%m-%d}").code == 0
    monkeypatch.setattr(SystemClock, "now", lambda _: LAST + timedelta(days=1, minutes=5))
    words = log_of(tmp_path).read_text()
    assert cli("schedule", "run").code == 0
    assert log_of(tmp_path).read_text() == words
    monkeypatch.setattr(SystemClock, "now", lambda _: LAST + timedelta(days=2, minutes=5))
    assert cli("schedule", "run").code == 3
    assert log_of(tmp_path).read_text() != words
    assert "exit code 3" in cli("schedule", "status").out


def test_a_deployment_that_is_named_is_the_one_that_runs(
    crontab: Path, lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of deployments, in this shell or in `.env`, would win over the one named here."""
    monkeypatch.setattr("forecastlab.bootstrap.rehearse", lambda job: 0)
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", "one,two")
    assert cli("schedule", "install").code == 0
    assert "FORECASTLAB_DEPLOYMENTS=one,two" in crontab.read_text()
    assert cli("schedule", "install", "--deployment", "three").code == 0
    line = next(one for one in crontab.read_text().splitlines() if "schedule run" in one)
    assert "FORECASTLAB_DEPLOYMENT=three" in line
    assert "FORECASTLAB_DEPLOYMENTS= " in line
