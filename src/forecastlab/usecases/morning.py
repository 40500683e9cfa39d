"""The whole morning: the forecast first, then what must neither fail nor delay it."""

from __future__ import annotations

from dataclasses import dataclass

from forecastlab.contracts.errors import EXIT_DONE, ForecastLabError
from forecastlab.contracts.intervals import DURATION, asof_name, parse_asof
from forecastlab.contracts.records import RunReport, StepReport
from forecastlab.usecases.alerts import raise_alerts
from forecastlab.usecases.backfill import fill
from forecastlab.usecases.champion import choose
from forecastlab.usecases.explain import daily_explanation
from forecastlab.usecases.health import daily_health
from forecastlab.usecases.morning_message import send_morning_message
from forecastlab.usecases.predict import PredictRequest, predict
from forecastlab.usecases.publish import Published, sealed_asofs
from forecastlab.usecases.runs import Attempt
from forecastlab.usecases.score import write_outcomes
from forecastlab.usecases.shadow_run import run_shadow
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class Morning:
    """The published forecast, and what became of each step."""

    published: Published
    steps: tuple[StepReport, ...]


def morning(workspace: Workspace, request: PredictRequest, attempt: Attempt) -> Morning:
    """Predict, fill in missed as-ofs, score, ask the challengers; then tell people.

    Where the forecast fails, what can still be done is done: outcomes are due whether the exchange
    answers or not. The alerts follow at the end of the attempt (`recorded`).

    Raises what `predict` raises, after the other steps; these raise nothing.
    """
    try:
        published = predict(workspace, request, attempt)
    except ForecastLabError:
        attempt.step("score", lambda: _score(workspace))
        raise
    attempt.step("backfill", lambda: _fill_missed(workspace, request, published))
    attempt.step("score", lambda: _score(workspace))
    attempt.step("shadow", lambda: run_shadow(workspace, published.record.asof_date))
    attempt.step("explanation", lambda: daily_explanation(workspace, published.record.asof_date))
    attempt.step("note", lambda: _note(workspace, published))
    attempt.step("health", lambda: daily_health(workspace, request.bundle))
    attempt.step("alerts", lambda: raise_alerts(workspace, _so_far(workspace, attempt)))
    attempt.step("message", lambda: send_morning_message(workspace, published))
    return Morning(published, tuple(attempt.steps))


def _note(workspace: Workspace, published: Published) -> str | None:
    """Ask for a note on the sealed forecast, where one is asked for."""
    if (writer := workspace.note_writer()) is None:
        return None
    # The analyst and asyncio cost 0.1 s, which only those who want notes pay.
    from forecastlab.usecases.analysis.note import write_note  # noqa: PLC0415

    return write_note(workspace.store, published.record, writer, workspace.wall)


def _so_far(workspace: Workspace, attempt: Attempt) -> RunReport:
    """Return the report of the attempt under way, which has published."""
    now = workspace.wall.now()
    return RunReport(
        run_id="",
        command="daily",
        deployment=workspace.deployment,
        started_at=now,
        finished_at=now,
        asof_date=attempt.asof_date,
        exit_code=EXIT_DONE,
        result=attempt.result,
        steps=tuple(attempt.steps),
        fields=attempt.told,
    )


def _fill_missed(workspace: Workspace, request: PredictRequest, published: Published) -> str | None:
    """Fill the as-ofs between the first record and this one that were missed, as hindsight."""
    names = set(sealed_asofs(workspace.store, workspace.deployment))
    interval = published.record.interval
    candle = DURATION[interval]
    first, newest = (
        parse_asof(name, interval) for name in (min(names), published.record.asof_date)
    )
    asofs = (first + i * candle for i in range((newest - first) // candle))
    missed = [one for one in asofs if asof_name(one, interval) not in names]
    if not missed:
        return None
    chosen = choose(workspace, request.bundle)
    cut_off = parse_asof(chosen.bundle.files.manifest.training.cut_off, interval)
    rows = fill(workspace, chosen, [one for one in missed if one >= cut_off], mode="missing")
    filled = [row.asof for row in rows if row.result == "filled"]
    return f"filled {', '.join(filled)}" if filled else None


def _score(workspace: Workspace) -> str | None:
    written = write_outcomes(workspace)
    return f"{written} outcome(s) written" if written else None
