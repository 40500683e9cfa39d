"""Where the networks of a bundle compute: chosen by measurement where there is a choice.

A GPU does not win by itself: at batch 1 its launches cost more than a small network's arithmetic.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from forecastlab.contracts.device import Device, DeviceChoice, DeviceName
from forecastlab.contracts.errors import BundleRefused
from forecastlab.models.ensemble import Forecaster
from forecastlab.models.sequence.graph import CPU
from forecastlab.models.sequence.model import SequenceModel
from forecastlab.usecases.open_bundle import OpenBundle

PROVIDERS: Final[Mapping[DeviceName, tuple[str, ...]]] = {
    "cpu": CPU,
    "cuda": ("CUDAExecutionProvider", *CPU),
}
"""Device -> ONNX Runtime's execution providers, in order of preference."""

BATCHES: Final = (1, 16)
"""Windows of a run: one caller alone, and as many as wait for each other."""

_RUNS: Final = 15


@dataclass(frozen=True, eq=False)
class Placed:
    """A bundle whose networks compute on one device.

    Attributes:
        why: what spoke for the device.
        window_ms: device -> mean milliseconds of a window over all networks; empty where nothing
            was measured.
    """

    bundle: OpenBundle
    device: DeviceName
    why: str
    window_ms: Mapping[str, float]


def placed(
    bundle: OpenBundle,
    device: Device,
    choice: DeviceChoice,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Placed:
    """Put the networks on the device that was asked for, or for `auto` on the faster one.

    Args:
        device: what this machine can use.

    Raises:
        BundleRefused: the device that was asked for does not run a network.
    """
    here = moved(bundle, "cpu")
    if device.name == "cpu" or not _networks(bundle):
        why = device.why if device.name == "cpu" else "no member is a network"
        return Placed(here, "cpu", why, {})
    there = moved(bundle, device.name)
    if choice == device.name:
        return Placed(there, device.name, device.why, {})
    try:
        spent = {one: window_ms(on, clock) for one, on in (("cpu", here), (device.name, there))}
    except BundleRefused as error:
        return Placed(here, "cpu", f"{device.name} does not run: {error.facts}", {})
    told = ", ".join(f"{name} {ms:.3f} ms a window" for name, ms in spent.items())
    if spent["cpu"] <= spent[device.name]:
        return Placed(here, "cpu", f"measured: {told}", spent)
    return Placed(there, device.name, f"measured: {told}", spent)


def moved(bundle: OpenBundle, device: DeviceName) -> OpenBundle:
    """Return the bundle with its networks on a device."""

    def on(forecaster: Forecaster) -> Forecaster:
        members = {
            name: model.on(PROVIDERS[device]) if isinstance(model, SequenceModel) else model
            for name, model in forecaster.members.items()
        }
        return replace(forecaster, members=members)

    forecasters = {name: on(one) for name, one in bundle.forecasters.items()}
    return replace(bundle, forecasters=forecasters)


def window_ms(bundle: OpenBundle, clock: Callable[[], float]) -> float:
    """Return what a window costs: the medians of a run, per window, meant over `BATCHES`."""
    spent = []
    for model in _networks(bundle):
        shape = (model.window, len(model.scaling.kept))
        for batch in BATCHES:
            windows = np.zeros((batch, *shape), dtype="float32")
            model.log_odds(windows)
            runs = []
            for _ in range(_RUNS):
                begin = clock()
                model.log_odds(windows)
                runs.append(clock() - begin)
            spent.append(statistics.median(runs) / batch)
    return sum(spent) / len(BATCHES) * 1000


def _networks(bundle: OpenBundle) -> list[SequenceModel]:
    """Return the networks of the first candidate; those of the others are heads of the same."""
    first = next(iter(bundle.forecasters.values()))
    return [one for one in first.members.values() if isinstance(one, SequenceModel)]
