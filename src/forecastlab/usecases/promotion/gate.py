"""A gate of a promotion: what it is asked, what it answers, and what became of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forecastlab.contracts.errors import DataError, GateRefused
from forecastlab.usecases.open_bundle import OpenBundle

Gate = Callable[[OpenBundle], Mapping[str, Any]]
"""Returns its report, or raises GateRefused. A report with `passed` false and a `reason` refuses
too, and keeps what was found."""

Report = dict[str, Any]
"""Gate -> what it found, as a registry event keeps it."""


def run_gates(bundle: OpenBundle, gates: Mapping[str, Gate], *, force: bool = False) -> Report:
    """Ask one gate after the other and return what they found.

    Args:
        force: note what refuses and go on, so that the whole report is known.

    Raises:
        GateRefused: a gate said no; those after it were not asked. Not with `force`.
        DataError: a gate lacks the data to decide. Not with `force`.
    """
    report: Report = {}
    for name, check in gates.items():
        try:
            report[name] = dict(check(bundle))
            _refuse_failed(bundle, name, report[name])
        except (GateRefused, DataError) as error:
            if not force:
                raise
            report[name] = {"reason": error.facts, **report.get(name, {}), "passed": False}
    return report


def refusals(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the gates of a report that refused -> why.

    >>> refusals({"verify": "passed", "shadow": {"passed": False, "reason": "too short."}})
    {'shadow': 'too short.'}
    """
    return {
        name: str(found.get("reason", "it did not pass."))
        for name, found in report.items()
        if isinstance(found, Mapping) and found.get("passed") is False
    }


def _refuse_failed(bundle: OpenBundle, name: str, found: Mapping[str, Any]) -> None:
    if name in (refused := refusals({name: found})):
        raise GateRefused(
            f"The gate {name} refuses {bundle.files.name}: {refused[name]}",
            remedy="The champion stays. `--force` promotes all the same, and is recorded as such.",
        )
