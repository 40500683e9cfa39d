"""What the prover found: the comparisons of each check, and each leak with the candle behind it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from forecastlab.contracts.canonical import Json, rounded
from forecastlab.contracts.errors import BundleRefused, UsageError
from forecastlab.contracts.intervals import parse_instant
from forecastlab.contracts.records import utc_text

Check = Literal["L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8"]

CHECKS: Final[dict[Check, str]] = {
    "L1": "features of a cut history",
    "L2": "features with a poisoned future",
    "L3": "probabilities and decisions, cut and poisoned",
    "L4": "inputs available at the as-of",
    "L5": "labels purged, and out of reach of forecasts",
    "L6": "labels look at t+1 … t+T, all of it, nothing else",
    "L7": "start-up: the serving window is long enough",
    "L8": "no skill where there is none",
}


@dataclass(frozen=True)
class Finding:
    """One leak.

    Attributes:
        subject: the column, label or model, as `BTCUSDT flow: rsi_14`.
        as_of: the instant whose value depends on what was not known then; None if it is no one's.
        candle: the candle it depends on, as `BTCUSDT 4h 2021-03-01T12Z`; None if it is no one's.
        change: how much the value changes; None where a value stands against a missing one.
    """

    check: Check
    subject: str
    as_of: datetime | None
    candle: str | None
    change: float | None
    sentence: str


@dataclass(frozen=True)
class CheckReport:
    """What one check compared and found; `not_shown` says why it was left out, if it was."""

    check: Check
    comparisons: int
    findings: tuple[Finding, ...] = ()
    not_shown: str | None = None

    @property
    def passed(self) -> bool:
        """Whether something was compared and nothing was found."""
        return self.not_shown is None and not self.findings


@dataclass(frozen=True)
class AuditReport:
    """All checks of one audit."""

    subject: str
    checks: tuple[CheckReport, ...]
    duration_s: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all checks."""
        return tuple(finding for check in self.checks for finding in check.findings)


def joined(check: Check, reports: Iterable[CheckReport]) -> CheckReport:
    """Add up several reports of one check.

    >>> joined("L1", [CheckReport("L1", 3), CheckReport("L1", 4)]).comparisons
    7
    """
    parts = list(reports)
    findings = tuple(finding for part in parts for finding in part.findings)
    return CheckReport(check, sum(part.comparisons for part in parts), findings)


def as_document(report: CheckReport) -> dict[str, Json]:
    """Write a check's report as JSON, for a manifest or a registry event.

    >>> as_document(CheckReport("L5", 12))
    {'passed': True, 'comparisons': 12, 'findings': []}
    """
    findings: list[Json] = [
        {
            "check": one.check,
            "subject": one.subject,
            "as_of": None if one.as_of is None else utc_text(one.as_of),
            "candle": one.candle,
            "change": one.change,
            "sentence": one.sentence,
        }
        for one in report.findings
    ]
    document: dict[str, Json] = {
        "passed": report.passed,
        "comparisons": report.comparisons,
        "findings": findings,
    }
    return document if report.not_shown is None else {**document, "not_shown": report.not_shown}


def from_document(check: Check, document: object) -> CheckReport:
    """Read what `as_document` wrote.

    Raises:
        BundleRefused: it is no such report.

    >>> from_document("L5", as_document(CheckReport("L5", 12))).comparisons
    12
    """
    try:
        fields: Any = document
        findings = tuple(_finding(one) for one in fields["findings"])
        not_shown = fields.get("not_shown")
        return CheckReport(check, int(fields["comparisons"]), findings, not_shown)
    except (AttributeError, KeyError, TypeError, ValueError, UsageError) as error:
        raise BundleRefused(
            f"The evidence of {check} is unreadable ({error}).", remedy="Train the bundle again."
        ) from error


def size(change: float) -> float | None:
    """Return a change as findings carry it: None where it is no number.

    >>> size(0.123456), size(float("nan"))
    (0.1235, None)
    """
    return rounded(float(change), 4) if math.isfinite(change) else None


def in_words(change: float | None) -> str:
    """Write a change for a person.

    >>> in_words(0.25), in_words(None)
    ('changes by 0.25', 'is there or missing')
    """
    return "is there or missing" if change is None else f"changes by {change:g}"


def _finding(document: Any) -> Finding:
    check, as_of = document["check"], document["as_of"]
    if check not in get_args(Check):
        raise ValueError(f"there is no check {check!r}")
    return Finding(
        check=check,
        subject=str(document["subject"]),
        as_of=None if as_of is None else parse_instant(as_of, what="as_of"),
        candle=document["candle"],
        change=None if document["change"] is None else float(document["change"]),
        sentence=str(document["sentence"]),
    )
