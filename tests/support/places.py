"""A workspace of nothing but what alerts and messages touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from forecastlab.contracts.cloud_task import ALONE, CloudTask
from forecastlab.contracts.errors import NotDelivered
from forecastlab.contracts.notifications import Message
from forecastlab.contracts.operations import Operations
from forecastlab.contracts.ports import ObjectStore
from forecastlab.contracts.registry import RegistryState
from forecastlab.usecases.workspace import Workspace
from tests.support.attempts import FIRST
from tests.support.memory_store import MemoryStore

DEPLOYMENT = "flow_T21X8_T14X8"


@dataclass
class Listener:
    """A notifier that keeps what it is told.

    Attributes:
        fails: every message is kept from everybody.
    """

    fails: bool = False
    told: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        """Keep the message, or refuse it."""
        if self.fails:
            raise NotDelivered(f"{message.key} went nowhere.", remedy="Mend it.")
        self.told.append(message)

    @property
    def titles(self) -> list[str]:
        """What was told, by title."""
        return [one.title for one in self.told]


@dataclass
class SetClock:
    """A clock that stands where the test puts it."""

    instant: datetime = FIRST + timedelta(minutes=6)

    def now(self) -> datetime:
        """Return the instant."""
        return self.instant


def place(
    *,
    store: ObjectStore | None = None,
    notifier: object | None = None,
    clock: SetClock | None = None,
    state: RegistryState | None = None,
    task: CloudTask = ALONE,
    spare: ObjectStore | None = None,
    **changes: Any,
) -> Workspace:
    """Return a workspace on a store in memory, on which nothing is installed."""
    made = SimpleNamespace(
        deployment=DEPLOYMENT,
        store=store or MemoryStore(),
        notifier=notifier or Listener(),
        wall=clock or SetClock(),
        registry=SimpleNamespace(state=lambda: state or RegistryState()),
        task=task,
        spare=spare,
        source_kind="binance",
        operations=Operations(),
        recipe=lambda: None,
        dashboard_url="",
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return cast("Workspace", made)
