"""Several processes on one store, and killed processes: one record, nothing half written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Lab, copy_of_bundle
from tests.e2e.test_predict import ASOF, contents
from tests.support.command_line import CommandLine

COMMAND = ("-m", "forecastlab", "predict", "--asof", ASOF, "--json")

KILLED_AT_WRITE = """
import os, signal, sys
from forecastlab.adapters import local_store

target, stage, writes = int(sys.argv.pop(1)), sys.argv.pop(1), 0

def counted(work, before):
    def run(*arguments):
        global writes
        writes += 1
        if writes == target and before:
            os.kill(os.getpid(), signal.SIGKILL)
        done = work(*arguments)
        if writes == target:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return run

local_store.os.link = counted(os.link, stage == "before")
from forecastlab.cli import main
main()
"""

PROMOTED_AT_ONCE = """
import os, sys, time
from pathlib import Path
from forecastlab.usecases import promote

meeting, keep, until = Path(sys.argv.pop(1)), promote.keep_for_all, time.monotonic() + 60

def together(*arguments):
    keep(*arguments)
    (meeting / str(os.getpid())).touch()
    while len(list(meeting.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.01)

promote.keep_for_all = together
promote.run_gates = lambda *arguments, **named: {}  # what they say is not in question here
from forecastlab.cli import main
main()
"""


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def test_ten_processes_leave_one_record_and_ten_clean_exits(lab: Lab, tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, *COMMAND],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]
    told = [process.communicate(timeout=110) for process in running]
    assert [process.returncode for process in running] == [0] * 10, [err for _, err in told]
    records = {out for out, _ in told}
    assert len(records) == 1
    stored = contents(tmp_path / "store")
    assert json.loads(stored[f"predictions/daily/{ASOF}.json"]) == json.loads(records.pop())
    assert sum(key.startswith("predictions/daily/") for key in stored) == 1
    assert not any("conflicts" in key for key in stored)
    assert sum(key.startswith("registry/") for key in stored) == 1
    runs = [json.loads(path.read_bytes()) for path in (tmp_path / "store/runs").rglob("*.json")]
    assert sorted(run["result"] for run in runs) == ["already_published"] * 9 + ["published"]


@pytest.mark.parametrize("stage", ["before", "after"])
def test_killed_at_any_create_the_next_run_repairs(
    lab: Lab, cli: CommandLine, tmp_path: Path, stage: str
) -> None:
    """The job creates 7 objects: pin, event, card, manifest, record, latest, run."""
    undisturbed: set[str] | None = None
    for write in range(1, 8):
        store = tmp_path / f"store-{write}"
        arguments = [str(write), stage, *COMMAND[2:], "--store", str(store)]
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_AT_WRITE, *arguments],
            env=environment(),
            check=False,
            capture_output=True,
            timeout=60,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        again = cli("predict", "--asof", ASOF, "--store", str(store), "--json")
        assert again.code == 0, again.err
        stored = contents(store)
        undisturbed = undisturbed or set(stored)
        assert set(stored) == undisturbed
        assert len(stored) == 6
        latest = json.loads(stored["predictions/latest.json"])
        assert latest["asof_date"] == ASOF
        assert json.loads(stored[f"predictions/daily/{ASOF}.json"]) == again.document


def test_of_two_promotions_at_once_one_wins_and_the_other_names_it(
    lab: Lab, cli: CommandLine, tmp_path: Path, second: str
) -> None:
    """Both have decided, over the same champion, before either writes its event."""
    assert cli("predict", "--asof", ASOF).code == 0
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    names = (second, copy_of_bundle(lab, 3))
    running = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", PROMOTED_AT_ONCE, str(meeting)),
                *("promote", name, "--why", "at once"),
            ],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    told = {}
    for name, process in zip(names, running, strict=True):
        _, err = process.communicate(timeout=110)
        told[process.returncode] = (name, err)
    assert sorted(told) == [0, 3], told
    winner, (loser, why) = told[0][0], told[3]
    assert {winner, loser} == set(names)
    assert f"{winner} became the champion first, in place of {lab.bundle}" in why
    assert "Traceback" not in why
    status = cli("status", "--json").document
    assert status["champion"] == winner
    assert [one["bundle"] for one in status["events"]] == [lab.bundle, winner]
