"""The steps of a health check: each passed, failed, or could not be judged, and says why."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from forecastlab.contracts.errors import ForecastLabError

Mark = Literal["passed", "failed", "not_judged"]

Given = TypeVar("Given")
Found = TypeVar("Found")

NO_BASIS: Final = "an earlier step failed"


@dataclass(frozen=True)
class HealthStep:
    """One step: what was looked at, how it ended, what was found, and what to do about it."""

    name: str
    mark: Mark
    facts: str
    remedy: str = ""
    duration_s: float = 0.0


class NotJudged(Exception):
    """A step cannot be judged here; the text says why."""


class HealthSteps:
    """Makes steps one after the other; one that fails ends none of the others."""

    def __init__(self) -> None:
        self.done: list[HealthStep] = []

    def judge(
        self, name: str, given: Given | None, look: Callable[[Given], tuple[str, Found]]
    ) -> Found | None:
        """Make one step and return what it found; None where it failed or could not be judged.

        Args:
            given: what the step looks at; None where an earlier step did not find it.
            look: returns the facts and what is found; raises a deliberate error where the step
                fails, `NotJudged` where it cannot be judged.
        """
        if given is None:
            self.done.append(HealthStep(name, "not_judged", NO_BASIS))
            return None
        began = time.monotonic()
        try:
            facts, found = look(given)
        except ForecastLabError as error:
            self._add(name, "failed", error.facts, error.remedy, began)
        except NotJudged as reason:
            self._add(name, "not_judged", str(reason), "", began)
        else:
            self._add(name, "passed", facts, "", began)
            return found
        return None

    def _add(self, name: str, mark: Mark, facts: str, remedy: str, began: float) -> None:
        spent = round(time.monotonic() - began, 4)
        self.done.append(HealthStep(name, mark, facts, remedy, spent))
