"""Log lines, for people and for machines."""

from __future__ import annotations

import logging
import os
import sys
import traceback

from forecastlab.adapters.json_log import JsonLines, trace_fields
from forecastlab.usecases.run_events import events


class OneLine(logging.Formatter):
    """Writes a message on one line: what comes from elsewhere begins no line of its own.

    Other control characters are written out too, for a terminal would obey them.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line."""
        record.message = written_out(record.message)
        return super().formatMessage(record)


def written_out(text: str) -> str:
    r"""Return a text in which every character can be seen.

    >>> written_out("refused\nERROR forged, 正常 – fine") == r"refused\nERROR forged, 正常 – fine"
    True
    """
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def last_word(text: str, *, bug: BaseException | None = None) -> None:
    """Write why the process ends: a line for a person, or one event where logs are JSON."""
    root = logging.getLogger()
    if any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        fields = {"event": "refused" if bug is None else "bug"}
        root.error("%s", text, exc_info=bug, extra={"fields": fields})
        return
    if bug is not None:
        traceback.print_exception(bug)
    lines = "\n".join(written_out(line) for line in text.split("\n"))
    sys.stderr.write(f"forecastlab: {lines}\n")


def configure_logging(severity: str, verbose: int = 0, *, log_format: str = "text") -> None:
    """Send log lines of at least `severity` to stderr; each -v lowers it by one.

    As `json` they are one event a line. As `text` the events of a run's end are left out, for the
    command itself tells a person the same; -v brings them back.
    """
    level = max(logging.getLevelNamesMapping()[severity.upper()] - 10 * verbose, logging.DEBUG)
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(JsonLines(trace_fields(os.environ)))
    else:
        handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    quiet = log_format == "text" and level > logging.INFO
    events.setLevel(logging.CRITICAL if quiet else logging.NOTSET)
