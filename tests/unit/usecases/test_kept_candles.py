"""What an archive holds whole is not asked of the source; in need its part has to do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.usecases.kept_candles import KeptFirst
from forecastlab.usecases.update import Need, update
from forecastlab.usecases.workspace import Workspace
from tests.support.signal_service import NOW, Lacking, workspace_of

HOUR = timedelta(hours=1)
LAST = NOW.replace(minute=0) - HOUR


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Give one whose lake holds ten hours."""
    found = workspace_of(tmp_path)
    update(found, [Need("BTCUSDT", "1h", LAST - 9 * HOUR)])
    return found


def test_a_whole_span_is_taken_from_the_archive(workspace: Workspace) -> None:
    market = Lacking(workspace.source)
    source = KeptFirst(workspace.archive, market)
    whole = source.fetch("BTCUSDT", "1h", LAST - 9 * HOUR, LAST)
    assert (len(whole), market.asked, source.kind) == (10, 0, "simulated")
    assert_frame_equal(
        whole.frame, workspace.archive.read("BTCUSDT", "1h", LAST - 9 * HOUR, LAST).frame
    )
    assert len(source.fetch("BTCUSDT", "1h", LAST - 10 * HOUR, LAST)) == 11
    assert market.asked == 1


def test_a_span_without_a_beginning_is_asked_for(workspace: Workspace) -> None:
    market = Lacking(workspace.source)
    assert len(KeptFirst(workspace.archive, market).fetch("BTCUSDT", "1h", None, LAST)) > 10
    assert market.asked == 1


def test_in_need_a_part_has_to_do(workspace: Workspace) -> None:
    source = KeptFirst(workspace.archive, Lacking(workspace.source, away=True))
    assert len(source.fetch("BTCUSDT", "1h", LAST - 20 * HOUR, LAST)) == 10
    with pytest.raises(DataUnavailable, match="away"):
        source.fetch("ETHUSDT", "1h", LAST - 20 * HOUR, LAST)
