"""The device: what is there, what is wanted, and what must stand on the record."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

from forecastlab.adapters import device
from forecastlab.adapters.device import Found, find_gpu, usable_device
from forecastlab.contracts.device import DeviceChoice
from forecastlab.contracts.errors import ConfigError

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
GPU = Found(1, "12.2", (CUDA, CPU))
NONE = Found(trouble="there is no NVIDIA driver")


def test_cpu_looks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_gpu", lambda: pytest.fail("looked"))
    assert usable_device("cpu", expects_gpu=True).name == "cpu"


def test_auto_takes_a_gpu_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_gpu", lambda: GPU)
    found = usable_device("auto", expects_gpu=True)
    assert (found.name, found.degraded) == ("cuda", ())


@pytest.mark.parametrize(("expects", "degraded"), [(False, ()), (True, ("gpu_unavailable",))])
def test_auto_without_a_gpu_is_degraded_where_one_was_given(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    expects: bool,
    degraded: tuple[str, ...],
) -> None:
    monkeypatch.setattr(device, "find_gpu", lambda: NONE)
    with caplog.at_level(logging.INFO):
        found = usable_device("auto", expects_gpu=expects)
    assert (found.name, found.degraded) == ("cpu", degraded)
    assert "there is no NVIDIA driver" in caplog.text


def test_cuda_without_a_gpu_fails_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_gpu", lambda: NONE)
    with pytest.raises(ConfigError, match="FORECASTLAB_DEVICE=cuda, but there is no NVIDIA driver"):
        usable_device("cuda")


@pytest.mark.parametrize(
    ("listed", "used", "trouble"),
    [
        ([CUDA, CPU], CUDA, ""),
        ([CUDA, CPU], CPU, "cannot use the driver's CUDA 12.2"),
        ([CPU], CPU, "has no CUDA"),
    ],
)
def test_only_a_run_shows_what_the_runtime_computes_on(
    monkeypatch: pytest.MonkeyPatch, listed: list[str], used: str, trouble: str
) -> None:
    """A build for CUDA 13 before a driver for 12 lists the provider and computes on the CPU."""
    session = SimpleNamespace(get_providers=lambda: [used], run=lambda *_: [1])
    monkeypatch.setattr(device, "_driver", lambda: (1, "12.2", ""))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: session)
    found = find_gpu()
    assert trouble in found.trouble and bool(trouble) == bool(found.trouble)
    assert found.cuda == "12.2"


def test_the_libraries_in_wheels_are_loaded_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The GPU provider has no path to the CUDA of the nvidia wheels: it would find none."""
    done = []

    def preload() -> None:
        done.append("preload")
        print("Failed to load libcufft.so.11: no such file")  # noqa: T201 - as onnxruntime does

    def session(*_: object, **__: object) -> object:
        done.append("session")
        return SimpleNamespace(get_providers=lambda: [CUDA], run=lambda *_: [1])

    monkeypatch.setattr(device, "_driver", lambda: (1, "12.2", ""))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "preload_dlls", preload)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    assert find_gpu().trouble == ""
    assert done == ["preload", "session"]
    assert capsys.readouterr().out == ""
    assert "libcufft.so.11" in caplog.text


@pytest.mark.parametrize(("wanted", "gpu", "name"), [("cpu", GPU, "cpu"), ("auto", GPU, "cuda")])
def test_the_choice_is_logged(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wanted: DeviceChoice,
    gpu: Found,
    name: str,
) -> None:
    monkeypatch.setattr(device, "find_gpu", lambda: gpu)
    with caplog.at_level(logging.INFO):
        usable_device(wanted)
    assert f"device: {name};" in caplog.text


def test_the_small_model_is_one_that_runs() -> None:
    session = onnxruntime.InferenceSession(device._IDENTITY, providers=[CPU])
    assert session.run(None, {"x": np.ones(1, "float32")})[0] == 1


def test_a_gpu_on_which_nothing_runs_is_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(device, "_driver", lambda: (1, "12.2", ""))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU, CUDA])

    def refuse(*_: object, **__: object) -> None:
        raise Fail("CUDA failure 35: driver version is insufficient")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    assert "cannot use the driver's CUDA" in find_gpu().trouble
    assert "insufficient" in caplog.text


def test_a_machine_without_a_driver_does_not_import_the_runtime(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(_: str) -> None:
        raise OSError("libcuda.so.1: cannot open shared object file")

    monkeypatch.setattr(device.ctypes, "CDLL", absent)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert find_gpu() == NONE


@pytest.mark.parametrize(
    ("init", "gpus", "trouble"),
    [(0, 2, ""), (0, 0, "shows no GPU"), (803, 0, "does not start (status 803)")],
)
def test_the_driver_is_asked(
    monkeypatch: pytest.MonkeyPatch, init: int, gpus: int, trouble: str
) -> None:
    def put(value: int) -> object:
        def write(pointer: object) -> int:
            pointer._obj.value = value  # type: ignore[attr-defined]
            return 0

        return write

    driver = SimpleNamespace(
        cuInit=lambda _: init, cuDeviceGetCount=put(gpus), cuDriverGetVersion=put(12020)
    )
    monkeypatch.setattr(device.ctypes, "CDLL", lambda _: driver)
    found = device._driver()
    assert trouble in found[2]
    assert found[:2] == ((gpus, "12.2") if init == 0 else (0, ""))
