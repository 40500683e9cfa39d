"""Which questions the rules answer, and which are worth asking an LLM."""

from __future__ import annotations

import math
from dataclasses import dataclass

from forecastlab.analyst.readings import Readings
from forecastlab.contracts.analysis import ModelType, SceneName
from forecastlab.contracts.errors import UsageError


@dataclass(frozen=True)
class Scene:
    """The kind of a market's moment, and the rule that said so."""

    name: SceneName
    reason: str


def classify(readings: Readings) -> Scene:
    """Return the scene; the first rule that fits decides.

    Against the original: it took a missing value for "simple", for every comparison with NaN is
    false; here that is an error.

    Raises:
        UsageError: a reading is no finite number.

    >>> from forecastlab.analyst.examples import readings
    >>> classify(readings(rsi=85.0, volume_ratio=2.5)).reason
    'extreme_rsi_on_volume'
    """
    rsi, volume, atr = readings.rsi, readings.volume_ratio, readings.atr_percent
    line, signal = readings.macd, readings.macd_signal
    if not all(map(math.isfinite, (rsi, volume, atr, line, signal))):
        raise UsageError("A reading is no finite number.", remedy="Send a whole series.")
    if (rsi > 80 or rsi < 20) and volume > 2:
        return Scene("simple", "extreme_rsi_on_volume")
    if 30 < rsi < 70 and atr < 1 and (rsi > 65 or rsi < 35):
        return Scene("simple", "calm_with_clear_rsi")
    if atr > 3:
        return Scene("complex", "volatile")
    if 45 < rsi < 55:
        return Scene("complex", "neutral_rsi")
    falling, rising = line < signal and line < 0, line > signal and line > 0
    if (rsi < 40 and falling) or (rsi > 60 and rising):
        return Scene("complex", "rsi_against_macd")
    return Scene("simple", "standard")


def routed(scene: Scene, model_type: ModelType) -> Scene:
    """Return the scene after the caller's own wish.

    >>> routed(Scene("simple", "standard"), "gpt4")
    Scene(name='complex', reason='asked_for_gpt4')
    """
    if model_type in {"gpt4", "claude", "ensemble"}:
        return Scene("complex", f"asked_for_{model_type}")
    return Scene("simple", "asked_for_local") if model_type == "local" else scene
