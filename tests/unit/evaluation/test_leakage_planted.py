"""Every planted leak is caught by the check that is there for it; its clean twin is not flagged."""

from __future__ import annotations

import pytest

from tests.unit.evaluation.planted_leaks import PLANTED, Planted


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_the_leak_is_caught(planted: Planted) -> None:
    reports = planted.part(planted.leak)
    caught = {report.check for report in reports if report.findings}
    assert planted.caught_by
    assert caught >= planted.caught_by


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_clean_code_of_the_same_shape_is_not_flagged(planted: Planted) -> None:
    reports = planted.part(planted.clean)
    assert [one.sentence for report in reports for one in report.findings] == []
    assert all(report.comparisons for report in reports)
