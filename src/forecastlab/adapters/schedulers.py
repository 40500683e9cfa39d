"""This machine's scheduler: launchd on macOS; a systemd user timer, or else cron, on Linux."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

from forecastlab.adapters.file_rights import create_file, make_folder
from forecastlab.adapters.schedule_files import (
    CRON_BEGIN,
    CRON_END,
    LABEL,
    UNIT,
    cron_lines,
    launchd_plist,
    mode_in,
    systemd_units,
    without_cron_lines,
)
from forecastlab.contracts.errors import ConfigError, StoreUnavailable
from forecastlab.contracts.schedule import Installed, ScheduledJob

_ANSWERS_WITHIN_S: Final = 30


class Scheduler(Protocol):
    """What every scheduler can do with the one job; installing again replaces it."""

    def install(self, job: ScheduledJob) -> None:
        """Write the job and arm it."""
        ...

    def remove(self) -> None:
        """Disarm the job and take it away; nothing to do where there is none."""
        ...

    def status(self) -> Installed:
        """Say whether the job is there, and in which mode."""
        ...


def this_machines_scheduler(home: Path) -> Scheduler:
    """Return the scheduler of this machine and user.

    Raises:
        ConfigError: there is none that is known.
    """
    if sys.platform == "darwin":
        return Launchd(home)
    if shutil.which("systemctl") and _succeeds(["systemctl", "--user", "show-environment"]):
        return Systemd(home)
    if shutil.which("crontab"):
        return Cron()
    raise ConfigError(
        "This machine has neither launchd, nor systemd for users, nor cron.",
        remedy="Install cron, or let another scheduler run `forecastlab daily` at 00:05 UTC.",
    )


def log_folder(home: Path) -> Path:
    """Return where logs of a user's programs lie."""
    if sys.platform == "darwin":
        return home / "Library/Logs/forecastlab"
    return Path(os.environ.get("XDG_STATE_HOME") or home / ".local/state") / "forecastlab"


class Launchd:
    """An agent of the logged-in user."""

    def __init__(self, home: Path) -> None:
        self._plist = home / f"Library/LaunchAgents/{LABEL}.plist"
        self._domain = f"gui/{os.getuid()}"

    def install(self, job: ScheduledJob) -> None:
        """Write the property list and load it."""
        self._unload()
        _write(self._plist, launchd_plist(job))
        _run(["launchctl", "bootstrap", self._domain, str(self._plist)])

    def remove(self) -> None:
        """Unload the agent and delete its property list."""
        self._unload()
        self._plist.unlink(missing_ok=True)

    def status(self) -> Installed:
        """Ask launchd whether it is loaded."""
        loaded = self._plist.is_file() and _succeeds(
            ["launchctl", "print", f"{self._domain}/{LABEL}"]
        )
        mode = mode_in(self._plist.read_text()) if loaded else None
        return Installed("launchd", mode, str(self._plist))

    def _unload(self) -> None:
        _succeeds(["launchctl", "bootout", f"{self._domain}/{LABEL}"])  # fails where not loaded


class Systemd:
    """A timer of the user's own systemd."""

    def __init__(self, home: Path) -> None:
        configuration = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
        self._folder = configuration / "systemd/user"

    def install(self, job: ScheduledJob) -> None:
        """Write both units and start the timer."""
        for name, text in systemd_units(job).items():
            _write(self._folder / name, text.encode())
        _run(["systemctl", "--user", "daemon-reload"])
        _run(["systemctl", "--user", "enable", "--now", f"{UNIT}.timer"])

    def remove(self) -> None:
        """Stop the timer and delete both units."""
        _succeeds(["systemctl", "--user", "disable", "--now", f"{UNIT}.timer"])
        for ending in ("timer", "service"):
            (self._folder / f"{UNIT}.{ending}").unlink(missing_ok=True)
        _run(["systemctl", "--user", "daemon-reload"])

    def status(self) -> Installed:
        """Ask systemd whether the timer runs."""
        active = _succeeds(["systemctl", "--user", "is-active", "--quiet", f"{UNIT}.timer"])
        service = self._folder / f"{UNIT}.service"
        mode = mode_in(service.read_text()) if active and service.is_file() else None
        return Installed("systemd", mode, str(service.with_suffix(".timer")))


class Cron:
    """A block of lines in the user's crontab; the other lines stay as they are."""

    def install(self, job: ScheduledJob) -> None:
        """Put the block at the crontab's end."""
        others = without_cron_lines(_crontab())
        if others and not others.endswith("\n"):
            others += "\n"
        _run(["crontab", "-"], text=others + cron_lines(job))

    def remove(self) -> None:
        """Take the block out."""
        now = _crontab()
        if CRON_BEGIN in now:
            _run(["crontab", "-"], text=without_cron_lines(now))

    def status(self) -> Installed:
        """Look for the block."""
        now = _crontab()
        block = now.partition(CRON_BEGIN)[2].partition(CRON_END)[0]
        return Installed("cron", mode_in(block) if CRON_BEGIN in now else None, "crontab -l")


def _crontab() -> str:
    # Without a crontab it exits with 1.
    done = _call(["crontab", "-l"])
    return done.stdout if done.returncode == 0 else ""


def _succeeds(command: Sequence[str]) -> bool:
    return _call(command).returncode == 0


def _run(command: Sequence[str], *, text: str | None = None) -> None:
    done = _call(command, text=text)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise ConfigError(
            f"`{' '.join(command)}` ended with {done.returncode}: {said or 'no word'}.",
            remedy="Run it by hand to see why; `forecastlab schedule remove` takes back the rest.",
        )


def _call(command: Sequence[str], *, text: str | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=_ANSWERS_WITHIN_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(
            f"`{' '.join(command)}` cannot be run: {error}.", remedy="Run it by hand to see why."
        ) from error


def _write(path: Path, data: bytes) -> None:
    try:
        make_folder(path.parent)
        # Its owner's alone, also where an earlier one was not: a proxy's address may tell a
        # password.
        temporary = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
        try:
            with create_file(temporary, private=True) as file:
                file.write(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be written: {error.strerror or error}.",
            remedy="Check its permissions.",
        ) from error
