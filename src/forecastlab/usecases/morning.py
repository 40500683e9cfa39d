"""The whole morning: the forecast first, then what must neither fail nor delay it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from forecastlab.contracts.errors import ForecastLabError
from forecastlab.contracts.intervals import asof_name, parse_asof
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

    Where the forecast fails, what can still be done is done: outcomes are due whether the exchange
    answers or not.

    Raises what `predict` raises, after the other steps; these raise nothing.
    """
    try:
        published = predict(workspace, request, attempt)
    except ForecastLabError:
        attempt.step("score", lambda: _score(workspace))
        raise
    attempt.step("backfill", lambda: _fill_missed(workspace, request, published))
    attempt.step("score", lambda: _score(workspace))
    return Morning(published, tuple(attempt.steps))


def _fill_missed(workspace: Workspace, request: PredictRequest, published: Published) -> str | None:
    """Fill the as-ofs between the first record and this one that were missed, as hindsight."""
    names = sealed_asofs(workspace.store, workspace.deployment)
    first, newest = (parse_asof(name, "1d") for name in (names[0], published.record.asof_date))
    days = (first + i * _DAY for i in range((newest - first) // _DAY))
    missed = [one for one in days if asof_name(one, "1d") not in names]
    if not missed:
        return None
    chosen = choose(workspace, request.bundle)
    cut_off = parse_asof(chosen.bundle.files.manifest.training.cut_off, "1d")
    rows = fill(workspace, chosen, [one for one in missed if one >= cut_off], mode="missing")
    filled = [row.asof for row in rows if row.result == "filled"]
    return f"filled {', '.join(filled)}" if filled else None


def _score(workspace: Workspace) -> str | None:
    report = score(workspace)
    return f"{report.written} outcome(s) written" if report.written else None
