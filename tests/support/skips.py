"""With FORECASTLAB_REQUIRE_ALL=1 a skipped test fails, unless it skips for missing market data."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any, TypeVar

import pytest

from tests.support.market_data import NEEDS_CANDLES

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """Judge the report of a test."""
    return judged((yield), item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, Any]:
    """Judge the report of a module, where `importorskip` ends."""
    return judged((yield), collector.nodeid)


def judged(report: Report, name: str) -> Report:
    """Turn a skip that is not allowed into a failure."""
    if not os.environ.get("FORECASTLAB_REQUIRE_ALL") or not report.skipped:
        return report
    if hasattr(report, "wasxfail"):  # an expected failure is reported as a skip
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if NEEDS_CANDLES not in reason:
        report.outcome = "failed"
        report.longrepr = f"{name} may not skip where FORECASTLAB_REQUIRE_ALL is set ({reason})"
    return report
