"""Judge a challenger by its shadow: what it answered of the bars due, and how it has scored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from forecastlab.contracts import keys
from forecastlab.contracts.canonical import Json
from forecastlab.contracts.errors import DataMalformed, GateRefused, UsageError
from forecastlab.contracts.intervals import (
    DURATION,
    Interval,
    asof_name,
    interval_of,
    last_closed_open,
    parse_asof,
    per_day,
)
from forecastlab.contracts.shadow import ShadowChallenger, ShadowDocument
from forecastlab.evaluation.shadow_rates import ShadowCheck, likeliest, shadow_checks
from forecastlab.evaluation.shadow_scores import ShadowScores
from forecastlab.usecases.model_versions import in_shadow
from forecastlab.usecases.publish import newest_sealed
from forecastlab.usecases.shadow_ledger import live_scores, said_by_both
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class MissingBar:
    """A bar that was due and has no answer of the challenger's that counts."""

    asof: str
    why: str


@dataclass(frozen=True)
class ShadowReport:
    """What became of a challenger over a span.

    Attributes:
        first, last: as-ofs of the span, in which every bar was due.
        agreement: share of forecasts with the champion's most likely class, of `compared`.
        scores: per candidate, over the bars that have resolved.
    """

    deployment: str
    challenger: str
    first: str
    last: str
    due: int
    answered: int
    checks: tuple[ShadowCheck, ...]
    missing: tuple[MissingBar, ...]
    agreement: float | None
    compared: int
    scores: tuple[ShadowScores, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(one.passed for one in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What did not pass, in words."""
        return tuple(f"{one.name} ({one.said})" for one in self.checks if not one.passed)

    def as_document(self) -> dict[str, Json]:
        """Return the report as plain JSON."""
        plain: dict[str, Any] = asdict(self)
        plain["checks"] = {one.pop("name"): one for one in plain["checks"]}
        plain["scores"] = {one.pop("candidate"): one for one in plain["scores"]}
        for name, one in plain["scores"].items():
            one["too_few"] = next(list(s.too_few) for s in self.scores if s.candidate == name)
        return {**plain, "passed": self.passed, "reasons": list(self.reasons)}


def shadow_report(
    workspace: Workspace,
    challenger: str | None = None,
    *,
    days: float | None = None,
    min_bars: int | None = None,
) -> ShadowReport:
    """Judge a challenger over the last bars that were due, up to the candle that closed last.

    Nothing is fetched or written. Only shadow runs before the next candle's close count; a file
    has no such instant: there the span ends at the newest record, and all of them count.

    Args:
        challenger: its name; None: the newest one.
        days: the span (None: `operations.shadow`, its hours for hourly deployments, else its days).
        min_bars: bars that must have been answered, beside the coverage.

    Raises:
        UsageError: no such bundle is registered, the span is empty, or the store is pinned to
            another kind of source: a file counts late answers, which must pass for no live ones.
    """
    workspace.check_pin()
    interval = interval_of(workspace.deployment)
    name = _challenger(workspace, challenger)
    due = _due(workspace, interval, days)
    documents, unread = _documents(workspace, due)
    entries, missing = _entries(workspace, documents, name, due, unread)
    checks = shadow_checks(due, entries, workspace.operations.shadow, min_bars=min_bars)
    pairs = said_by_both(documents, entries)
    agreed = [likeliest(one.ours) == likeliest(one.theirs) for one in pairs]
    return ShadowReport(
        deployment=workspace.deployment,
        challenger=name,
        first=due[0],
        last=due[-1],
        due=len(due),
        answered=sum(bool(one.forecasts) for one in entries.values()),
        checks=checks,
        missing=missing,
        agreement=sum(agreed) / len(agreed) if agreed else None,
        compared=len(agreed),
        scores=live_scores(workspace, pairs, interval),
    )


def refuse_failed(report: ShadowReport) -> None:
    """Refuse a challenger whose shadow has not passed.

    Raises:
        GateRefused: a check did not pass.
    """
    if not report.passed:
        raise GateRefused(
            f"The shadow of {report.challenger} does not pass: {'; '.join(report.reasons)}.",
            remedy="Leave it in shadow until it does, or retire it.",
        )


def _challenger(workspace: Workspace, named: str | None) -> str:
    state = workspace.registry.state()
    if named is not None and named in state.registered:
        return named
    if named is None and state.challengers:
        return in_shadow(workspace, state)[0]
    raise UsageError(
        f"{workspace.deployment} has no {f'bundle {named!r}' if named else 'challenger'}.",
        remedy="`forecastlab history` shows which bundles are registered.",
    )


def _due(workspace: Workspace, interval: Interval, days: float | None) -> list[str]:
    bounds = workspace.operations.shadow
    chosen = days if days is not None else bounds.days if interval == "1d" else bounds.hours / 24
    bars = round(chosen * per_day(interval)) if math.isfinite(chosen) else 0
    if bars < 1:
        raise UsageError(
            f"A span of {chosen:g} days holds no {interval} candle.", remedy="Name a longer one."
        )
    last = _last_due(workspace, interval)
    return [asof_name(last - place * DURATION[interval], interval) for place in range(bars)][::-1]


def _last_due(workspace: Workspace, interval: Interval) -> datetime:
    newest = newest_sealed(workspace.store, workspace.deployment)
    if workspace.source_kind == "file" and newest is not None:
        return parse_asof(newest, interval)
    return last_closed_open(workspace.wall.now(), interval)


def _documents(
    workspace: Workspace, due: Sequence[str]
) -> tuple[dict[str, ShadowDocument], dict[str, str]]:
    """Return the shadow documents of these as-ofs, and why others cannot be read."""
    found, unread = {}, {}
    there = set(workspace.store.list(keys.shadows(workspace.deployment)))
    for asof in due:
        key = keys.shadow(workspace.deployment, asof)
        stored = workspace.store.get(key) if key in there else None
        if stored is None:
            continue
        try:
            found[asof] = ShadowDocument.parse(stored.data, what=key)
        except DataMalformed as error:
            unread[asof] = error.facts
    return found, unread


def _entries(
    workspace: Workspace,
    documents: Mapping[str, ShadowDocument],
    challenger: str,
    due: Sequence[str],
    unread: Mapping[str, str],
) -> tuple[dict[str, ShadowChallenger], tuple[MissingBar, ...]]:
    """Return what became of the challenger at the bars that count, and the bars without answer."""
    entries, missing = {}, []
    for asof in due:
        document = documents.get(asof)
        entry = document.of(challenger) if document is not None else None
        if document is None:
            missing.append(MissingBar(asof, unread.get(asof, "no shadow run")))
        elif entry is None:
            missing.append(MissingBar(asof, "not in shadow"))
        elif document.mode != "live" and workspace.source_kind != "file":
            missing.append(MissingBar(asof, "asked late"))
        else:
            entries[asof] = entry
            if not entry.forecasts:
                missing.append(MissingBar(asof, entry.error or f"not asked: {entry.not_asked}"))
    return entries, tuple(missing)
