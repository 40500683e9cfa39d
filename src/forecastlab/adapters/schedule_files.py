"""What the schedulers of a laptop read: a launchd property list, systemd units, crontab lines."""

from __future__ import annotations

import plistlib
import shlex
from typing import Final

from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.schedule import RunMode, ScheduledJob

LABEL: Final = "com.forecastlab.daily"
UNIT: Final = "forecastlab-daily"

CRON_BEGIN: Final = "# >>> forecastlab: written by `forecastlab schedule install` >>>"
CRON_END: Final = "# <<< forecastlab <<<"


def launchd_plist(job: ScheduledJob) -> bytes:
    """Write the property list; launchd itself runs a slot that was slept through at the wake.

    Source: launchd.plist(5).
    """
    scheduler_log = str(job.log.with_name("scheduler.log"))
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(job.command),
            "WorkingDirectory": str(job.folder),
            "EnvironmentVariables": dict(job.environment),
            "StartCalendarInterval": [
                {"Hour": hour, "Minute": minute} for hour, minute in job.slots
            ],
            # A machine that was off at its slot, not only asleep, catches up at the log-in.
            "RunAtLoad": True,
            "ProcessType": "Background",
            "StandardOutPath": scheduler_log,
            "StandardErrorPath": scheduler_log,
        }
    )


def systemd_units(job: ScheduledJob) -> dict[str, str]:
    """Write the service and its timer, by file name; the timer counts in UTC and catches up.

    Source: systemd.exec(5), systemd.timer(5), systemd.syntax(7).
    """
    environment = "".join(
        f"Environment={_systemd_word(f'{name}={value}')}\n"
        for name, value in job.environment.items()
    )
    command = " ".join(_systemd_word(word).replace("$", "$$") for word in job.command)
    folder = str(job.folder).replace("%", "%%")
    return {
        f"{UNIT}.service": (
            "[Unit]\nDescription=ForecastLab's morning\n\n"
            f"[Service]\nType=oneshot\nWorkingDirectory={folder}\n{environment}"
            f"ExecStart={command}\n"
        ),
        f"{UNIT}.timer": (
            "[Unit]\nDescription=ForecastLab's morning, after the daily candle has closed\n\n"
            "[Timer]\nOnCalendar=*-*-* 00:05:00 UTC\nPersistent=true\n\n"
            "[Install]\nWantedBy=timers.target\n"
        ),
    }


def cron_lines(job: ScheduledJob) -> str:
    """Write the block of crontab lines: the slots, and for what was slept through each hour.

    cron forgets a slot that it slept through, so it asks again every hour and at the start of the
    machine; a run whose forecast is sealed already ends at once. A dry job never seals one, and
    keeps to its slots.

    Source: crontab(5).
    """
    words = [f"{name}={value}" for name, value in job.environment.items()]
    called = ["env", *words, *job.command] if words else list(job.command)
    # cron takes a bare % for a line end, quoted or not.
    line = f"cd {shlex.quote(str(job.folder))} && {shlex.join(called)}".replace("%", r"\%")
    times = [f"{minute} {hour} * * *" for hour, minute in job.slots]
    if job.mode == "live":
        times += ["35 * * * *", "@reboot"]
    return "\n".join([CRON_BEGIN, *(f"{time} {line}" for time in times), CRON_END]) + "\n"


def without_cron_lines(crontab: str) -> str:
    r"""Return a crontab without the block.

    Raises:
        ConfigError: the block has no end; what follows could be anyone's.

    >>> block = [CRON_BEGIN, "5 8 * * * x", CRON_END, ""]
    >>> without_cron_lines("\n".join(["0 1 * * * mine", *block])).splitlines()
    ['0 1 * * * mine']
    """
    kept, inside = [], False
    for line in crontab.splitlines(keepends=True):
        inside = inside or line.strip() == CRON_BEGIN
        if not inside:
            kept.append(line)
        inside = inside and line.strip() != CRON_END
    if inside:
        raise ConfigError(
            f"Your crontab has the line {CRON_BEGIN!r}, but not {CRON_END!r}.",
            remedy="Put the second one back, or take the block out: `crontab -e`.",
        )
    return "".join(kept)


def mode_in(text: str) -> RunMode:
    """Read the mode from any of the three forms.

    >>> mode_in("… schedule run --mode dry"), mode_in("<string>live</string>")
    ('dry', 'live')
    """
    return "dry" if "--mode dry" in " ".join(_words(text)) else "live"


def _words(text: str) -> list[str]:
    bare = text.replace("<string>", " ").replace("</string>", " ").replace('"', " ")
    return bare.split()


def _systemd_word(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
