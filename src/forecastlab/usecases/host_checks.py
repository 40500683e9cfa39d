"""Which of the exchange's hosts answer, and how far this machine's clock is from theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from forecastlab.contracts.errors import DataUnavailable, ForecastLabError
from forecastlab.contracts.ports import Clock
from forecastlab.usecases.check import Check
from forecastlab.usecases.surroundings import Hosts

MOST_SKEW: Final = timedelta(seconds=10)
"""Tokens of the cloud are refused beyond some minutes; log lines mislead long before."""


@dataclass(frozen=True)
class _Answer:
    url: str
    skew: timedelta | None = None
    took: timedelta = timedelta(0)
    error: ForecastLabError | None = None


def check_hosts(hosts: Hosts, wall: Clock) -> list[Check]:
    """Ask every host for its time: one that is silent is a note while another answers."""
    answers = [_ask(url, server_time, wall) for url, server_time in hosts.items()]
    heard = [one for one in answers if one.skew is not None]
    checks = [_host(one, some_answer=bool(heard)) for one in answers]
    if heard:
        checks.append(_clock(min(heard, key=lambda one: one.took)))
    return checks


def _ask(url: str, server_time: Callable[[], datetime], wall: Clock) -> _Answer:
    began = wall.now()
    try:
        there = server_time()
    except ForecastLabError as error:
        return _Answer(url, error=error)
    ended = wall.now()
    return _Answer(url, skew=there - (began + (ended - began) / 2), took=ended - began)


def _host(answer: _Answer, *, some_answer: bool) -> Check:
    name, error = f"exchange {answer.url}", answer.error
    if error is None:
        return Check(name, "ok", f"answers within {answer.took.total_seconds():.2f} s")
    status: Literal["note", "failed"] = "note" if some_answer else "failed"
    facts = error.facts.split(f"{answer.url}: ", 1)[-1]  # the check's name says who
    return Check(name, status, facts, error.remedy, 0 if some_answer else error.exit_code)


def _clock(answer: _Answer) -> Check:
    skew = answer.skew or timedelta(0)
    seconds = skew.total_seconds()
    facts = (
        f"this machine's clock is {abs(seconds):.1f} s {'behind' if seconds > 0 else 'ahead of'}"
    )
    facts += " the exchange's"
    if abs(skew) <= MOST_SKEW + answer.took / 2:
        return Check("clock", "ok", facts)
    remedy = "Let NTP set it (`timedatectl set-ntp true`); sign-in to a cloud fails by it."
    return Check("clock", "failed", f"{facts}.", remedy, DataUnavailable.exit_code)
