"""What is written into launchd, systemd and cron, and how their programs are called."""

from __future__ import annotations

import os
import plistlib
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.adapters import schedulers
from forecastlab.adapters.rotated_log import last_lines, run_logged
from forecastlab.adapters.schedule_files import (
    CRON_BEGIN,
    CRON_END,
    cron_lines,
    launchd_plist,
    mode_in,
    systemd_units,
    without_cron_lines,
)
from forecastlab.adapters.schedulers import Cron, Launchd, Systemd, this_machines_scheduler
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.schedule import ScheduledJob
from tests.support.imports import ROOT

EXAMPLE = ScheduledJob(
    command=(
        *("/Users/you/forecastlab/.venv/bin/python", "-m", "forecastlab"),
        *("schedule", "run", "--mode", "live"),
    ),
    folder=Path("/Users/you/forecastlab"),
    environment={"FORECASTLAB_STORE": "outputs"},
    slots=((8, 5),),
    log=Path("/Users/you/Library/Logs/forecastlab/daily.log"),
    mode="live",
)
ODD = replace(
    EXAMPLE,
    folder=Path('/home/a b/50% "off" $HOME'),
    environment={"FORECASTLAB_STORE": "it's $5 & 100%\\"},
)

RECORDER = """#!{python}
import json, os, sys
told = sys.stdin.read() if sys.argv[1:] == ["-"] else ""
with open({log!r}, "a") as file:
    file.write(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]) + "\\n")
{body}
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a program on PATH that records its calls, and behaves as `body` says."""
    folder, log = tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, body: str = "") -> Path:
        program = folder / name
        program.write_text(RECORDER.format(python=sys.executable, log=str(log), body=body))
        program.chmod(0o755)
        return log

    return put


def calls(log: Path) -> list[str]:
    import json

    return [" ".join(json.loads(line)) for line in log.read_text().splitlines()]


def crontab_stub(kept: Path) -> str:
    return (
        f"path = {str(kept)!r}\n"
        "if sys.argv[1:] == ['-']: open(path, 'w').write(told)\n"
        "elif os.path.exists(path): print(open(path).read(), end='')\n"
        "else: sys.exit('no crontab for you')"
    )


def test_launchd_gets_every_reading_of_the_slot_and_catches_up() -> None:
    job = replace(EXAMPLE, slots=((1, 5), (2, 5)))
    told = plistlib.loads(launchd_plist(job))
    assert told["StartCalendarInterval"] == [{"Hour": 1, "Minute": 5}, {"Hour": 2, "Minute": 5}]
    assert told["RunAtLoad"] is True
    assert told["ProgramArguments"] == list(job.command)
    assert told["WorkingDirectory"] == str(job.folder)


def test_systemd_counts_in_utc_and_catches_up() -> None:
    units = systemd_units(EXAMPLE)
    timer = units["forecastlab-daily.timer"]
    assert "OnCalendar=*-*-* 00:05:00 UTC\nPersistent=true\n" in timer
    assert 'Environment="FORECASTLAB_STORE=outputs"' in units["forecastlab-daily.service"]


@pytest.mark.parametrize(("mode", "lines"), [("live", 3), ("dry", 1)])
def test_cron_asks_again_every_hour_and_after_a_start(mode: str, lines: int) -> None:
    block = cron_lines(replace(EXAMPLE, mode=mode)).splitlines()  # type: ignore[arg-type]
    assert (block[0], block[-1]) == (CRON_BEGIN, CRON_END)
    assert len(block) == lines + 2
    assert block[1].startswith("5 8 * * * cd /Users/you/forecastlab && env FORECASTLAB_STORE=")


def test_odd_paths_and_values_survive_cron_and_the_shell(tmp_path: Path) -> None:
    folder = tmp_path / ODD.folder.name
    folder.mkdir(parents=True)
    code = "import os; print(os.getcwd(), os.environ['FORECASTLAB_STORE'])"
    job = replace(ODD, folder=folder, command=(sys.executable, "-c", code))
    line = cron_lines(job).splitlines()[1].removeprefix("5 8 * * * ")
    as_cron_reads_it = line.replace(r"\%", "%")
    assert "%" not in line.replace(r"\%", "")
    command = ["/bin/sh", "-c", as_cron_reads_it]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == f"{folder} {ODD.environment['FORECASTLAB_STORE']}"


def test_odd_values_are_quoted_for_systemd_and_launchd() -> None:
    service = systemd_units(ODD)["forecastlab-daily.service"]
    assert r'Environment="FORECASTLAB_STORE=it' in service
    assert '100%%\\\\"' in service
    assert plistlib.loads(launchd_plist(ODD))["EnvironmentVariables"] == ODD.environment


@pytest.mark.parametrize("mode", ["dry", "live"])
def test_the_mode_is_read_back_from_every_form(mode: str) -> None:
    job = replace(EXAMPLE, command=(*EXAMPLE.command[:-1], mode), mode=mode)  # type: ignore[arg-type]
    service = systemd_units(job)["forecastlab-daily.service"]
    for text in (launchd_plist(job).decode(), service, cron_lines(job)):
        assert mode_in(text) == mode


