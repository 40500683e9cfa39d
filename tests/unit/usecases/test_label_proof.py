"""L6 of a recipe alters the very prices that its target says it reads."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.targets.touch import TouchTarget
from forecastlab.usecases import training_proof
from tests.support.imports import ROOT
from tests.support.signal_market import END, market


@dataclasses.dataclass(frozen=True)
class Closing(TouchTarget):
    """A touch that says it reads highs and lows, and takes both from the closes."""

    def labels(self, candles: Candles) -> pd.DataFrame:
        close = candles.frame["close"]
        frame = candles.frame.assign(high=close, low=close)
        return super().labels(Candles(candles.symbol, candles.interval, frame))


def recipe() -> Recipe:
    text = (ROOT / "config" / "signal.toml").read_text(encoding="utf-8")
    return parse_recipe(text, what="signal.toml").versioned("v1")


def test_the_shipped_target_passes() -> None:
    assert training_proof.prove_labels(market().as_of(END), recipe()).passed


def test_a_target_that_reads_other_prices_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_proof, "target_from_name", lambda _: Closing(0.01, 24))
    report = training_proof.prove_labels(market().as_of(END), recipe())
    assert [one.subject for one in report.findings][:1] == ["L1_H24"]
