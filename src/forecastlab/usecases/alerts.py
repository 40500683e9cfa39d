"""Alerts: look at the last runs and records, open and close incidents, tell of each once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from forecastlab.contracts.errors import (
    EXIT_DONE,
    ConfigError,
    ForecastLabError,
    StoreUnavailable,
)
from forecastlab.contracts.incidents import Incident, IncidentOpened
from forecastlab.contracts.operations import Operations
from forecastlab.contracts.records import RunReport
from forecastlab.contracts.registry import watched_until
from forecastlab.evaluation.incidents import findings
from forecastlab.evaluation.observed import Finding
from forecastlab.report.message import incident_message
from forecastlab.usecases.incident_store import IncidentStore, deliver, summary
from forecastlab.usecases.recent import observe
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

STORE_RULE: Final = "store_unavailable"
"""The rule of a store that is down; its incident lies in the spare store of this machine."""

LISTED: Final = 20
"""Incidents that a listing shows, and more only where more are open."""


def raise_alerts(workspace: Workspace, run: RunReport | None = None) -> str | None:
    """Judge every rule, open and close incidents, and send one message for each change.

    An incident is claimed by creating its document, before its message is sent: two jobs at once,
    a retry and a kill in between send it at most once.

    Args:
        run: the attempt under way; it counts as the newest.

    Returns:
        What was opened and closed, or None.

    Raises:
        StoreUnavailable: the store fails; whoever is to be told of that was.
    """
    now = workspace.wall.now()
    operations = _operations(workspace)
    try:
        seen = observe(workspace, run, last=operations.alerts.records)
        kept = IncidentStore(workspace.store, workspace.deployment)
        rollback = _rollback(workspace, operations, now)
        said = _settle(workspace, kept, findings(seen, operations.alerts), now, rollback)
        kept.tell_lost(now)
    except StoreUnavailable as error:
        _tell_store_down(workspace, now, error, run)
        raise
    _tell_store_back(workspace, now)
    return said


def alert_at_end(workspace: Workspace, run: RunReport) -> None:
    """Alert at the end of an attempt that failed, or that may have begun or ended an incident.

    One that ended well begins one where it has logged what alerts are about. A morning that
    published has looked already, as one of its steps. Never raises: the attempt has its own
    outcome.
    """
    try:
        failed, counted = run.exit_code != EXIT_DONE, bool(run.fields.get("events"))
        told = failed or (run.command != "daily" and (counted or _any_open(workspace)))
        if told:
            said = raise_alerts(workspace, run)
            if said is not None:
                log.info("alerts of %s: %s", run.command, said)
    except Exception as error:
        bug = not isinstance(error, ForecastLabError)
        log.warning("the alerts could not be judged: %s", error, exc_info=error if bug else None)


def list_incidents(workspace: Workspace) -> tuple[Incident, ...]:
    """Return the open incidents, and the newest that are over.

    Raises:
        StoreUnavailable: the store cannot be read.
    """
    return IncidentStore(workspace.store, workspace.deployment).incidents(LISTED)


def _settle(
    workspace: Workspace,
    kept: IncidentStore,
    found: Sequence[Finding],
    now: datetime,
    rollback: str | None,
) -> str | None:
    opened, closed = [], []
    for finding in found:
        if finding.fires and finding.rule not in kept.open:
            claimed = kept.claim_opening(finding, now, rollback)
            if claimed is not None:
                _send(workspace, kept, Incident(claimed))
                opened.append(finding.rule)
        elif not finding.fires and finding.rule in kept.open:
            over = kept.claim_close(finding, now)
            if over is not None:
                _send(workspace, kept, over)
                closed.append(finding.rule)
    return summary(opened, closed)


def _send(workspace: Workspace, kept: IncidentStore, incident: Incident) -> None:
    outcome, detail = deliver(workspace.notifier, incident_message(incident))
    kept.settle(incident, outcome, workspace.wall.now(), detail)


def _operations(workspace: Workspace) -> Operations:
    """Return how the deployment is operated; the defaults where its recipe cannot be read."""
    try:
        return workspace.operations
    except ConfigError as error:
        log.warning("the default thresholds hold: %s", error)
        return Operations()


def _rollback(workspace: Workspace, operations: Operations, now: datetime) -> str | None:
    """Return the command that goes back, while the last promotion is watched."""
    try:
        state = workspace.registry.state()
    except StoreUnavailable:
        raise
    except ForecastLabError as error:  # a corrupt registry is no reason to stay silent
        log.warning("whether a promotion is watched cannot be told: %s", error)
        return None
    until = watched_until(state, operations.promotion.watch_hours)
    if until is None or now >= until:
        return None
    return f'forecastlab rollback --deployment {workspace.deployment} --why "…"'


def _any_open(workspace: Workspace) -> bool:
    return bool(IncidentStore(workspace.store, workspace.deployment).open)


def _tell_store_down(
    workspace: Workspace, now: datetime, error: StoreUnavailable, run: RunReport | None
) -> None:
    """Tell of a store that is down, claimed in the spare store of this machine.

    A machine of a cloud job is new each time and its spare store empty: there the first attempt of
    a task tells, and its retries are silent. A machine that can keep nothing tells each time.
    """
    facts = str(error)
    if run is not None and run.error and run.error != facts:
        facts = f"{facts} {run.command} ended with exit code {run.exit_code}: {run.error}"
    if workspace.task.execution is not None and workspace.task.attempt > 0:
        return
    finding = Finding(STORE_RULE, fires=True, severity="error", facts=facts)
    try:
        kept = _spare(workspace)
        if kept is not None:
            _settle(workspace, kept, [finding], now, None)
            return
    except StoreUnavailable as other:
        log.warning("this machine can keep nothing either: %s", other)
    opened = IncidentOpened(
        deployment=workspace.deployment,
        rule=STORE_RULE,
        number=1,
        severity="error",
        facts=facts,
        at=now,
    )
    deliver(workspace.notifier, incident_message(Incident(opened)))


def _tell_store_back(workspace: Workspace, now: datetime) -> None:
    facts = "the store answers again."
    try:
        kept = _spare(workspace)
        if kept is not None:
            _settle(workspace, kept, [Finding(STORE_RULE, False, "info", facts)], now, None)
    except StoreUnavailable as error:
        log.warning("this machine's own incidents cannot be kept: %s", error)


def _spare(workspace: Workspace) -> IncidentStore | None:
    """Return the incidents that this machine keeps for itself, if it keeps any."""
    spare = workspace.spare
    return None if spare is None else IncidentStore(spare, workspace.deployment)
