"""Where the models of a process compute, and what a record says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from forecastlab.contracts.degradations import NO_GPU

DeviceName = Literal["cpu", "cuda"]
DeviceChoice = Literal["auto", "cpu", "cuda"]

GPU_UNAVAILABLE: Final = NO_GPU.form
"""On a record: the job should have had a GPU, and computed without one."""


@dataclass(frozen=True)
class Device:
    """The device in use, why it is this one, and what must stand on the record because of it."""

    name: DeviceName
    why: str
    degraded: tuple[str, ...] = ()


CPU: Final = Device("cpu", "nothing else was asked for")
