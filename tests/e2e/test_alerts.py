"""Alerts and the morning message through the command line, to real servers on loopback."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from forecastlab.adapters.simulated import SimulatedMarket
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import asof_name
from forecastlab.usecases.demo import WAKES
from tests.e2e.test_morning import asof, demo_store  # noqa: F401 - a fixture
from tests.support.command_line import CommandLine, Ended
from tests.support.faulty_http import FaultyServer, Reply, slow
from tests.support.imports import ROOT
from tests.support.mail_server import MailServer

DEPLOYMENT = "flow_T21X8_T14X8"


@dataclass
class Desk:
    """A store after the demo's first morning, and two who are told: a mail box and a web hook."""

    cli: CommandLine
    store: Path
    mail: MailServer
    hook: FaultyServer
    patch: pytest.MonkeyPatch

    def at(self, days: int, **later: float) -> None:
        """Set the time: so many days after the cut-off, at the hour at which the job wakes."""
        now = asof(days) + WAKES + timedelta(**later)
        self.patch.setenv("FORECASTLAB_SIMULATED_NOW", now.isoformat())

    def daily(self, days: int, *options: str, **later: float) -> Ended:
        """Run the morning of a day."""
        self.at(days, **later)
        return self.cli("daily", *options)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Cut the exchange off while the context is open."""

        def refuse(*_: object) -> None:
            raise DataUnavailable("The exchange cannot be reached.", remedy="Wait.")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SimulatedMarket, "fetch", refuse)
            yield

    @property
    def mailed(self) -> list[str]:
        """Subjects of all mails so far."""
        return [str(one["Subject"]) for one in self.mail.mails]

    @property
    def hooked(self) -> list[str]:
        """Titles of all posts so far."""
        return [json.loads(one.body)["title"] for one in self.hook.requests]


@pytest.fixture
def desk(
    demo_store: Path,  # noqa: F811
    tmp_path: Path,
    cli: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    store = tmp_path / "store"
    shutil.copytree(demo_store, store)
    monkeypatch.setenv("FORECASTLAB_STORE", str(store))
    monkeypatch.setenv("FORECASTLAB_SOURCE", "simulated")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with MailServer() as mail, FaultyServer(lambda _: Reply(204)) as hook:
        addresses = (
            f"smtp://127.0.0.1:{mail.port}?from=lab@b.c&to=one@b.c&to=two@b.c",
            f"webhook+{hook.url}/s3cret",
        )
        monkeypatch.setenv("FORECASTLAB_NOTIFY_SECRET", ",".join(addresses))
        monkeypatch.setenv("FORECASTLAB_DASHBOARD_URL", "https://dashboard.example/")
        yield Desk(cli, store, mail, hook, monkeypatch)


def steps(ended: Ended) -> dict[str, Any]:
    return {one["name"]: one for one in ended.document["steps"]}


def test_a_morning_is_told_once_to_everyone_with_its_record(desk: Desk) -> None:
    first = desk.daily(2, "--json")
    assert first.code == 0, first.err
    assert steps(first)["message"]["status"] == "done"
    name = asof_name(asof(2), "1d")
    [mail], [post] = desk.mail.mails, desk.hook.requests
    assert desk.mailed == desk.hooked
    assert desk.mailed[0].startswith(f"BTCUSDT {name}: T14_X8: ")
    assert desk.mail.recipients == [["one@b.c", "two@b.c"]]
    stored = (desk.store / f"predictions/daily/{name}.json").read_bytes()
    [attached] = mail.iter_attachments()
    assert attached.get_content() == stored
    told = json.loads(post.body)
    assert "https://dashboard.example/" in told["text"]
    assert "simulated" in told["text"]
    assert "s3cret" not in first.err

    again = desk.daily(2, "--json")
    assert (again.code, again.document["publication"]) == (0, "already_published")
    assert steps(again)["message"]["status"] == "nothing_to_do"
    assert len(desk.mail.mails) == len(desk.hook.requests) == 1


def test_what_predict_published_the_next_morning_tells(desk: Desk) -> None:
    desk.at(2)
    assert desk.cli("predict").code == 0
    assert desk.mailed == []
    assert desk.daily(2).code == 0
    assert len(desk.mailed) == 1


def test_an_outage_is_one_incident_and_its_end_another_message(desk: Desk) -> None:
    desk.daily(2)
    with desk.outage():
        for minutes in (0, 20):
            failed = desk.daily(3, minutes=minutes)
            assert (failed.code, "The exchange cannot be reached." in failed.err) == (3, True)
    assert desk.mailed[1:] == desk.hooked[1:] == [f"{DEPLOYMENT}: update_failed opened"]
    listed = desk.cli("alerts", "--json").document
    assert [one["opened"]["rule"] for one in listed["open"]] == ["update_failed"]
    assert "exit code 3" in listed["open"][0]["opened"]["facts"]

    assert desk.daily(3, minutes=40).code == 0
    assert desk.mailed[2] == f"{DEPLOYMENT}: update_failed over"
    assert desk.mailed[3].startswith(f"BTCUSDT {asof_name(asof(3), '1d')}")
    assert desk.daily(3, minutes=41).code == 0
    assert (len(desk.mailed), desk.mailed) == (4, desk.hooked)
    table = desk.cli("alerts")
    assert (table.code, "update_failed" in table.out) == (0, True)


@pytest.mark.parametrize("command", ["daily", "predict"])
def test_a_bug_is_told_at_once(desk: Desk, command: str) -> None:
    from forecastlab.usecases import predict

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "settle_asof", broken)
        desk.at(2)
        assert [desk.cli(command).code for _ in range(2)] == [70, 70]
    assert desk.mailed == [f"{DEPLOYMENT}: job_failed-{command} opened"]
    desk.at(2, minutes=5)
    assert desk.cli(command).code == 0
    assert f"{DEPLOYMENT}: job_failed-{command} over" in desk.mailed


def test_who_cannot_be_told_fails_no_forecast_and_is_not_told_later(desk: Desk) -> None:
    desk.mail.replies.extend(["554 no"] * 2)
    failed = desk.daily(2, "--json")
    assert (failed.code, failed.document["publication"]) == (0, "published")
    assert steps(failed)["message"]["status"] == "failed"
    assert "address 1 of 2 (e-mail: its server answers 554" in failed.err
    assert (desk.mailed, len(desk.hooked)) == ([], 1)
    assert desk.daily(2).code == 0
    assert (desk.mailed, len(desk.hooked)) == ([], 1)


def test_a_dry_run_tells_nobody_and_writes_nothing(desk: Desk) -> None:
    before = sorted(desk.store.rglob("*.json"))
    assert desk.daily(2, "--dry-run").code == 0
    with desk.outage():
        assert desk.daily(3, "--dry-run").code == 3
    assert (desk.mailed, desk.hooked) == ([], [])
    assert sorted(desk.store.rglob("*.json")) == before


def test_a_process_that_is_killed_with_its_message_in_hand(desk: Desk) -> None:
    """The claim stays, nobody sends a second time, and the next morning says what may be lost."""
    desk.hook.always(slow(9))
    desk.patch.setenv("FORECASTLAB_NOTIFY_SECRET", f"webhook+{desk.hook.url}/s3cret")
    desk.at(2)
    process = subprocess.Popen(
        [sys.executable, "-m", "forecastlab", "daily"],
        env={**os.environ, "no_proxy": "127.0.0.1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    give_up = time.monotonic() + 60
    while not desk.hook.requests and time.monotonic() < give_up and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    name = asof_name(asof(2), "1d")
    assert (desk.store / f"messages/{name}.json").exists()
    assert not (desk.store / f"messages/{name}-sent.json").exists()

    desk.hook.always(lambda request, respond: respond(request))
    assert desk.daily(2, minutes=1).code == 0
    assert len(desk.hooked) == 1, "the claim is the other's"
    next_morning = desk.daily(3)
    assert next_morning.code == 0
    assert f"the message of {name} may be lost" in next_morning.err
    assert len(desk.hooked) == 2, "and today's is told"
    assert "may be lost" not in desk.daily(3, minutes=20).err


def test_a_store_that_is_down_is_told_once_and_so_is_its_return(desk: Desk) -> None:
    aside = desk.store.with_name("aside")
    desk.store.rename(aside)
    desk.store.write_text("a file where the folder was")
    for minutes in (0, 20):
        assert desk.daily(2, minutes=minutes).code == 3
    assert desk.mailed == [f"{DEPLOYMENT}: store_unavailable opened"]
    desk.store.unlink()
    aside.rename(desk.store)
    assert desk.daily(2, minutes=40).code == 0
    assert desk.mailed[1] == f"{DEPLOYMENT}: store_unavailable over"
    assert len(desk.mailed) == 3


def test_the_commands_of_the_page_do_what_it_says(desk: Desk) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    run = []
    for title in ("Alerts", "Morning message"):
        found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        assert found is not None
        [block] = re.findall(r"^```sh\n(.*?)^```$", found[1], re.MULTILINE | re.DOTALL)
        run += [shlex.split(line, comments=True) for line in block.splitlines()]
    desk.at(2, hours=3)
    for program, *arguments in run:
        assert program == "forecastlab"
        ended = desk.cli(*arguments)
        assert ended.code == 0, ended.err
    assert f"{DEPLOYMENT}: a trial" in desk.mailed
    assert desk.mailed[-1].startswith("BTCUSDT")
    assert f"{DEPLOYMENT}: freshness opened" in desk.mailed, "`--check` looked before the morning"
    desk.mail.replies.extend(["554 no"] * 2)
    desk.cli("alerts", "--try").refused(3, "address 1 of 2", "alerts --try")