@given(st.lists(st.sampled_from(["# mine", "0 1 * * * a", "", "MAILTO=x"])), st.integers(0, 5))
def test_others_lines_of_a_crontab_stay(lines: list[str], at: int) -> None:
    others = "".join(f"{line}\n" for line in lines)
    with_block = "".join(
        [*(f"{line}\n" for line in lines[:at]), cron_lines(EXAMPLE)]
        + [f"{line}\n" for line in lines[at:]]
    )
    assert without_cron_lines(with_block) == others


def test_a_block_without_its_end_is_left_alone() -> None:
    with pytest.raises(ConfigError, match="crontab -e"):
        without_cron_lines(f"{CRON_BEGIN}\n5 8 * * * x\n0 1 * * * mine\n")


def test_cron(stub: Callable[..., Path], tmp_path: Path) -> None:
    kept = tmp_path / "crontab"
    stub("crontab", crontab_stub(kept))
    cron = Cron()
    assert cron.status().mode is None
    cron.install(EXAMPLE)
    kept.write_text("MAILTO=me\n" + kept.read_text() + "0 1 * * * mine")
    assert cron.status().mode == "live"
    cron.install(replace(EXAMPLE, command=(*EXAMPLE.command[:-1], "dry"), mode="dry"))
    assert cron.status().mode == "dry"
    assert kept.read_text().count(CRON_BEGIN) == 1
    cron.remove()
    assert kept.read_text() == "MAILTO=me\n0 1 * * * mine\n"
    assert cron.status().mode is None


def test_systemd(
    stub: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    timer = tmp_path / ".config/systemd/user/forecastlab-daily.timer"
    body = f"if 'is-active' in sys.argv: sys.exit(not os.path.exists({str(timer)!r}))"
    log = stub("systemctl", body)
    systemd = Systemd(tmp_path)
    assert systemd.status().mode is None
    systemd.install(EXAMPLE)
    assert calls(log)[-2:] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now forecastlab-daily.timer",
    ]
    assert (systemd.status().mode, systemd.status().where) == ("live", str(timer))
    systemd.remove()
    assert list(timer.parent.iterdir()) == []
    assert "systemctl --user disable --now forecastlab-daily.timer" in calls(log)
    assert systemd.status().mode is None


def test_launchd(stub: Callable[..., Path], tmp_path: Path) -> None:
    log = stub("launchctl", "if sys.argv[1] == 'bootout': sys.exit('not loaded')")
    launchd, plist = (
        Launchd(tmp_path),
        tmp_path / "Library/LaunchAgents/com.forecastlab.daily.plist",
    )
    launchd.install(EXAMPLE)
    domain = f"gui/{os.getuid()}"
    assert calls(log) == [
        f"launchctl bootout {domain}/com.forecastlab.daily",
        f"launchctl bootstrap {domain} {plist}",
    ]
    assert launchd.status().mode == "live"
    launchd.remove()
    assert not plist.exists()
    assert launchd.status().mode is None


def test_a_scheduler_that_refuses_says_so(stub: Callable[..., Path], tmp_path: Path) -> None:
    stub("launchctl", "sys.exit('Bootstrap failed: 5: Input/output error')")
    with pytest.raises(ConfigError, match="Bootstrap failed: 5"):
        Launchd(tmp_path).install(EXAMPLE)


def test_this_machines_scheduler(
    stub: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedulers.sys, "platform", "linux")
    with pytest.raises(ConfigError, match="neither launchd, nor systemd for users, nor cron"):
        this_machines_scheduler(tmp_path)
    stub("crontab")
    stub("systemctl", "sys.exit('Failed to connect to bus')")
    assert isinstance(this_machines_scheduler(tmp_path), Cron)
    stub("systemctl")
    assert isinstance(this_machines_scheduler(tmp_path), Systemd)
    monkeypatch.setattr(schedulers.sys, "platform", "darwin")
    assert isinstance(this_machines_scheduler(tmp_path), Launchd)


def test_the_log_is_appended_to_and_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecastlab.adapters import rotated_log

    monkeypatch.setattr(rotated_log, "_MOST_BYTES", 100)
    log = tmp_path / "logs/daily.log"
    for number in range(30):
        assert run_logged([sys.executable, "-c", f"print({number}); exit({number % 2})"], log) == (
            number % 2
        )
    assert last_lines(log, 2) == ["29", "--- exit code 1"]
    kept = sorted(path.name for path in log.parent.iterdir())
    assert kept == ["daily.log", *(f"daily.log.{i}" for i in range(1, 5))]
    newest_first = [log, *(log.with_name(f"daily.log.{i}") for i in range(1, 5))]
    numbers = [
        int(line)
        for path in reversed(newest_first)
        for line in path.read_text().splitlines()
        if line.isdigit()
    ]
    assert numbers == list(range(numbers[0], 30))


def test_the_templates_are_what_install_writes() -> None:
    plist = (ROOT / "deploy/launchd/com.forecastlab.daily.plist").read_bytes()
    assert plistlib.loads(plist) == plistlib.loads(launchd_plist(EXAMPLE))
    crontab = (ROOT / "deploy/cron/crontab.example").read_text()
    linux = replace(
        EXAMPLE,
        command=("/home/you/forecastlab/.venv/bin/python", *EXAMPLE.command[1:]),
        folder=Path("/home/you/forecastlab"),
    )
    assert crontab.endswith(cron_lines(linux))
    assert shlex.split(crontab.splitlines()[-2])[0] == "@reboot"
