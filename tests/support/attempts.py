"""Records and runs of consecutive days, as the rules of alerts read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.records import ForecastRecord, RunReport
from tests.support.documents import forecast_document, record_document

FIRST: Final = datetime(2025, 10, 1, tzinfo=UTC)
"""The as-of of the first record."""


def record(
    place: int = 0,
    *,
    up: float = 0.3,
    labels: tuple[int, ...] = (-1, 0, 1),
    method: str = "first_passage",
    **changes: Any,
) -> ForecastRecord:
    """Return the record of a day; `up` is P(1) of its one candidate, T21_X8."""
    as_of = FIRST + timedelta(days=place)
    shares = {"-1": 0.3, "0": 0.7 - up, "1": up}
    said = {
        **forecast_document(),
        "pred_proba": shares,
        "members": {"first_passage": shares},
        "prediction_set": {"level": 0.8, "labels": list(labels)},
        "resolves_on": (as_of + timedelta(days=20)).date(),
        "resolves_at": as_of + timedelta(days=21),
        "method": method,
    }
    document = {
        **record_document(),
        "asof_date": asof_name(as_of - timedelta(days=1), "1d"),
        "as_of": as_of,
        "created_at": as_of + timedelta(minutes=5),
        "forecasts": {"T21_X8": said},
        **changes,
    }
    return ForecastRecord.model_validate(document)


def run(
    place: int = 0,
    *,
    code: int = 0,
    command: str = "daily",
    steps: tuple[tuple[str, str, float], ...] = (
        ("update", "done", 0.1),
        ("forecast", "done", 0.2),
    ),
    **changes: Any,
) -> RunReport:
    """Return an attempt of a day; steps are name, status, seconds."""
    started = FIRST + timedelta(days=place, minutes=5)
    return RunReport.model_validate(
        {
            "run_id": f"{place:08x}",
            "command": command,
            "deployment": "flow_T21X8_T14X8",
            "started_at": started,
            "finished_at": started + timedelta(seconds=2),
            "asof_date": None,
            "exit_code": code,
            "result": "DataUnavailable" if code else "published",
            "error": "No way. Try again." if code else None,
            "steps": [
                {"name": name, "status": status, "detail": "why", "duration_s": seconds}
                for name, status, seconds in steps
            ],
            **changes,
        }
    )
