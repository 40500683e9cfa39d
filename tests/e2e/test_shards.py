"""Many deployments in one job: shares of the list, and entries that fail alone."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.cloud_task import CloudTask
from forecastlab.usecases.shards import share
from tests.e2e.conftest import Lab
from tests.e2e.test_predict import ASOF
from tests.support.command_line import CommandLine

GOOD = "flow_T21X8_T14X8"


@given(st.integers(0, 30), st.integers(1, 12))
def test_the_tasks_have_each_entry_once(entries: int, count: int) -> None:
    names = [f"deployment_{i}" for i in range(entries)]
    shares = [share(names, CloudTask(index=i, count=count)) for i in range(count)]
    assert sorted(chain(*shares)) == sorted(names)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_one_that_fails_stops_no_other_and_the_highest_code_tells(
    lab: Lab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", f"nobody,{GOOD},direction_1d_NONE")
    ended = cli("daily", "--asof", ASOF, "--json")
    assert ended.code == 2, ended.err
    assert [(one["deployment"], one["exit_code"]) for one in ended.document] == [
        ("nobody", 2),
        (GOOD, 0),
        ("direction_1d_NONE", 2),
    ]
    assert "nobody: The deployment nobody has no champion" in ended.err
    assert (tmp_path / "store/predictions/daily" / f"{ASOF}.json").exists()
    runs = [json.loads(p.read_bytes()) for p in (tmp_path / "store").rglob("runs/*/*.json")]
    assert sorted((run["deployment"], run["exit_code"]) for run in runs) == [
        ("direction_1d_NONE", 2),
        (GOOD, 0),
        ("nobody", 2),
    ]
    table = cli("daily", "--asof", ASOF)
    assert table.code == 2
    assert "already_published" in table.out


def test_a_bug_in_one_entry_is_told_and_the_others_run(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecastlab.cli import forecasts

    real = forecasts.morning

    def morning(workspace: object, *rest: object) -> object:
        if workspace.deployment == "broken":  # type: ignore[attr-defined]
            raise ZeroDivisionError("a bug")
        return real(workspace, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(forecasts, "morning", morning)
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", f"broken,{GOOD}")
    ended = cli("daily", "--asof", ASOF, "--json")
    assert ended.code == 70
    assert [one["exit_code"] for one in ended.document] == [70, 0]
    assert "ZeroDivisionError" in ended.err


def test_a_task_does_its_share_alone(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", f"nobody,{GOOD}")
    monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", "3")
    codes = []
    for index in range(3):
        monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", str(index))
        codes.append(cli("daily", "--asof", ASOF).code)
    assert codes == [2, 0, 0]
    monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", "3")
    cli("daily", "--asof", ASOF).refused(2, "CLOUD_RUN_TASK_INDEX=3")


def test_a_named_deployment_and_a_list_of_one_are_as_ever(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", f" {GOOD} ,")
    assert cli("daily", "--asof", ASOF, "--json").document["record"]["deployment"] == GOOD
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", "nobody,nowhere")
    named = cli("daily", "--asof", ASOF, "--json", "--deployment", GOOD)
    assert named.document["record"]["deployment"] == GOOD


def test_an_override_speaks_for_its_own_deployment_only(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTION_DIR", str(lab.models / lab.bundle))
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", f"nobody,{GOOD}")
    ended = cli("daily", "--asof", ASOF, "--json")
    nobody, good = ended.document
    assert good["record"]["bundle"]["override"] == "PRODUCTION_DIR"
    assert "has no champion" in nobody["error"]


def test_an_override_that_does_not_verify_is_a_recorded_failure(
    lab: Lab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose it is cannot be known, so that nobody speaks, and every attempt leaves its report."""
    monkeypatch.setenv("PRODUCTION_DIR", str(tmp_path / "gone"))
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", GOOD)
    cli("daily", "--asof", ASOF).refused(4, "There is no bundle in")
    [run] = [json.loads(p.read_bytes()) for p in (tmp_path / "store").rglob("runs/*/*.json")]
    assert (run["deployment"], run["exit_code"]) == (GOOD, 4)


def test_in_a_cloud_job_what_fails_is_an_event_too(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecastlab.cli import forecasts

    real = forecasts.morning

    def morning(workspace: object, *rest: object) -> object:
        if workspace.deployment == "broken":  # type: ignore[attr-defined]
            raise ZeroDivisionError("a bug")
        return real(workspace, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(forecasts, "morning", morning)
    monkeypatch.setenv("CLOUD_RUN_JOB", "forecastlab-daily")
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", f"broken,nobody,{GOOD}")
    ended = cli("daily", "--asof", ASOF, "--json")
    assert ended.code == 70
    told = [json.loads(line) for line in ended.err.splitlines()]  # nothing but events
    [refused] = [one for one in told if one.get("event") == "refused"]
    assert (refused["severity"], refused["message"][:7]) == ("ERROR", "nobody:")
