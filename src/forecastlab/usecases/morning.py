"""The whole morning: the forecast first, then what must neither fail nor delay it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from forecastlab.contracts.intervals import parse_asof
from forecastlab.contracts.records import StepReport
from forecastlab.usecases.backfill import fill
from forecastlab.usecases.champion import choose
from forecastlab.usecases.predict import PredictRequest, predict
from forecastlab.usecases.publish import Published, sealed_asofs
from forecastlab.usecases.runs import Attempt
from forecastlab.usecases.score import score
from forecastlab.usecases.workspace import Workspace

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Morning:
    """The published forecast, and what became of each step."""

    published: Published
    steps: tuple[StepReport, ...]


def morning(workspace: Workspace, request: PredictRequest, attempt: Attempt) -> Morning:
    """Predict, then fill in missed as-ofs, then score what has resolved.

    Raises what `predict` raises; no later step raises anything.
    """
    published = predict(workspace, request, attempt)
    attempt.step("backfill", lambda: _fill_missed(workspace, request, published))
    attempt.step("score", lambda: _score(workspace))
    return Morning(published, tuple(attempt.steps))


def _fill_missed(workspace: Workspace, request: PredictRequest, published: Published) -> str | None:
    """Fill the as-ofs between the record before this one and this one, as hindsight."""
    asof = published.record.asof_date
    earlier = [name for name in sealed_asofs(workspace.store, workspace.deployment) if name < asof]
    if not earlier:
        return None
    newest, last = parse_asof(asof, "1d"), parse_asof(earlier[-1], "1d")
    missed = [last + i * _DAY for i in range(1, (newest - last) // _DAY)]
    chosen = choose(workspace, request.bundle) if missed else None
    if chosen is None:
        return None
    cut_off = parse_asof(chosen.bundle.files.manifest.training.cut_off, "1d")
    rows = fill(workspace, chosen, [one for one in missed if one >= cut_off], mode="missing")
    filled = [row.asof for row in rows if row.result == "filled"]
    return f"filled {', '.join(filled)}" if filled else None


def _score(workspace: Workspace) -> str | None:
    report = score(workspace)
    return f"{report.written} outcome(s) written" if report.written else None
