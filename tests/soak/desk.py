"""A machine that runs the morning: a store, a clock that is set, and the real command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from forecastlab.adapters.clocks import SystemClock
from forecastlab.adapters.local_store import LocalStore
from forecastlab.bootstrap import Choice, chosen_settings, open_workspace
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.keys import ROOT_DEPLOYMENT
from forecastlab.contracts.manifest import CARD, MANIFEST
from forecastlab.settings import VARIABLES
from forecastlab.usecases.workspace import Workspace
from tests.soak.exchange import CUT_OFF, Hosts, hosts
from tests.support.command_line import CommandLine
from tests.support.faulty_http import FaultyServer, Reply
from tests.support.imports import ROOT
from tests.support.llm_server import LlmWire
from tests.support.shipped_bundles import PRODUCTION, SMALL, copy_shipped, restamp

CHALLENGER: Final = f"{SMALL}_3"
"""A copy of the champion under its own name, which is asked in shadow each morning."""

HOURLY: Final = "direction_1h_BTCUSDT"
HOURLY_BUNDLE: Final = f"{HOURLY}_20250930"
"""Another deployment of the same store, whose members an inference server is asked of."""

WAKES: Final = timedelta(minutes=5)
"""After midnight UTC."""

RETRY: Final = timedelta(minutes=20)
"""Between one attempt of a morning and the next."""

NOTE: Final = {"note": "A quiet spell is a little more likely than usual.", "direction": "none"}

_OPERATIONS: Final = """[operations]
policy = "monthly"
# A busy machine is no fault that was injected.
alerts.latency_s = 60
shadow.budget_s = 5
"""


@dataclass(frozen=True)
class Attempt:
    """How one command ended; a process that was killed has the signal's number, negative."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def document(self) -> Any:
        """The one JSON document on stdout, where the command ended well."""
        return json.loads(self.out) if self.code == 0 and self.out else {}


