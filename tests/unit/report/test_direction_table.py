"""The hourly tables say what the verdict file holds, and refuse one of another target."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.verdicts import (
    BucketEntry,
    DirectionFindings,
    Estimate,
    RankEntry,
    VerdictFile,
)
from forecastlab.report.direction_table import direction_table

DAILY = Path(__file__).parents[3] / "docs" / "results" / "verdict.json"


def estimate(value: float) -> Estimate:
    return Estimate(value=value, ci95=(value - 0.01, value + 0.01))


def findings(auc: float) -> DirectionFindings:
    bucket = {"lowest": 0.5, "highest": 0.6, "mean": 0.55, "rows": 10, "forward": 0.0, "gross": 0.0}
    return DirectionFindings(
        block=168,
        one_sided=False,
        ranks=(
            RankEntry(
                name="published",
                kind="forecast",
                label_auc=estimate(auc),
                sign_auc=estimate(auc),
                behind=None,
            ),
            RankEntry(
                name="trailing",
                kind="volatility",
                label_auc=estimate(0.5),
                sign_auc=estimate(0.501),
                behind=estimate(0.01),
            ),
        ),
        volatility_log_loss=0.69,
        volatility_gain=estimate(0.0),
        gain_over_volatility=estimate(0.0),
        cost=0.002,
        buckets=tuple(
            BucketEntry(side=1, net=estimate(net), **bucket) for net in (-0.0021, -0.0007)
        ),
        quarters=(),
    )


def verdicts() -> VerdictFile:
    return VerdictFile.parse(DAILY.read_bytes(), what="verdict.json")


def test_ranks_verdicts_and_money_stand_in_the_table() -> None:
    daily = verdicts()
    heads = {
        name: one.model_copy(update={"direction": findings(auc)})
        for (name, one), auc in zip(daily.candidates.items(), (0.561, 0.543), strict=True)
    }
    table = direction_table(daily.model_copy(update={"candidates": heads}))
    assert "0.561 [0.551, 0.571]" in table
    assert "| trailing (volatility alone) | 0.501" in table
    assert "−7 bp [−107, +93]" in table
    assert "−21 bp" not in table
    # The shorter horizon comes first.
    assert table.index("`T14_X8`") < table.index("`T21_X8`")


def test_another_target_is_refused() -> None:
    with pytest.raises(DataMalformed, match="no direction"):
        direction_table(verdicts())
