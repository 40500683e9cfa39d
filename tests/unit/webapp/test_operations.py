"""Operations: runs, their seconds, and whether the newest forecast is overdue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from forecastlab.contracts.records import RunReport
from tests.support import dashboard_store as worlds
from tests.unit.webapp.conftest import NOW
from webapp.views import operations
from webapp.views.wording import Words


def run(place: int = 0, *, code: int = 0, seconds: float = 2.0, **changes: Any) -> RunReport:
    started = datetime(2026, 3, 1, 0, 5, tzinfo=UTC) + timedelta(days=place)
    return RunReport.model_validate(
        {
            "run_id": f"{place:08x}",
            "command": "daily",
            "deployment": "d",
            "started_at": started,
            "finished_at": started + timedelta(seconds=seconds),
            "asof_date": None if code else "2026-02-28",
            "exit_code": code,
            "result": "DataStale" if code else "published",
            "steps": [
                {"name": "update", "status": "done", "detail": "", "duration_s": 1.5},
                {"name": "score", "status": "failed", "detail": "<b>", "duration_s": 0.5},
            ],
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("hours", "fresh"), [(0.1, True), (25.9, True), (26.0, True), (26.1, False), (-3.0, True)]
)
def test_a_daily_forecast_is_overdue_after_a_day_and_two_hours(hours: float, fresh: bool) -> None:
    [record] = worlds.records_of(worlds.daily(NOW, count=1))
    found = operations.freshness(record, record.as_of + timedelta(hours=hours))
    assert found.is_fresh is fresh
    assert found.age >= timedelta(0)


def test_an_hourly_forecast_is_overdue_after_three_hours(words: Words) -> None:
    [record] = worlds.records_of(worlds.hourly(NOW, count=1))
    late = operations.freshness(record, record.as_of + timedelta(hours=3, minutes=5))
    assert not late.is_fresh
    assert operations.fresh_line(late, words).startswith("Overdue")
    assert "3 h 5 min" in operations.fresh_line(late, words)


def test_runs_are_listed_newest_first(words: Words) -> None:
    table = operations.run_table([run(0, code=3, error="No way."), run(1)], words)
    assert list(table["Result"]) == ["✓ published", "✗ DataStale"]
    assert list(table["Exit code"]) == [0, 3]
    assert table["As of"].iloc[1] == "–"
    assert table["Error"].iloc[1] == "No way."


def test_failed_runs_are_bars_of_their_own(words: Words) -> None:
    runs = [run(0), run(1, code=3), run(2, seconds=4)]
    figure = operations.duration_figure(runs, words, UTC)
    bars = {one.name: tuple(one.y) for one in figure.data}
    assert bars == {"succeeded": (2.0, 4.0), "failed": (2.0,)}
    assert {one.marker.pattern.shape for one in figure.data} == {"", "/"}
    assert len(operations.duration_figure([], words, UTC).data) == 0


def test_steps_are_stacked_and_unequal_steps_are_zero(words: Words) -> None:
    runs = [run(0), run(1, steps=[])]
    figure = operations.step_figure(runs, words, UTC)
    assert {one.name: tuple(one.y) for one in figure.data} == {
        "update": (1.5, 0.0),
        "score": (0.5, 0.0),
    }
    assert figure.layout.barmode == "stack"
    table = operations.step_table(runs[0], words)
    assert list(table["Status"]) == ["✓ done", "✗ failed"]


def test_sums_over_runs() -> None:
    runs = [run(0, seconds=3), run(1, code=3, seconds=99), run(2, seconds=1), run(3, seconds=2)]
    assert operations.succeeded(runs) == 3
    assert operations.median_seconds(runs) == 2.0
    assert operations.median_seconds([run(code=3)]) is None
    backwards = run(finished_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert operations.seconds(backwards) == 0.0
