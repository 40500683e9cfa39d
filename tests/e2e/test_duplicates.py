"""Duplicates, retries and deaths: what a platform that runs a job at least once does to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from forecastlab.adapters.gcs_store import GcsStore
from forecastlab.adapters.local_store import LocalStore
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.ports import ABSENT, ObjectStore
from forecastlab.usecases.demo import WAKES
from tests.e2e.test_morning import asof, demo_store  # noqa: F401 - a fixture
from tests.support.command_line import CommandLine

COMMAND = ("-m", "forecastlab", "daily", "--json")


def day(days_after_cut_off: int) -> str:
    return asof_name(asof(days_after_cut_off), "1d")


def environment(days_after_cut_off: int, store: str, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "FORECASTLAB_STORE": store,
        "FORECASTLAB_SOURCE": "simulated",
        "FORECASTLAB_SIMULATED_NOW": (asof(days_after_cut_off) + WAKES).isoformat(),
        **more,
    }


def documents(store: ObjectStore, prefix: str) -> list[dict[str, Any]]:
    found = [store.get(key) for key in store.list(prefix)]
    return [json.loads(one.data) for one in found if one is not None]


def events(text: str) -> list[dict[str, Any]]:
    """Read what the runs told; other log lines and the command's last word stand between."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [one for one in lines if one.get("event") in ("step", "run_finished")]


