"""Every rule of the alerts: it fires, it holds at its boundary, and it is silent without data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from forecastlab.contracts.operations import AlertTable
from forecastlab.contracts.records import ForecastRecord, RunReport
from forecastlab.evaluation.incidents import findings
from forecastlab.evaluation.observed import Finding, Observed, Resolved
from forecastlab.evaluation.record_rules import freshness_limit, wilson
from tests.support.attempts import FIRST, record, run

MISSING = "v2_7_reference_symbol_missing"
DOWN = (("update", "failed", 1.0),)


def seen(
    runs: Sequence[RunReport] = (), records: Sequence[ForecastRecord] = (), **changes: Any
) -> Observed:
    now = FIRST + timedelta(days=max(len(records) - 1, 0), minutes=6)
    chosen = {"now": now, "interval": "1d", "runs": tuple(runs), "records": tuple(records)}
    return Observed(**{**chosen, **changes})


def said(rule: str, observed: Observed, **limits: Any) -> Finding | None:
    table = AlertTable.model_validate(limits)
    found = [one for one in findings(observed, table) if one.rule == rule]
    assert len(found) <= 1
    return found[0] if found else None


def fires(rule: str, observed: Observed, **limits: Any) -> bool:
    found = said(rule, observed, **limits)
    assert found is not None, f"{rule} does not judge"
    return found.fires


def days(count: int, make: Callable[..., Any] = record, **changes: Any) -> list[Any]:
    return [make(place, **changes) for place in range(count)]


def test_without_anything_no_rule_says_anything() -> None:
    assert findings(seen(), AlertTable()) == ()


def test_a_quiet_month_fires_nothing() -> None:
    records = [record(place, up=0.3 + place / 100) for place in range(30)]
    found = findings(seen(days(30, run), records, references=4), AlertTable())
    assert len(found) >= 9
    assert [one for one in found if one.fires] == []


@pytest.mark.parametrize("code", [2, 3, 4, 5, 6, 70, 143])
def test_a_job_that_fails_is_told_at_once(code: int) -> None:
    failed = seen([run(0), run(1, code=code, steps=(("bundle", "failed", 0.1),))])
    found = said("job_failed-daily", failed)
    assert found is not None and found.fires
    assert found.severity == "error"
    assert f"exit code {code}: No way." in found.facts
    assert not fires("job_failed-daily", seen([*failed.runs, run(2)]))


def test_each_command_has_its_own_failure() -> None:
    runs = [run(0, code=3, command="retrain", steps=()), run(1)]
    assert fires("job_failed-retrain", seen(runs))
    assert not fires("job_failed-daily", seen(runs))


@pytest.mark.parametrize(("command", "judged"), [("predict", False), ("daily", True)])
def test_a_slip_of_the_hand_is_no_failed_job(command: str, judged: bool) -> None:
    found = said(f"job_failed-{command}", seen([run(0, code=2, command=command, steps=())]))
    assert (found is not None) is judged


def test_a_command_with_an_odd_name_stays_one_key() -> None:
    found = findings(seen([run(0, code=3, command="Shadow/../run", steps=())]), AlertTable())
    assert "job_failed-shadow_run" in {one.rule for one in found}


def test_a_failed_update_is_one_incident_not_two() -> None:
    down = seen([run(0), run(1, code=3, steps=(*DOWN, ("score", "failed", 0.1)))])
    assert fires("update_failed", down)
    assert said("job_failed-daily", down) is None
    later = seen([*down.runs, run(2, code=4, steps=(("bundle", "failed", 0.1),))])
    assert fires("update_failed", later), "a run that never came to it shows nothing"
    assert fires("job_failed-daily", later)
    assert not fires("update_failed", seen([*down.runs, run(2)]))


def test_a_step_after_the_forecast_that_fails_is_told() -> None:
    steps = (("update", "done", 0.1), ("forecast", "done", 0.2), ("score", "failed", 0.3))
    found = said("step_failed", seen([run(0, steps=steps)]))
    assert found is not None and found.fires
    assert "score (why)" in found.facts
    assert not fires("step_failed", seen([run(0, steps=steps), run(1)]))


@pytest.mark.parametrize(("failed", "tried", "expected"), [(1, 20, False), (2, 20, True)])
def test_a_rate_of_failures_above_the_limit(failed: int, tried: int, expected: bool) -> None:
    runs = [run(place, code=3 if place < failed else 0) for place in range(tried)]
    assert fires("failures", seen(runs)) is expected


def test_a_rate_needs_twenty_forecasts() -> None:
    assert said("failures", seen(days(19, run, code=3))) is None
    slips = [run(place, code=2, command="predict") for place in range(19)]
    assert said("failures", seen([*slips, run(19)])) is None


@pytest.mark.parametrize(("seconds", "expected"), [(2.0, False), (2.01, True)])
def test_the_newest_forecast_took_too_long(seconds: float, expected: bool) -> None:
    runs = [
        run(0, steps=(("forecast", "done", 9.0),)),
        run(1, steps=(("forecast", "done", seconds),)),
    ]
    assert fires("latency", seen(runs)) is expected


def test_a_run_that_made_no_forecast_says_nothing_of_its_seconds() -> None:
    slow, down = run(0, steps=(("forecast", "done", 9.0),)), run(1, code=3, steps=DOWN)
    assert fires("latency", seen([slow, down]))
    assert said("latency", seen([down])) is None


@pytest.mark.parametrize(
    ("rule", "event"),
    [
        ("all_references_missing", "v2_7_all_reference_symbols_missing"),
        ("ml_enrichment_error", "ml_enrichment_error"),
    ],
)
def test_what_the_newest_forecast_counted_or_says(rule: str, event: str) -> None:
    counted = run(0, fields={"events": {event: 2}})
    assert fires(rule, seen([counted]))
    assert not fires(rule, seen([counted, run(1)]))
    assert fires(rule, seen([run(0)], [record(0, degraded=(f"v2_6: {event}",))]))
    assert not fires(rule, seen([run(0)], [record(0, degraded=(f"{MISSING}(ADAUSDT)",))]))


@pytest.mark.parametrize(("days_with", "expected"), [(20, False), (21, True)])
def test_a_rate_of_missing_references_above_the_limit(days_with: int, expected: bool) -> None:
    """Of four references of 25 records a fifth is twenty."""
    records = [
        record(place, degraded=(f"{MISSING}(ADAUSDT)",) if place < days_with else ())
        for place in range(25)
    ]
    assert fires("missing_references", seen([], records, references=4)) is expected
    assert said("missing_references", seen([], records)) is None, "a forecast without references"
    assert said("missing_references", seen([], records[:19], references=4)) is None


def test_a_reference_that_is_named_twice_lacks_once() -> None:
    twice = (f"{MISSING}(ADAUSDT)", f"v2_6: {MISSING}(ADAUSDT)")
    found = said("missing_references", seen([], days(20, degraded=twice), references=4))
    assert found is not None
    assert "of 80 reference symbols" in found.facts
    assert "20 lacked" in found.facts


@pytest.mark.parametrize(("hours", "expected"), [(26.0, False), (26.01, True), (-3.0, False)])
def test_no_record_for_a_day_and_two_hours(hours: float, expected: bool) -> None:
    now = FIRST + timedelta(hours=hours)
    assert fires("freshness", seen([], [record(0)], now=now)) is expected


def test_candles_of_files_are_never_stale() -> None:
    now = FIRST + timedelta(days=900)
    assert said("freshness", seen([], [record(0)], now=now, is_timed=False)) is None


def test_hourly_forecasts_are_stale_after_three_hours() -> None:
    assert freshness_limit("1h", 26) == timedelta(hours=3)
    assert freshness_limit("4h", 26) == timedelta(hours=6)
    assert freshness_limit("1h", 5) == timedelta(hours=5), "below a day it is meant as it stands"


def scores(same: int, of: int) -> list[ForecastRecord]:
    return [record(place, up=0.3 if place < same else 0.3 + place / 1000) for place in range(of)]


@pytest.mark.parametrize(("same", "expected"), [(18, False), (19, True)])
def test_forecasts_that_are_one_and_the_same(same: int, expected: bool) -> None:
    assert fires("frozen", seen([], scores(same, 20))) is expected
    assert said("frozen", seen([], scores(same, 20)[1:])) is None


def test_a_base_rate_may_stand_still() -> None:
    assert said("frozen", seen([], days(20, method="base_rate"))) is None


@pytest.mark.parametrize(("spread", "expected"), [(0.0009, True), (0.0011, False)])
def test_forecasts_that_hardly_move(spread: float, expected: bool) -> None:
    """The evidence's standard deviation is 0.01; a tenth of it is the least."""
    records = [record(place, up=0.3 + spread * (-1) ** place) for place in range(20)]
    evidence = {"T21_X8": {"1": np.tile([0.29, 0.31], 200)}}
    assert fires("flat", seen([], records, evidence=evidence)) is expected
    assert said("flat", seen([], records)) is None


