"""Run the command line in this process, as a user would: arguments in; exit code and output out."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from forecastlab.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    def refused(self, code: int, *parts: str) -> None:
        """Demand a deliberate error: this exit code, one message with these parts, no traceback."""
        assert self.code == code, self.err
        assert "Traceback" not in self.err
        assert self.out == ""
        for part in parts:
            assert part in self.err, self.err


class CommandLine:
    """Runs commands with options that every one of them gets."""

    def __init__(self, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capture, self._patch = capture, patch

    def __call__(self, *arguments: str) -> Ended:
        """Run `forecastlab ARGUMENTS`."""
        self._capture.readouterr()
        self._patch.setattr(sys, "argv", ["forecastlab", *arguments])
        # A process takes its logging with it; this one goes on.
        root, events = logging.getLogger(), logging.getLogger("forecastlab.events")
        before = (root.handlers[:], root.level, events.level)
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            root.handlers[:], level, events_level = before
            root.setLevel(level)
            events.setLevel(events_level)
        told = self._capture.readouterr()
        return Ended(code, told.out, told.err)
