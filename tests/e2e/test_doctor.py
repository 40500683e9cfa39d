"""`forecastlab doctor` on the real parts: an exchange on loopback, a store, a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Lab
from tests.e2e.test_predict import ASOF, contents
from tests.support.binance_wire import BinanceWire, restricted
from tests.support.command_line import CommandLine, Ended
from tests.support.faulty_http import FaultyServer


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FaultyServer]]:
    """Two hosts of an exchange without candles, at the present time."""
    wire = BinanceWire([], datetime.now(UTC))
    with FaultyServer(wire) as first, FaultyServer(wire) as second:
        monkeypatch.setenv("FORECASTLAB_BINANCE_URL", f"{first.url},{second.url}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield [first, second]


def checks(ended: Ended) -> dict[str, Any]:
    return {one["name"]: one for one in ended.document["checks"]}


def test_a_healthy_machine(
    lab: Lab, cli: CommandLine, pair: list[FaultyServer], tmp_path: Path
) -> None:
    ended = cli("doctor", "--source", "binance", "--json")
    assert ended.code == 0, ended.out
    found = checks(ended)
    assert {one["status"] for one in found.values()} == {"ok"}
    assert [name for name in found if name.startswith("exchange")] == [
        f"exchange {one.url}" for one in pair
    ]
    assert {"clock", "store", "preconditions", "device", "secrets", "bundle", "freshness"} <= {
        *found
    }
    assert list(contents(tmp_path / "store")) == ["state/doctor.json"]
    assert "→" not in cli("doctor", "--source", "binance").out


def test_a_region_that_is_not_served(lab: Lab, cli: CommandLine, pair: list[FaultyServer]) -> None:
    pair[0].always(restricted())
    one_silent = cli("doctor", "--source", "binance", "--json")
    assert one_silent.code == 0
    note = checks(one_silent)[f"exchange {pair[0].url}"]
    assert note["status"] == "note" and "region" in note["facts"] + note["remedy"]
    pair[1].always(restricted())
    assert cli("doctor", "--source", "binance").code == 3


def test_stale_and_refused(lab: Lab, cli: CommandLine) -> None:
    assert cli("predict", "--asof", ASOF).code == 0
    old = cli("doctor", "--fresh", "26h", "--json")
    assert old.code == 3
    assert checks(old)["freshness"]["remedy"].startswith("Run `forecastlab daily`")
    (lab.models / lab.bundle / "meta.json").write_text("{}")
    refused = cli("doctor", "--json")
    assert (refused.code, checks(refused)["bundle"]["exit_code"]) == (4, 4)
    shown = cli("doctor")
    assert "failed  bundle" in shown.out and "→" in shown.out


def test_a_bucket_that_is_not_there(
    lab: Lab, cli: CommandLine, gcs_location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("doctor", "--store", gcs_location).code == 0
    missing = cli("doctor", "--store", "gs://no-such-bucket", "--json")
    assert missing.code == 3
    assert "buckets create" in checks(missing)["store"]["remedy"]
    assert checks(missing)["device"]["status"] == "ok"


def test_a_demanded_gpu_and_a_spoiled_age(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecastlab.adapters import device

    monkeypatch.setattr(device, "find_gpu", lambda: device.Found(trouble="there is no driver"))
    monkeypatch.setenv("FORECASTLAB_DEVICE", "cuda")
    assert cli("doctor").code == 2
    cli("predict", "--asof", ASOF).refused(2, "FORECASTLAB_DEVICE=cuda, but there is no driver")
    cli("doctor", "--fresh", "soon").refused(2, "--fresh")


def test_in_a_cloud_job_failures_are_events(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_RUN_JOB", "forecastlab-doctor")
    ended = cli("doctor", "--fresh", "1m")
    assert ended.code == 3
    assert '"event": "check_failed", "check": "freshness"' in ended.err
