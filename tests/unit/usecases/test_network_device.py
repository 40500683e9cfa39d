"""Where networks compute: on what was asked for, and with `auto` on what was faster here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forecastlab.contracts.device import Device, DeviceChoice, DeviceName
from forecastlab.contracts.errors import BundleRefused
from forecastlab.models.sequence.graph import CPU
from forecastlab.models.sequence.model import SequenceModel
from forecastlab.usecases import network_device
from forecastlab.usecases.network_device import PROVIDERS, placed, window_ms
from forecastlab.usecases.open_bundle import OpenBundle, open_bundle
from tests.support.direction_bundle import direction_bundle

HERE = Device("cpu", "there is no NVIDIA driver")
THERE = Device("cuda", "CUDA 12.8, 1 GPU(s)")


@pytest.fixture(scope="module")
def bundle() -> OpenBundle:
    return open_bundle(direction_bundle().verified)


def providers(bundle: OpenBundle) -> set[tuple[str, ...]]:
    return {
        model.providers
        for forecaster in bundle.forecasters.values()
        for model in forecaster.members.values()
        if isinstance(model, SequenceModel)
    }


@pytest.mark.parametrize("choice", ["auto", "cpu"])
def test_without_a_gpu_nothing_is_measured(bundle: OpenBundle, choice: DeviceChoice) -> None:
    found = placed(bundle, HERE, choice)
    assert (found.device, found.why, found.window_ms) == ("cpu", HERE.why, {})
    assert providers(found.bundle) == {CPU}


def test_a_gpu_that_was_asked_for_is_taken_unmeasured(bundle: OpenBundle) -> None:
    found = placed(bundle, THERE, "cuda")
    assert (found.device, found.window_ms) == ("cuda", {})
    assert providers(found.bundle) == {PROVIDERS["cuda"]}


@pytest.mark.parametrize(
    ("cpu_ms", "cuda_ms", "device"), [(0.4, 1.3, "cpu"), (0.4, 0.1, "cuda"), (0.4, 0.4, "cpu")]
)
def test_auto_takes_the_faster_one(
    bundle: OpenBundle,
    monkeypatch: pytest.MonkeyPatch,
    cpu_ms: float,
    cuda_ms: float,
    device: DeviceName,
) -> None:
    def spent(one: OpenBundle, _: object) -> float:
        return cpu_ms if providers(one) == {CPU} else cuda_ms

    monkeypatch.setattr(network_device, "window_ms", spent)
    found = placed(bundle, THERE, "auto")
    assert found.device == device
    assert found.window_ms == {"cpu": cpu_ms, "cuda": cuda_ms}
    assert found.why == f"measured: cpu {cpu_ms:.3f} ms a window, cuda {cuda_ms:.3f} ms a window"
    assert providers(found.bundle) == {PROVIDERS[device]}


def test_auto_stays_where_the_gpu_does_not_run(
    bundle: OpenBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spent(one: OpenBundle, _: object) -> float:
        if providers(one) != {CPU}:
            raise BundleRefused("onnxruntime does not read the graph.", remedy="Restore it.")
        return 0.4

    monkeypatch.setattr(network_device, "window_ms", spent)
    found = placed(bundle, THERE, "auto")
    assert found.device == "cpu"
    assert found.why == "cuda does not run: onnxruntime does not read the graph."


def test_a_window_is_timed_at_each_batch_on_each_network(bundle: OpenBundle) -> None:
    def ticks() -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += 0.016

    clock = ticks()
    # Two networks, a run of .016 s each: alone it is all the window's, in a batch a sixteenth.
    assert window_ms(bundle, lambda: next(clock)) == pytest.approx(2 * (16 + 1) / 2)
