"""Rules over the last runs: whether the job works, on time and quickly enough."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from forecastlab.contracts.operations import AlertTable
from forecastlab.contracts.records import RunReport
from forecastlab.evaluation.observed import LEAST, Finding, Observed

FORECASTING: Final = ("daily", "predict", "signal")
"""Commands whose runs make forecasts; their failures are a rate."""

SCHEDULED: Final = ("daily", "retrain")
"""Commands that a machine starts: exit code 2 of any other is a slip of whoever typed it."""

COUNTED: Final = (
    *("ml_enrichment_error", "v2_7_all_reference_symbols_missing"),
    "v2_7_reference_symbol_missing",
    *("exchange_request_failed", "exchange_host_passed_over", "candles_revised"),
)
"""Log events that a run report counts under its field `events`; what was overcome stands there."""

_ENRICHMENT: Final[Mapping[str, str]] = {
    "all_references_missing": "all_reference_symbols_missing",
    "ml_enrichment_error": "ml_enrichment_error",
}
"""Rule -> what the newest forecast says where it fires."""


def jobs(seen: Observed, _: AlertTable) -> Iterator[Finding]:
    """Say of each command whether its last run ended well; a failed update is another rule's."""
    for command, run in {one.command: one for one in seen.runs}.items():
        if run.exit_code == 2 and command not in SCHEDULED:
            continue
        if run.exit_code != 0 and _failed_in_update(run):
            continue
        failed = run.exit_code != 0
        told = f"{command} of {_when(run)} ended with exit code {run.exit_code}"
        facts = f"{told}: {run.error or run.result}" if failed else f"{told}."
        yield Finding(f"job_failed-{_slug(command)}", failed, "error", facts)


def update(seen: Observed, _: AlertTable) -> Iterator[Finding]:
    """Whether the last data update succeeded."""
    tried = [run for run in seen.runs if any(step.name == "update" for step in run.steps)]
    if not tried:
        return
    run = tried[-1]
    failed = _failed_in_update(run)
    told = f"{run.command} of {_when(run)}"
    facts = f"the candles were brought up to date by {told}."
    if failed:
        facts = f"{told} could not update the candles (exit code {run.exit_code}): {run.error}"
    yield Finding("update_failed", failed, "error", facts)


def steps(seen: Observed, _: AlertTable) -> Iterator[Finding]:
    """What failed after the forecast of the last morning that published."""
    mornings = [run for run in seen.runs if run.command == "daily" and run.exit_code == 0]
    if mornings:
        run = mornings[-1]
        failed = [f"{step.name} ({step.detail})" for step in run.steps if step.status == "failed"]
        facts = f"steps of {_when(run)} that failed: {'; '.join(failed) or 'none'}."
        yield Finding("step_failed", bool(failed), "warning", facts)


def failures(seen: Observed, limits: AlertTable) -> Iterator[Finding]:
    """The share of forecasts that failed."""
    tried = [run for run in seen.runs if run.command in FORECASTING and not _is_slip(run)]
    if len(tried) >= LEAST:
        failed = sum(run.exit_code != 0 for run in tried)
        facts = f"{failed} of the last {len(tried)} forecasts failed."
        yield Finding("failures", failed / len(tried) > limits.failures, "warning", facts)


def latency(seen: Observed, limits: AlertTable) -> Iterator[Finding]:
    """The seconds of the newest forecast itself: features and members, without the network."""
    spent = [
        step.duration_s
        for run in seen.runs
        for step in run.steps
        if step.name == "forecast" and step.status == "done"
    ]
    if spent:
        facts = f"the newest forecast took {spent[-1]:.2f} s; {limits.latency_s:g} s are allowed."
        yield Finding("latency", spent[-1] > limits.latency_s, "warning", facts)


def enrichment(seen: Observed, _: AlertTable) -> Iterator[Finding]:
    """No reference symbol at all, or a model that could not be asked, at the newest forecast."""
    said = _newest_words(seen)
    for rule, word in _ENRICHMENT.items() if said is not None else ():
        found = [one for one in said or () if word in one]
        facts = f"the newest forecast says: {'; '.join(found) or 'nothing of the kind'}."
        yield Finding(rule, bool(found), "error", facts)


def _newest_words(seen: Observed) -> list[str] | None:
    """Return what the newest run counted and the newest record says; None where there is none."""
    tried = [run for run in seen.runs if run.command in FORECASTING]
    if not (tried or seen.records):
        return None
    counted: Mapping[str, int] = tried[-1].fields.get("events", {}) if tried else {}
    degraded = seen.records[-1].degraded if seen.records else ()
    return [*degraded, *(f"{name} ({count} times)" for name, count in counted.items())]


def _failed_in_update(run: RunReport) -> bool:
    return any(step.name == "update" and step.status == "failed" for step in run.steps)


def _is_slip(run: RunReport) -> bool:
    return run.exit_code == 2 and run.command not in SCHEDULED


def _when(run: RunReport) -> str:
    return f"{run.started_at:%Y-%m-%d %H:%M} UTC"


def _slug(command: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", command.lower())
