"""The command `dashboard`: what it starts, and what it refuses before it starts anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from forecastlab.cli import dashboard
from tests.support.command_line import CommandLine
from tests.support.imports import ROOT
from tests.support.optional import needs

needs_pages = needs("plotly", "streamlit")


class Started(Exception):
    """Stands for the server that this process would have become."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sequence[str], Mapping[str, str]]]:
    """Note what would be started, instead of starting it."""
    calls: list[tuple[Sequence[str], Mapping[str, str]]] = []

    def execve(program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        assert program == sys.executable == arguments[0]
        calls.append((arguments, environment))

    monkeypatch.setattr(os, "execve", execve)
    return calls


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


Starts = list[tuple[Sequence[str], Mapping[str, str]]]


@needs_pages
def test_it_becomes_streamlit_on_the_pages_of_the_checkout(
    cli: CommandLine, started: Starts
) -> None:
    assert (
        cli("dashboard", "--store", "somewhere", "--deployment", "direction_1h_BTCUSDT").code == 0
    )
    [(arguments, environment)] = started
    assert Path(arguments[1]) == ROOT / "webapp"
    assert arguments[2:] == ["--server.address=127.0.0.1", "--server.port=8501"]
    assert environment["FORECASTLAB_STORE"] == "somewhere"
    assert environment["FORECASTLAB_DEPLOYMENT"] == "direction_1h_BTCUSDT"
    assert environment["PATH"] == os.environ["PATH"]


def test_a_public_address_is_refused_with_the_remedy(cli: CommandLine, started: Starts) -> None:
    for host in ("0.0.0.0", "::", "example.com"):
        cli("dashboard", "--host", host).refused(2, host, "FORECASTLAB_DASHBOARD_ACCESS=iap")
    assert started == []


def test_signing_in_needs_a_list(
    cli: CommandLine, started: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTLAB_DASHBOARD_ACCESS", "login")
    monkeypatch.setenv("FORECASTLAB_DASHBOARD_ALLOW", " , ")
    cli("dashboard").refused(2, "FORECASTLAB_DASHBOARD_ALLOW")
    assert started == []


@needs_pages
@pytest.mark.parametrize(("method", "allow"), [("iap", ""), ("login", "jane@example.com")])
def test_a_door_allows_a_public_address(
    cli: CommandLine, started: Starts, monkeypatch: pytest.MonkeyPatch, method: str, allow: str
) -> None:
    monkeypatch.setenv("FORECASTLAB_DASHBOARD_ACCESS", method)
    monkeypatch.setenv("FORECASTLAB_DASHBOARD_ALLOW", allow)
    assert cli("dashboard", "--host", "0.0.0.0", "--port", "8080").code == 0
    assert started[0][0][2:] == ["--server.address=0.0.0.0", "--server.port=8080"]


def test_an_unknown_kind_of_access_is_refused(
    cli: CommandLine, started: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTLAB_DASHBOARD_ACCESS", "none")
    cli("dashboard").refused(2, "FORECASTLAB_DASHBOARD_ACCESS", "local, iap, login")
    assert started == []


def test_without_streamlit_it_names_what_to_install(
    cli: CommandLine, started: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "find_spec", lambda name: None)
    cli("dashboard").refused(2, "streamlit and plotly", "pip install 'forecastlab[web]'")
    assert started == []


@needs_pages
def test_an_installed_wheel_says_that_it_has_no_pages(
    cli: CommandLine, started: Starts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dashboard, "APP", tmp_path / "webapp" / "app.py")
    cli("dashboard").refused(2, str(tmp_path), "checkout")
    assert started == []
