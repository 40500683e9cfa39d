"""`forecastlab serve` as a process: what it refuses to start with, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.support.binance_wire import KLINES
from tests.support.command_line import CommandLine
from tests.support.exchange import Exchange
from tests.support.faulty_http import slow
from tests.support.service import Answer, self_signed, serving, wait_until


@pytest.fixture
def forecastlab(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECASTLAB_SOURCE", "simulated")
    return CommandLine(capsys, monkeypatch)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.invalid"])
def test_a_public_address_without_a_key_is_refused(forecastlab: CommandLine, host: str) -> None:
    forecastlab("serve", "--host", host).refused(2, host, "FORECASTLAB_API_KEYS", "--public")


def test_a_key_opens_a_public_address(
    forecastlab: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets as far as the socket: this address is nobody's."""
    monkeypatch.setenv("FORECASTLAB_API_KEYS", "a-key")
    forecastlab("serve", "--host", "192.0.2.1").refused(2, "cannot be listened on")
    monkeypatch.delenv("FORECASTLAB_API_KEYS")
    forecastlab("serve", "--host", "192.0.2.1", "--public").refused(2, "cannot be listened on")


def test_a_port_that_is_taken_is_refused(forecastlab: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        forecastlab("serve", "--port", port).refused(2, port, "cannot be listened on")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--device", "tpu"), "tpu"),
        (("--tls-cert", "chain.pem"), "--tls-key"),
        (("--tls-cert", "no.pem", "--tls-key", "no.pem"), "TLS"),
        (("--source", "nothing"), "nothing"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    forecastlab: CommandLine, arguments: tuple[str, ...], part: str
) -> None:
    forecastlab("serve", *arguments).refused(2, part)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FORECASTLAB_API_KEYS_FILE", "absent"),
        ("FORECASTLAB_API_REQUEST_S", "0"),
        ("FORECASTLAB_API_BODY_MB", "lots"),
        ("FORECASTLAB_API_IN_FLIGHT", "-1"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused(
    forecastlab: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    forecastlab("serve").refused(2, name)


def test_a_library_that_is_missing_is_named(
    forecastlab: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = {"uvicorn": None}
    monkeypatch.setattr("forecastlab.cli.serve.find_spec", lambda name: installed.get(name, name))
    forecastlab("serve").refused(2, "uvicorn", "forecastlab[serve]")


def test_sigterm_finishes_what_is_under_way(tmp_path: Path, exchange: Exchange) -> None:
    """An exchange that takes its time, a request that waits for it, and the platform's signal."""
    served = serving(folder=tmp_path, FORECASTLAB_BINANCE_URL=exchange.server.url)
    with served as (service, process):
        exchange.server.always(slow(0.8), path=KLINES)
        answers: list[Answer] = []
        path = "/v1/klines/BTCUSDT/1h?end_time=1518000000000&limit=7"
        thread = threading.Thread(target=lambda: answers.append(service.get(path)))
        thread.start()
        wait_until(lambda: len(exchange.server.asked(KLINES)) == 1, seconds=10)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: service.get("/readyz").status == 503, seconds=5)
        thread.join()
        assert len(answers[0].document) == 7
        assert process.wait(timeout=10) == 143
    log = (tmp_path / "serve.log").read_text()
    assert "has ended as it was asked to" in log and "Traceback" not in log


def test_a_thread_that_waits_for_the_exchange_does_not_hold_the_end_up(
    tmp_path: Path, exchange: Exchange
) -> None:
    url = exchange.server.url
    served = serving(folder=tmp_path, FORECASTLAB_BINANCE_URL=url, FORECASTLAB_API_DRAIN_S="0.3")
    with served as (service, process):
        exchange.server.always(slow(9), path=KLINES)
        path = "/v1/klines/BTCUSDT/1h?end_time=1518000000000&limit=7"
        thread = threading.Thread(target=lambda: service.get(path))
        thread.start()
        wait_until(lambda: len(exchange.server.asked(KLINES)) == 1, seconds=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=7) == 143
        thread.join()


def test_tls_by_options_and_the_end_by_ctrl_c(tmp_path: Path) -> None:
    tls = self_signed(tmp_path)
    with serving("--source", "simulated", folder=tmp_path, tls=tls) as (service, process):
        assert service.url.startswith("https://")
        assert service.get("/livez").status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130  # as every command


def test_keys_change_without_a_restart_and_stay_out_of_the_log(tmp_path: Path) -> None:
    dotenv, log = tmp_path / ".env", tmp_path / "serve.log"
    dotenv.write_text("FORECASTLAB_API_KEYS=old-key\nFORECASTLAB_LOG_FORMAT=json\n")
    with serving("--source", "simulated", folder=tmp_path, key="old-key") as (service, _):
        path = "/v1/klines/BTCUSDT/1h?limit=1"
        assert service.get(path, {"X-Request-Id": "mine-7"}).status == 200
        dotenv.write_text("FORECASTLAB_API_KEYS=new-key,newer-key\nFORECASTLAB_LOG_FORMAT=json\n")
        for key in ("new-key", "newer-key"):
            wait_until(
                lambda k=key: service.get("/info", {"X-API-Key": k}).status == 200, seconds=5
            )
        service.get("/info").refused(401)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    found = next(one for one in events if one.get("request_id") == "mine-7")
    assert found["route"] == "/v1/klines/{symbol}/{interval}"
    assert (found["code"], found["event"], found["severity"]) == (200, "request", "INFO")
    assert found["ms"] > 0 and found["caller"].startswith("key:")
    assert any("2 keys are accepted from now on" in one["message"] for one in events)
    assert not any(key in log.read_text() for key in ("old-key", "new-key", "newer-key"))
