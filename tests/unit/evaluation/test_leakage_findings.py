"""Reports survive storage, and a finding tells what a person needs to mend the code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.canonical import canonical_bytes, parse_document
from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.intervals import Interval
from forecastlab.evaluation.leakage.findings import (
    CheckReport,
    Finding,
    as_document,
    from_document,
    joined,
)
from forecastlab.evaluation.leakage.subject import Subject
from forecastlab.evaluation.leakage.truncation import truncation
from tests.support.synthetic import START, synthetic_market

DAY = timedelta(days=1)
FINDING = Finding(
    "L1",
    "BTCUSDT flow: rsi_14",
    datetime(2024, 1, 2, tzinfo=UTC),
    "BTCUSDT 1d 2024-01-02",
    0.5,
    "…",
)


@pytest.mark.parametrize(
    "report",
    [
        CheckReport("L1", 12, (FINDING, Finding("L1", "a", None, None, None, "b"))),
        CheckReport("L8", 0, not_shown="left out"),
    ],
)
def test_a_report_reads_back_from_json(report: CheckReport) -> None:
    stored = parse_document(canonical_bytes(as_document(report)), what="a report")
    assert from_document(report.check, stored) == report


@pytest.mark.parametrize(
    "document", [None, "passed", {}, {"comparisons": 1, "findings": [{"check": "L9"}]}]
)
def test_anything_else_is_refused(document: Any) -> None:
    with pytest.raises(BundleRefused, match="evidence of L5"):
        from_document("L5", document)


def test_joined_reports_keep_all_findings() -> None:
    whole = joined("L1", [CheckReport("L1", 3), CheckReport("L1", 4, (FINDING,))])
    assert (whole.comparisons, whole.findings, whole.passed) == (7, (FINDING,), False)


def test_a_check_that_was_left_out_has_not_passed() -> None:
    assert not CheckReport("L8", 0, not_shown="left out").passed


@pytest.mark.parametrize("interval", ["1h", "4h", "1d"])
@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_a_finding_names_column_date_candle_and_size(symbol: str, interval: Interval) -> None:
    """A column that holds the first close after the row's own candle."""
    view = synthetic_market(20, ("BTCUSDT", "ETHUSDT"), seed=2).as_of(START + 20 * DAY)
    as_of = START + 12 * DAY

    def peeking(one: MarketView) -> pd.DataFrame:
        daily, other = one.candles("BTCUSDT", "1d"), one.candles(symbol, interval)
        place = other.available_at.searchsorted(daily.available_at, side="right")
        known = other.frame["close"].iloc[: place[-1] + 1].to_numpy()
        peeked = [known[min(at, len(known) - 1)] for at in place]
        return pd.DataFrame({"honest": 1.0, "peeked": peeked}, index=daily.frame.index)

    report = truncation(Subject("test", "1d", peeking), view, [as_of])
    (finding,) = report.findings
    assert finding.subject == "test: peeked"
    assert finding.as_of == as_of
    first_open = "2018-01-13" if interval == "1d" else "2018-01-13T00Z"
    assert finding.candle == f"{symbol} {interval} {first_open}"
    frame = view.candles(symbol, interval).frame["close"]
    after = frame.loc[frame.index >= pd.Timestamp(as_of)].iloc[0]
    before = frame.loc[frame.index < pd.Timestamp(as_of)].iloc[-1]
    assert finding.change == pytest.approx(abs(after - before), rel=1e-3)
    assert finding.candle in finding.sentence
