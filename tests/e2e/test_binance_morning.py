"""The whole morning on the Binance wire: a real HTTP server, the real client, lake and record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from forecastlab.contracts.intervals import asof_name
from tests.e2e.conftest import Lab
from tests.support.binance_wire import KLINES, BinanceWire, on_the_wire, restricted
from tests.support.command_line import CommandLine
from tests.support.faulty_http import FaultyServer, html
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import CUT_OFF, DAYS

ASOF = CUT_OFF + timedelta(days=3)
MORNING = ASOF + timedelta(days=1, minutes=5)


@pytest.fixture(scope="module")
def wire() -> BinanceWire:
    series = synthetic_market(DAYS, seed=11).series()
    return BinanceWire([on_the_wire(one) for one in series], MORNING)


@pytest.fixture
def exchange(
    lab: Lab, wire: BinanceWire, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultyServer]:
    wire.now = MORNING
    with FaultyServer(wire) as server:
        monkeypatch.setenv("FORECASTLAB_SOURCE", "binance")
        monkeypatch.setenv("FORECASTLAB_BINANCE_URL", server.url)
        monkeypatch.setenv("FORECASTLAB_BINANCE_DEADLINE_S", "30")
        yield server


def test_a_live_morning_and_the_next(
    exchange: FaultyServer, wire: BinanceWire, cli: CommandLine, tmp_path: Path
) -> None:
    first = cli("daily", "--json")
    assert first.code == 0, first.err
    record = first.document["record"]
    assert (record["mode"], record["source"]["name"]) == ("live", "binance")
    assert record["asof_date"] == asof_name(ASOF, "1d")
    pages = len(exchange.asked(KLINES))
    assert json.loads((tmp_path / "store/store.json").read_bytes())["source"] == "binance"

    wire.now = MORNING + timedelta(days=1)
    second = cli("daily", "--json")
    assert second.code == 0, second.err
    assert second.document["record"]["asof_date"] == asof_name(ASOF + timedelta(days=1), "1d")
    assert second.document["record"]["previous"] is not None
    assert len(exchange.asked(KLINES)) - pages <= 4, "only what is missing is fetched"


def test_the_file_and_the_wire_give_the_same_forecast(
    exchange: FaultyServer, lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    live = cli("predict", "--json").document
    arguments = ("--source", lab.source, "--store", str(tmp_path / "other"), "--asof")
    from_file = cli("predict", *arguments, live["asof_date"], "--json").document
    assert live["forecasts"]["T21_X8"]["pred_proba"] == pytest.approx(
        from_file["forecasts"]["T21_X8"]["pred_proba"], abs=1e-6
    )


@pytest.mark.parametrize(
    ("fault", "part"), [(restricted(), "region"), (html(500), "500"), (html(200), "no JSON")]
)
def test_an_exchange_that_does_not_answer(
    exchange: FaultyServer, cli: CommandLine, tmp_path: Path, fault: object, part: str
) -> None:
    exchange.always(fault)  # type: ignore[arg-type]
    cli("predict").refused(3, part)
    runs = [json.loads(path.read_bytes()) for path in (tmp_path / "store/runs").rglob("*.json")]
    assert [run["exit_code"] for run in runs] == [3]
    assert not (tmp_path / "store/predictions").exists()


def test_rollback_needs_no_exchange(exchange: FaultyServer, lab: Lab, cli: CommandLine) -> None:
    exchange.always(restricted())
    assert cli("promote", lab.bundle, "--why", "offline").code == 0
    assert cli("status", "--json").document["champion"] == lab.bundle
    assert exchange.asked(KLINES) == []