@dataclass
class Desk:
    """The machine and those around it.

    Attributes:
        day: days after the cut-off of the newest closed candle.
        skew: how far this machine's clock is ahead of the exchange's.
        killed: processes that died on purpose.
    """

    folder: Path
    cli: CommandLine
    patch: pytest.MonkeyPatch
    hosts: Hosts
    llm: FaultyServer
    hook: FaultyServer
    now: datetime = CUT_OFF
    day: int = 0
    skew: timedelta = timedelta(0)
    killed: int = 0
    posted: list[str] = field(default_factory=list)

    @property
    def store(self) -> Path:
        """The store's folder."""
        return self.folder / "store"

    @property
    def models(self) -> Path:
        """The folder of the bundles that the machine came with."""
        return self.folder / "models"

    @property
    def asof(self) -> str:
        """The day's as-of."""
        return asof_name(self.opened, "1d")

    @property
    def opened(self) -> datetime:
        """Open of the newest closed daily candle."""
        return CUT_OFF + timedelta(days=self.day)

    def wake(self, day: int) -> None:
        """Let it be some minutes after a daily candle's close."""
        self.day = day
        self._set_clock(self.opened + timedelta(days=1) + WAKES)

    def later(self) -> None:
        """Let the time until the next attempt pass."""
        self._set_clock(self.now + RETRY)

    def _set_clock(self, now: datetime) -> None:
        self.now = now
        self.hosts.exchange.set_clock(now)

    @property
    def wall(self) -> datetime:
        """What this machine's clock shows."""
        return self.now + self.skew

    def run(self, *arguments: str) -> Attempt:
        """Run a command in this process, which lives as long as a service does."""
        ended = self.cli(*arguments)
        return Attempt(ended.code, ended.out, ended.err)

    def morning(self) -> list[Attempt]:
        """Run the morning once."""
        return [self.run("daily", "--json")]

    def processes(self, *arguments: str, count: int = 1, kill_at: str = "-") -> list[Attempt]:
        """Run a command in processes of their own, all at once."""
        command = [sys.executable, "-m", "tests.soak.process", self.wall.isoformat(), kill_at]
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in paths if one)}
        running = [
            subprocess.Popen(
                [*command, *arguments],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(count)
        ]
        told = [one.communicate(timeout=100) for one in running]
        self.killed += sum(one.returncode < 0 for one in running)
        return [
            Attempt(one.returncode, out, err) for one, (out, err) in zip(running, told, strict=True)
        ]

    def workspace(self) -> Workspace:
        """Open what the commands open."""
        return open_workspace(chosen_settings(Choice()), quiet=True)

    def documents(self) -> dict[str, bytes]:
        """Return every object of the store."""
        store = LocalStore(self.store)
        found = {key: store.get(key) for key in store.list("")}
        return {key: one.data for key, one in found.items() if one is not None}

    def posts(self) -> list[str]:
        """Return the titles of what was told since the last time, and forget the requests."""
        titles = [json.loads(one.body)["title"] for one in self.hook.requests]
        self.posted += titles
        self.hook.heal()
        return titles

    def heal(self) -> None:
        """Let everybody outside be honest again."""
        self.hosts.heal()
        self.llm.heal()
        self.hosts.exchange.withheld.clear()


@contextmanager
def open_desk(folder: Path, cli: CommandLine, patch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Set up the machine: a small champion, an equal challenger, and everybody around."""
    folder.mkdir(parents=True, exist_ok=True)
    _bundles(folder)
    _configs(folder)
    with ExitStack() as stack:
        said = LlmWire(content=json.dumps(NOTE))
        desk = Desk(
            *(folder, cli, patch),
            hosts=stack.enter_context(hosts()),
            llm=stack.enter_context(FaultyServer(said)),
            hook=stack.enter_context(FaultyServer(lambda _: Reply(204))),
        )
        for variable in VARIABLES:
            patch.delenv(variable.name, raising=False)
        for name, value in _settings(desk).items():
            patch.setenv(name, value)
        patch.chdir(folder)
        patch.setattr(SystemClock, "now", lambda _: desk.wall)
        desk.wake(0)
        entered = desk.run("bundles", "register", CHALLENGER)
        assert entered.code == 0, entered.err
        yield desk


def _settings(desk: Desk) -> dict[str, str]:
    return {
        "FORECASTLAB_MODELS": str(desk.models),
        "FORECASTLAB_CONFIGS": str(desk.folder / "config"),
        "FORECASTLAB_STORE": str(desk.store),
        "FORECASTLAB_SOURCE": "binance",
        "FORECASTLAB_BINANCE_URL": desk.hosts.urls,
        "FORECASTLAB_BINANCE_DEADLINE_S": "30",
        "FORECASTLAB_NOTIFY_SECRET": f"webhook+{desk.hook.url}/told",
        "DEEPSEEK_API_KEY": "k-soak",
        "DEEPSEEK_BASE_URL": f"{desk.llm.url}/v1",
        "XDG_CACHE_HOME": str(desk.folder / "cache"),
        "OMP_NUM_THREADS": "1",
        "no_proxy": "127.0.0.1",
    }


def _bundles(folder: Path) -> None:
    """Give the machine both shipped bundles, the small one first, and a copy of it."""
    models = copy_shipped(folder)
    copy = models / CHALLENGER
    shutil.copytree(models / SMALL, copy)
    card = copy / CARD
    card.write_text(card.read_text(encoding="utf-8").replace(SMALL, CHALLENGER), encoding="utf-8")
    restamp(copy, lambda document: document.update(name=CHALLENGER, version=f"{SMALL[-8:]}_3"))
    shutil.copytree(PRODUCTION / HOURLY_BUNDLE, models / HOURLY_BUNDLE)
    first = {ROOT_DEPLOYMENT: SMALL, HOURLY: HOURLY_BUNDLE}
    entries = [
        f'[{name}]\nbundle = "{bundle}"\n'
        f'digest = "{digest((models / bundle / MANIFEST).read_bytes())}"\n'
        for name, bundle in first.items()
    ]
    (models / "champions.toml").write_text("".join(entries), encoding="utf-8")


def _configs(folder: Path) -> None:
    configs = folder / "config"
    shutil.copytree(ROOT / "config", configs)
    recipe = configs / "reversal.toml"
    text = recipe.read_text(encoding="utf-8")
    changed = text.replace('[operations]\npolicy = "monthly"\n', _OPERATIONS)
    assert changed != text
    recipe.write_text(changed, encoding="utf-8")
    analyst = configs / "analyst.toml"
    text = analyst.read_text(encoding="utf-8")
    changed = text.replace('note = "off"', 'note = "en"')
    assert changed != text
    analyst.write_text(changed, encoding="utf-8")
