"""Which device the models can really use: driver, then runtime, then one small run on it.

A runtime that was built for another CUDA than the driver's lists its GPU provider all the same and
computes on the CPU without a word; only a run shows it.
"""

from __future__ import annotations

import ctypes
import logging
from base64 import b64decode
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

import numpy as np

from forecastlab.contracts.device import GPU_UNAVAILABLE, Device, DeviceChoice
from forecastlab.contracts.errors import ConfigError

log = logging.getLogger(__name__)

_CUDA: Final = "CUDAExecutionProvider"

_IDENTITY: Final = b64decode(
    "CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBb1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0="
)
"""An ONNX model of one node, y = x, for the run that shows what a session really computes on."""


@dataclass(frozen=True)
class Found:
    """What this machine has, or why not.

    Attributes:
        gpus: GPUs that the driver shows to this process.
        cuda: newest CUDA version that the driver supports, as 12.2.
        providers: those of the runtime; empty where it was not asked, for there is no driver.
        trouble: why there is no GPU to use; empty if there is one.
    """

    gpus: int = 0
    cuda: str = ""
    providers: tuple[str, ...] = ()
    trouble: str = ""


def usable_device(wanted: DeviceChoice, *, expects_gpu: bool = False) -> Device:
    """Return the device to compute on, and log driver, providers and choice.

    Args:
        wanted: `cpu` looks for nothing else; `auto` takes a GPU that works; `cuda` demands one.
        expects_gpu: this job was given a GPU; without it `auto` is degraded.

    Raises:
        ConfigError: `cuda` is wanted and no GPU can be used.
    """
    if wanted == "cpu":
        log.info("device: cpu; no GPU was looked for (FORECASTLAB_DEVICE=cpu)")
        return Device("cpu", "FORECASTLAB_DEVICE=cpu")
    found = find_gpu()
    log.info(
        "device: %s; driver: %s GPU(s), CUDA %s; providers: %s; %s",
        "cpu" if found.trouble else "cuda",
        found.gpus,
        found.cuda or "none",
        ", ".join(found.providers) or "not asked",
        found.trouble or "a model ran on the GPU",
    )
    if not found.trouble:
        return Device("cuda", f"CUDA {found.cuda}, {found.gpus} GPU(s)")
    if wanted == "cuda":
        raise ConfigError(
            f"FORECASTLAB_DEVICE=cuda, but {found.trouble}.",
            remedy="Give the job a GPU and the image built with RUNTIME=gpu, or set"
            " FORECASTLAB_DEVICE=auto.",
        )
    return Device("cpu", found.trouble, (GPU_UNAVAILABLE,) if expects_gpu else ())


def find_gpu() -> Found:
    """Look for a GPU that a model can run on; a machine without a driver pays nothing for it."""
    gpus, cuda, trouble = _driver()
    if trouble:
        return Found(trouble=trouble)
    # Imported only where there is a driver: it costs 0.1 s of a start.
    import onnxruntime  # noqa: PLC0415

    providers = tuple(onnxruntime.get_available_providers())
    if _CUDA not in providers:
        trouble = "the installed onnxruntime has no CUDA"
    elif not _runs(onnxruntime):
        trouble = f"onnxruntime {onnxruntime.__version__} cannot use the driver's CUDA {cuda}"
    return Found(gpus, cuda, providers, trouble)


def _runs(onnxruntime: Any) -> bool:
    """Run the small model on the GPU; the runtime falls back to the CPU without an error."""
    from onnxruntime.capi.onnxruntime_pybind11_state import (  # noqa: PLC0415
        EPFail,
        Fail,
        RuntimeException,
    )

    _load_cuda(onnxruntime)
    try:
        session = onnxruntime.InferenceSession(_IDENTITY, providers=[_CUDA])
        session.run(None, {"x": np.ones(1, "float32")})
    except (EPFail, Fail, RuntimeException) as error:
        log.warning("the GPU is there, but nothing runs on it: %s", error)
        return False
    return bool(session.get_providers()[0] == _CUDA)


def _load_cuda(onnxruntime: Any) -> None:
    """Load CUDA and cuDNN from their wheels, where the GPU provider does not look by itself."""
    said = StringIO()
    with redirect_stdout(said):  # it prints, and stdout belongs to the command
        onnxruntime.preload_dlls()
    for line in said.getvalue().splitlines():
        log.warning("onnxruntime: %s", line)


def _driver() -> tuple[int, str, str]:
    """Return the number of GPUs, the driver's CUDA version, and what is missing."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0, "", "there is no NVIDIA driver"
    count, version = ctypes.c_int(0), ctypes.c_int(0)
    status = driver.cuInit(0)
    if status != 0:
        return 0, "", f"the NVIDIA driver does not start (status {status})"
    driver.cuDeviceGetCount(ctypes.byref(count))
    driver.cuDriverGetVersion(ctypes.byref(version))
    cuda = f"{version.value // 1000}.{version.value % 1000 // 10}"
    return count.value, cuda, "" if count.value else "the NVIDIA driver shows no GPU"