@pytest.fixture
def store(demo_store: Path, tmp_path: Path) -> Path:  # noqa: F811
    """A copy of the demo's store: a bundle of the simulated market, and the morning of day 1."""
    shutil.copytree(demo_store, tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def job(store: Path, cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of a cloud job on that store, on the morning of day 2."""
    for name, value in environment(2, str(store)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLOUD_RUN_JOB", "forecastlab-daily")
    monkeypatch.setenv("CLOUD_RUN_EXECUTION", "forecastlab-daily-x7k2p")
    return cli


def test_five_executions_at_once_publish_once(store: Path, gcs_location: str) -> None:
    bucket, local = GcsStore(gcs_location), LocalStore(store)
    for key in local.list(""):
        found = local.get(key)
        assert found is not None
        bucket.put(key, found.data, if_generation=ABSENT)
    running = [
        subprocess.Popen(
            [sys.executable, *COMMAND],
            env=environment(4, gcs_location, CLOUD_RUN_EXECUTION=f"execution-{i}"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(5)
    ]
    told = [process.communicate(timeout=110) for process in running]
    assert [process.returncode for process in running] == [0] * 5, [err for _, err in told]
    ended = [json.loads(out) for out, _ in told]
    assert len({json.dumps(one["record"], sort_keys=True) for one in ended}) == 1
    assert sorted(one["publication"] for one in ended) == ["already_published"] * 4 + ["published"]
    assert bucket.list("predictions/daily/") == [f"predictions/daily/{day(i)}.json" for i in (1, 4)]
    assert [Path(key).stem for key in bucket.list("predictions/backfill/")] == [day(2), day(3)]
    assert bucket.list("predictions/conflicts/") == []
    executions = {run["fields"].get("execution") for run in documents(bucket, "runs/")}
    assert executions - {None} == {f"execution-{i}" for i in range(5)}


class SigtermAtPut:
    """Sends this process a SIGTERM around the write of one number."""

    def __init__(self, patch: pytest.MonkeyPatch, target: int, stage: str) -> None:
        self.puts, put = 0, LocalStore.put

        def counted(*arguments: Any, **named: Any) -> str:
            self.puts += 1
            mine = self.puts == target
            if mine and stage == "before":
                os.kill(os.getpid(), signal.SIGTERM)
            generation = put(*arguments, **named)
            if mine and stage == "after":
                os.kill(os.getpid(), signal.SIGTERM)
            return generation

        patch.setattr(LocalStore, "put", counted)


@pytest.mark.parametrize("stage", ["before", "after"])
def test_sigterm_leaves_a_report_and_the_next_run_repairs(
    job: CommandLine, store: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The writes of this morning: candles, record, latest, report."""
    ended = []
    for target in range(1, 20):
        folder = store.parent / f"store-{target}"
        shutil.copytree(store, folder)
        monkeypatch.setenv("FORECASTLAB_STORE", str(folder))
        with monkeypatch.context() as patch:
            sent = SigtermAtPut(patch, target, stage)
            told = job("daily")
        if sent.puts < target:  # all writes are behind us
            break
        if told.code == 0:  # this write met what was there, so there was no "after" it
            continue
        assert told.code == 143, told.err
        assert "Traceback" not in told.err
        report = documents(LocalStore(folder), "runs/")[-1]
        finish = events(told.err)[-1]
        assert (finish["event"], finish["run_id"]) == ("run_finished", report["run_id"])
        ended.append((report["exit_code"], report["result"]))
        assert job("daily").code == 0
        assert (folder / "predictions/daily" / f"{day(2)}.json").exists()
    assert len(ended) >= 4
    assert ended[:-1] == [(143, "Terminated")] * (len(ended) - 1)
    assert ended[-1] == (0, "published"), "the report itself was under way"


def test_a_terminated_process_says_so_in_its_exit_status(store: Path) -> None:
    code = (
        "import os, signal\nfrom forecastlab.usecases import morning\n"
        "morning.predict = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
        "from forecastlab.cli import main\nmain()"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, "daily"],
        env=environment(2, str(store)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 143, told.stderr
    alert, last = told.stderr.splitlines()
    assert "job_failed" in alert and "SIGTERM" in last
    assert documents(LocalStore(store), "runs/")[-1]["exit_code"] == 143


def test_a_retry_after_a_final_failure_is_marked_and_alerts_once(
    job: CommandLine, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = next((store / "bundles").glob("*/model_T21_X8/first_passage.json"))
    good = model.read_bytes()
    model.write_bytes(good.replace(b"1", b"2", 1))
    first = job("daily")
    monkeypatch.setenv("CLOUD_RUN_TASK_ATTEMPT", "1")
    second = job("daily")
    assert (first.code, second.code) == (4, 4)
    assert all(line.startswith("{") for line in first.err.splitlines())
    [told], [told_again] = (
        [one for one in events(ended.err) if one["event"] == "run_finished"]
        for ended in (first, second)
    )
    assert (told["alert"], told["severity"], told["exit_code"]) == (True, "ERROR", 4)
    assert (told_again["alert"], told_again["severity"]) == (False, "WARNING")
    reports = {one["run_id"]: one for one in documents(LocalStore(store), "runs/")}
    report = reports[told_again["run_id"]]
    assert report["fields"]["retry_of"] == told["run_id"]
    assert report["fields"]["task_attempt"] == 1

    model.write_bytes(good)
    monkeypatch.setenv("CLOUD_RUN_TASK_ATTEMPT", "2")
    third = job("daily")
    assert third.code == 0, third.err
    assert events(third.err)[-1]["retry_of"] == report["run_id"]
    assert events(third.err)[-1]["alert"] is False


def test_another_failure_at_the_retry_alerts_again(
    job: CommandLine, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = next((store / "bundles").glob("*/model_T21_X8/first_passage.json"))
    model.write_bytes(b"{}")
    assert job("daily").code == 4
    monkeypatch.setenv("CLOUD_RUN_TASK_ATTEMPT", "1")
    monkeypatch.setenv("FORECASTLAB_DEVICE", "cuda")
    again = job("daily")
    assert again.code == 2
    assert events(again.err)[-1]["alert"] is True
    monkeypatch.setenv("CLOUD_RUN_EXECUTION", "the-next-morning")
    assert events(job("daily").err)[-1]["alert"] is True


def test_a_bug_is_one_event_with_its_traceback(
    job: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecastlab.usecases import morning as module

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module, "predict", fail)
    ended = job("daily")
    assert ended.code == 70
    [finish] = [one for one in events(ended.err) if one["event"] == "run_finished"]
    assert "ZeroDivisionError" in finish["stack_trace"]
    assert (finish["severity"], finish["alert"]) == ("ERROR", True)


def test_a_job_without_its_gpu_publishes_from_the_cpu_and_alerts(
    job: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecastlab.adapters import device

    monkeypatch.setattr(device, "find_gpu", lambda: device.Found(trouble="there is no driver"))
    monkeypatch.setenv("FORECASTLAB_EXPECT_GPU", "1")
    ended = job("daily", "--json")
    assert ended.code == 0, ended.err
    record = ended.document["record"]
    assert (record["degraded"], record["runtime"]["device"]) == (["gpu_unavailable"], "cpu")
    finish = events(ended.err)[-1]
    assert (finish["degraded"], finish["alert"]) == (["gpu_unavailable"], True)
    assert (finish["severity"], finish["exit_code"]) == ("WARNING", 0)


def test_a_gpu_that_computed_nothing_is_not_on_the_record(
    job: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This bundle's members compute on the CPU, whatever the machine has."""
    from forecastlab.adapters import device

    monkeypatch.setattr(device, "find_gpu", lambda: device.Found(1, "12.2"))
    monkeypatch.setenv("FORECASTLAB_EXPECT_GPU", "1")
    ended = job("daily", "--json")
    assert ended.code == 0, ended.err
    record = ended.document["record"]
    assert (record["degraded"], record["runtime"]["device"]) == ([], "cpu")


def test_before_midnight_there_is_nothing_to_add(
    job: CommandLine, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert job("daily").code == 0
    before = LocalStore(store).list("predictions/")
    early = (asof(3) + timedelta(hours=23, minutes=59, seconds=58)).isoformat()
    monkeypatch.setenv("FORECASTLAB_SIMULATED_NOW", early)
    ended = job("daily", "--json")
    assert ended.code == 0
    assert ended.document["publication"] == "already_published"
    assert ended.document["record"]["asof_date"] == day(2)
    assert LocalStore(store).list("predictions/") == before


def test_three_days_late_only_the_newest_is_forecast(
    job: CommandLine, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert job("daily").code == 0
    monkeypatch.setenv("FORECASTLAB_SIMULATED_NOW", (asof(5) + WAKES).isoformat())
    ended = job("daily", "--json")
    assert ended.code == 0, ended.err
    assert (ended.document["record"]["asof_date"], ended.document["record"]["mode"]) == (
        day(5),
        "live",
    )
    sealed = [Path(key).stem for key in LocalStore(store).list("predictions/daily/")]
    assert sealed == [day(1), day(2), day(5)]
    hindsight = documents(LocalStore(store), "predictions/backfill/")
    assert [(one["asof_date"], one["mode"]) for one in hindsight] == [
        (day(3), "backfill"),
        (day(4), "backfill"),
    ]
    asked_before = job("predict", "--asof", day(4))
    assert asked_before.code == 2
    assert "forecastlab backfill" in asked_before.err


def test_steps_and_the_end_are_events(job: CommandLine) -> None:
    ended = job("daily", "--json")
    told = events(ended.err)
    steps = [one["name"] for one in told if one["event"] == "step"]
    assert steps[:4] == ["bundle", "update", "forecast", "publish"]
    assert {"backfill", "score"} <= set(steps)
    assert all(one["severity"] == "INFO" and one["message"] and one["time"] for one in told)
    finish = told[-1]
    assert (finish["event"], finish["exit_code"], finish["result"]) == (
        "run_finished",
        0,
        "published",
    )
    assert finish["execution"] == "forecastlab-daily-x7k2p"