def coverage(held: int, of: int, **limits: Any) -> bool:
    rows = tuple(Resolved(0.8, (1,), 1 if place < held else 0) for place in range(of))
    return fires("coverage", seen([], [record(0)], resolved={"T21_X8": rows}), **limits)


def test_prediction_sets_that_hold_too_little_or_too_much() -> None:
    """Labels over 21 days: 420 rows are worth twenty, whose interval reaches far."""
    assert coverage(420 * 55 // 100, 420)
    assert coverage(420, 420), "too wide a set promises nothing either"
    assert not coverage(420 * 65 // 100, 420), "twenty rows do not show it"
    assert not coverage(42, 84), "nor do four"


def test_a_coverage_within_the_gap_is_as_promised() -> None:
    assert not coverage(2940, 4200, coverage_gap=0.1)
    assert coverage(2900, 4200, coverage_gap=0.1)


def test_a_coverage_needs_twenty_rows() -> None:
    rows = tuple(Resolved(0.8, (1,), 0) for _ in range(19))
    assert said("coverage", seen([], [record(0)], resolved={"T21_X8": rows})) is None


def test_wilson_is_within_bounds_and_widens_with_fewer_rows() -> None:
    for share in (0.0, 0.5, 1.0):
        low, high = wilson(share, 10)
        wider = wilson(share, 3)
        assert 0 <= wider[0] <= low <= share <= high <= wider[1] <= 1


def drifting(up: float, *, bundle: str = "flow_T21X8_T14X8_20250930", count: int = 20) -> Observed:
    reference = {**record(0).bundle.model_dump(), "name": bundle}
    records = [record(place, up=up + place / 500, bundle=reference) for place in range(count)]
    waves = 0.3 + 0.1 * np.sin(np.arange(800) / 40)
    return seen([], records, evidence={"T21_X8": {"1": waves}})


def test_forecasts_outside_of_all_evidence_drift() -> None:
    found = said("drift", drifting(0.5))
    assert found is not None and found.fires
    assert "T21_X8 P(1)" in found.facts


def test_forecasts_in_a_corner_of_the_evidence_do_not_drift() -> None:
    """Their index is far above the customary limit, and the evidence has been there itself."""
    found = said("drift", drifting(0.36))
    assert found is not None and not found.fires


def test_a_bundle_is_judged_by_its_own_records() -> None:
    own = drifting(0.5, count=30)
    records = (*own.records[:11], *drifting(0.5, bundle="another", count=30).records[11:])
    mixed = seen([], records, evidence=own.evidence)
    assert said("drift", mixed) is None, "nineteen of its own"
