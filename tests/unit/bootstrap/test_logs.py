"""What a log line or a last word repeats of others forges no line, and commands no terminal."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from forecastlab.bootstrap.logs import configure_logging, last_word

FORGED = "no symbol 'X\n2025-10-01 00:00:00,000 INFO forecastlab: all is well\x1b[2K\r'"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_log_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning")
    logging.getLogger("forecastlab.test").warning("%s", FORGED)
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert r"\n2025-10-01" in said
    assert r"\x1b[2K\r" in said


def test_a_traceback_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning")
    try:
        int("why")
    except ValueError:
        logging.getLogger("forecastlab.test").exception("failed")
    said = capsys.readouterr().err
    assert "\nTraceback" in said
    assert said.endswith("'why'\n")


def test_a_json_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", log_format="json")
    logging.getLogger("forecastlab.test").warning("%s", FORGED)
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == FORGED


def test_a_last_word_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning")
    last_word(FORGED)
    assert "\x1b" not in capsys.readouterr().err
