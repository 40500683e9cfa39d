"""Log lines as JSON, one event a line, with the names that Cloud Logging reads."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

TRACE: Final = "logging.googleapis.com/trace"
SPAN: Final = "logging.googleapis.com/spanId"

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


class JsonLines(logging.Formatter):
    """Writes `severity`, `message`, `time`, `logger`, the event's own fields, and the trace.

    An event's fields are the mapping under `extra={"fields": …}`; they never replace the names
    above. A traceback stands under `stack_trace`, where Error Reporting looks for it.

    Args:
        trace: what `trace_fields` found; on every line.

    Source: Cloud Logging documents, "Structured logging", special fields in the JSON payload.

    >>> record = logging.LogRecord("app", logging.INFO, "", 0, "%d rows", (3,), None)
    >>> json.loads(JsonLines().format(record))["message"]
    '3 rows'
    """

    def __init__(self, trace: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._trace = dict(trace or {})

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        event: dict[str, Any] = {
            **getattr(record, "fields", {}),
            "severity": record.levelname,
            "message": record.getMessage(),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
            **self._trace,
        }
        if record.exc_info:
            event["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False, default=str)


def trace_fields(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that join log lines to a trace.

    The environment names one, or the lines of one execution of a cloud job are joined: the
    platform gives jobs no trace.

    Source: W3C Trace Context, the header `traceparent`; OpenTelemetry, "Environment Variables as
    Context Propagation Carriers".

    >>> parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    >>> found = trace_fields({"TRACEPARENT": parent, "GOOGLE_CLOUD_PROJECT": "mine"})
    >>> found["logging.googleapis.com/trace"]
    'projects/mine/traces/0af7651916cd43dd8448eb211c80319c'
    >>> job = {"CLOUD_RUN_EXECUTION": "daily-x7k2p", "FORECASTLAB_PROJECT": "mine"}
    >>> trace_fields(job)["logging.googleapis.com/trace"]
    'projects/mine/traces/88506184d707bd62e0f5c7013e2fb075'
    >>> trace_fields({})
    {}
    """
    # Cloud Run itself names no project; the YAML of the job does.
    project = environment.get("GOOGLE_CLOUD_PROJECT") or environment.get("FORECASTLAB_PROJECT")
    known = _TRACEPARENT.fullmatch(environment.get("TRACEPARENT", ""))
    execution = environment.get("CLOUD_RUN_EXECUTION", "")
    if not project or not (known or execution):
        return {}
    if known:
        return {TRACE: f"projects/{project}/traces/{known[1]}", SPAN: known[2]}
    return {TRACE: f"projects/{project}/traces/{sha256(execution.encode()).hexdigest()[:32]}"}
