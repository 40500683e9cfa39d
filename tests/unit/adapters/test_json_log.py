"""Log lines as JSON, and how a process is set to write them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest

from forecastlab.adapters.json_log import TRACE, trace_fields
from forecastlab.bootstrap import configure_logging
from forecastlab.settings import read_settings


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root, events = logging.getLogger(), logging.getLogger("forecastlab.events")
    before = (root.handlers[:], root.level, events.level)
    yield
    root.handlers[:], level, events_level = before
    root.setLevel(level)
    events.setLevel(events_level)


def test_one_line_has_severity_message_fields_and_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info", log_format="json")
    log = logging.getLogger("forecastlab.test")
    try:
        int("two\nlines")
    except ValueError:
        log.exception("failed: %s", "ü", extra={"fields": {"event": "step", "severity": "faked"}})
    log.debug("not asked for")
    [line] = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["severity"], told["message"], told["event"]) == ("ERROR", "failed: ü", "step")
    assert "ValueError: invalid literal" in told["stack_trace"]


def test_the_trace_is_on_every_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    monkeypatch.setenv("TRACEPARENT", parent)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")
    configure_logging("info", log_format="json")
    logging.getLogger("forecastlab").info("hello")
    told = json.loads(capsys.readouterr().err)
    assert told["logging.googleapis.com/trace"].startswith("projects/mine/traces/0af7")


def test_the_lines_of_one_execution_of_a_job_share_a_trace() -> None:
    """Cloud Run sets neither TRACEPARENT nor GOOGLE_CLOUD_PROJECT for a job."""
    job = {"FORECASTLAB_PROJECT": "mine", "CLOUD_RUN_EXECUTION": "daily-a"}
    told = trace_fields(job)
    assert told == trace_fields({**job, "CLOUD_RUN_TASK_INDEX": "3"})
    assert re.fullmatch("projects/mine/traces/[0-9a-f]{32}", told[TRACE])
    assert told != trace_fields({**job, "CLOUD_RUN_EXECUTION": "daily-b"})
    assert trace_fields({"CLOUD_RUN_EXECUTION": "daily-a"}) == {}


@pytest.mark.parametrize(
    ("environment", "log_format", "level"),
    [
        ({}, "text", "warning"),
        ({"CLOUD_RUN_JOB": "daily"}, "json", "info"),
        ({"K_SERVICE": "web"}, "json", "info"),
        ({"K_SERVICE": "web", "FORECASTLAB_LOG_FORMAT": "text"}, "text", "warning"),
        ({"FORECASTLAB_LOG_FORMAT": "json", "FORECASTLAB_LOG": "error"}, "json", "error"),
    ],
)
def test_the_platform_decides_where_nobody_else_does(
    environment: dict[str, str], log_format: str, level: str
) -> None:
    settings = read_settings(environment)
    assert (settings.log_format, settings.log) == (log_format, level)


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (1, 1)])
def test_a_person_is_spared_the_events(
    capsys: pytest.CaptureFixture[str], verbose: int, lines: int
) -> None:
    configure_logging("warning", verbose)
    logging.getLogger("forecastlab.events").error("daily ended with exit code 3")
    assert len(capsys.readouterr().err.splitlines()) == lines
