"""What `doctor` looks at beside the workspaces; apart, so that wiring it loads no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

Hosts = Mapping[str, Callable[[], datetime]]
"""The exchange's base URLs, each with a question for its time."""


@dataclass(frozen=True)
class Surroundings:
    """The world around a run.

    Attributes:
        hosts: none for sources that are not the exchange.
        free_bytes: a folder that is written to -> a question for the free space there.
        secrets: the variables of secrets -> their values, empty where not set.
    """

    hosts: Hosts
    free_bytes: Mapping[str, Callable[[], int]]
    secrets: Mapping[str, str]
