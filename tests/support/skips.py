"""A test that lacks an optional component skips with its name and what installs it.

With FORECASTLAB_REQUIRE_ALL=1 a skipped test fails, unless it skips for missing market data.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from importlib.util import find_spec
from typing import Any, TypeVar

import pytest

from tests.support.market_data import NEEDS_CANDLES
from tests.support.optional import lacking

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Know the settings of pytest-timeout where it is not installed: tests then have no limit."""
    if find_spec("pytest_timeout") is None:
        parser.addini("timeout", "seconds for one test")


def pytest_configure(config: pytest.Config) -> None:
    """Know its mark too."""
    if find_spec("pytest_timeout") is None:
        config.addinivalue_line("markers", "timeout(seconds): the time of this test")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, Any]:
    """Judge the report of a test."""
    return judged((yield), item.nodeid, call)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, Any]:
    """Judge the report of a module, where its imports end."""
    report = yield
    return judged(report, collector.nodeid, getattr(report, "call", None))


def judged(report: Report, name: str, call: pytest.CallInfo[Any] | None) -> Report:
    """Turn a missing component into a skip, and a skip that is not allowed into a failure."""
    missing = lacking(call.excinfo.value) if call and call.excinfo and report.failed else None
    if missing:
        report.outcome = "skipped"
        report.longrepr = (name.split("::", maxsplit=1)[0], None, f"Skipped: {missing}")
    if not os.environ.get("FORECASTLAB_REQUIRE_ALL") or not report.skipped:
        return report
    if hasattr(report, "wasxfail"):  # an expected failure is reported as a skip
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if NEEDS_CANDLES not in reason:
        report.outcome = "failed"
        report.longrepr = f"{name} may not skip where FORECASTLAB_REQUIRE_ALL is set ({reason})"
    return report
