"""Signals over HTTP: scores, reasons, the list, the model behind them, and a switch of it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forecastlab.api import signals as part_of_signals
from forecastlab.api.metrics import Metrics
from forecastlab.api.signals import NO_RULES, Signals
from forecastlab.contracts import keys
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.switches import MODELS_OFF
from forecastlab.usecases import signals as maker
from forecastlab.usecases.live_ladder import LiveLadder
from forecastlab.usecases.predict import PredictRequest, predict
from forecastlab.usecases.runs import Attempt
from forecastlab.usecases.signals import generate
from forecastlab.usecases.workspace import Workspace
from tests.support.imports import ROOT
from tests.support.service import Answer, Service, running, wait_until
from tests.support.signal_market import SYMBOLS
from tests.support.signal_service import (
    AS_OF,
    ASOF,
    GENERATE,
    LIST,
    MODEL,
    Lacking,
    bundle_name,
    by_market,
    generated,
    lacking,
    signalling,
    workspace_of,
)

PATHS = (GENERATE, f"/api{GENERATE}")
PAGE = ROOT / "docs" / "serving.md"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return workspace_of(tmp_path_factory.mktemp("signals"))


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture(scope="module")
def service(workspace: Workspace, metrics: Metrics) -> Iterator[Service]:
    with signalling(workspace, metrics=metrics) as found:
        yield found


def counted(metrics: Metrics, name: str, **labels: str) -> float:
    """Return a counter's value; 0 where nothing was counted."""
    shown = ",".join(f'{label}="{one}"' for label, one in sorted(labels.items()))
    found = re.search(
        rf"^{name}{{{re.escape(shown)}}} (\S+)$", metrics.text().decode(), re.MULTILINE
    )
    return float(found[1]) if found else 0.0


def test_an_empty_body_means_all_symbols(service: Service, workspace: Workspace) -> None:
    expected = {one.symbol: one for one in generate(workspace)}
    for path in PATHS:
        for body in (None, b"{}", b"null"):
            answer = service.ask("POST", path, body)
            assert answer.status == 200, answer.body
            found = by_market(answer.document)
            assert tuple(found) == SYMBOLS
            for symbol, one in found.items():
                said = one["signal"]
                assert said["score"] == expected[symbol].score  # type: ignore[union-attr]
                assert said["score"] == pytest.approx(100 * said["probability"], abs=1e-3)
                assert said["verdict"] == "not_distinguishable"
                assert one["reason"] is None


def test_the_answer_tells_what_it_is_made_of(service: Service, workspace: Workspace) -> None:
    found = generated(service, market="SOLUSDT", force_analysis=True, strategy_type="rules_ml")
    live = workspace.bundles.find(bundle_name("v2_7"))
    assert (found["success"], found["deployment"]) == (True, "signal_1h")
    assert (found["as_of"], found["asof_date"], found["data_age_s"]) == (AS_OF, ASOF, 300.0)
    assert found["model_version"] == "v2_7"
    assert found["bundle"] == {"name": live.name, "digest": live.digest}
    assert (found["scored"], found["degraded"], found["missing_reference_symbols"]) == (1, [], [])
    [one] = found["signals"]
    assert (one["market"], one["as_of"], one["origin"]) == ("SOLUSDT", AS_OF, "generated")
    assert (one["signal"]["bundle"], one["signal"]["digest"]) == (live.name, live.digest)
    assert one["signal"]["missing"] == {}


@pytest.mark.parametrize("market", ["DOGEUSDT", "BTCBUSD"])
def test_an_unknown_symbol_is_refused_with_those_there_are(service: Service, market: str) -> None:
    answer = service.post(GENERATE, {"market": market})
    answer.refused(400, market, ", ".join(SYMBOLS))
    assert answer.document["symbols"] == list(SYMBOLS)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b'""',
        b"{",
        b"\xff",
        b'{"market": 7}',
        b'{"market": ["BTCUSDT"]}',
        b'{"market": "btcusdt"}',
        b'{"market": "../x"}',
        b'{"force_analysis": "yes"}',
        b'{"force_analysis": 1}',
        b'{"strategy_type": "llm"}',
        b'{"strategy_type": null}',
        b'{"market":' + b"[" * 100_000,
    ],
    ids=lambda body: str(body)[:30],
)
def test_a_body_that_cannot_be_meant_is_refused(service: Service, body: bytes) -> None:
    service.ask("POST", GENERATE, body).refused(400)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "offset=-1", f"offset={10**7}", "market=btc"]
)
def test_a_page_that_cannot_be_meant_is_refused(service: Service, query: str) -> None:
    service.get(f"{LIST}?{query}").refused(400, query.partition("=")[0])


def test_rules_alone_have_no_score(service: Service) -> None:
    found = generated(service, strategy_type="rules_only")
    assert found["scored"] == 0
    assert {one["reason"] for one in found["signals"]} == {NO_RULES}
    assert {one["signal"] for one in found["signals"]} == {None}


def test_signals_references_and_scores_are_counted(service: Service, metrics: Metrics) -> None:
    done = {"outcome": "success", "version": "v2_7"}
    before = counted(metrics, "forecastlab_enrichments_total", **done)
    seen = counted(metrics, "forecastlab_references_total", found="yes", symbol="ADAUSDT")
    scores = counted(metrics, "forecastlab_score_count", deployment="signal_1h")
    generated(service)
    assert counted(metrics, "forecastlab_enrichments_total", **done) == before + 5
    # Of its own symbol a signal asks for no reference.
    after = counted(metrics, "forecastlab_references_total", found="yes", symbol="ADAUSDT")
    assert after == seen + 4
    assert counted(metrics, "forecastlab_score_count", deployment="signal_1h") == scores + 5


def test_twenty_callers_share_one_computation(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins with the first of them, and ends once all have come."""
    calls: list[object] = []
    answers: list[Answer] = []

    def counting(*arguments: Any, **more: Any) -> Any:
        calls.append(arguments)
        wait_until(lambda: server.lifecycle.in_flight >= 20, seconds=10)
        return generate(*arguments, **more)

    monkeypatch.setattr(part_of_signals, "generate", counting)
    live = LiveLadder(workspace, examine=lambda _: None)
    with running([Signals(workspace, Metrics(), live=live)]) as (service, server):

        def ask() -> None:
            answers.append(service.post(GENERATE, {}))

        callers = [threading.Thread(target=ask) for _ in range(20)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len(calls) == 1


def test_a_slow_signal_keeps_nobody_else_waiting(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    begun = threading.Event()

    def slow(*arguments: Any, **more: Any) -> Any:
        begun.set()
        assert may_end.wait(10)
        return generate(*arguments, **more)

    monkeypatch.setattr(part_of_signals, "generate", slow)
    with signalling(workspace) as service:
        thread = threading.Thread(target=service.post, args=(GENERATE, {}))
        thread.start()
        assert begun.wait(10)
        assert service.get("/livez").status == 200
        assert service.get(LIST).status == 200
        assert service.get(MODEL).status == 200
        assert thread.is_alive()
        may_end.set()
        thread.join()


def test_missing_references_are_told_and_filled(tmp_path: Path) -> None:
    metrics = Metrics()
    workspace = lacking(workspace_of(tmp_path), ("BTCUSDT", "1h"))
    with signalling(workspace, metrics=metrics) as service:
        found = generated(service)
    one = by_market(found)["SOLUSDT"]
    assert one["signal"]["model_version"] == "v2_7"
    assert one["missing_reference_symbols"] == ["BTCUSDT"]
    assert set(one["signal"]["missing"].values()) == {0.0}
    assert one["degraded"][0] == "v2_7_reference_symbol_missing(BTCUSDT)"
    nothing = by_market(found)["BTCUSDT"]
    assert nothing["signal"] is None
    assert nothing["reason"] == "BTCUSDT: too_few_1h_candles(0<100)"
    assert (found["scored"], found["missing_reference_symbols"]) == (4, ["BTCUSDT"])
    lost = counted(metrics, "forecastlab_references_total", found="no", symbol="BTCUSDT")
    failed = {"outcome": "failure", "version": "v2_7"}
    assert (lost, counted(metrics, "forecastlab_enrichments_total", **failed)) == (4, 1)


def test_without_four_hour_candles_the_ladder_goes_down(tmp_path: Path) -> None:
    workspace = lacking(workspace_of(tmp_path), ("SOLUSDT", "4h"))
    with signalling(workspace) as service:
        found = generated(service, market="SOLUSDT")
    [one] = found["signals"]
    assert one["signal"]["model_version"] == "v1"
    assert one["signal"]["bundle"] == bundle_name("v1")
    assert found["model_version"] == "v2_7"  # what is live, if it could
    assert one["degraded"] == [
        "ladder: v2_7: too_few_4h_candles(0<100)",
        "ladder: v2_6: too_few_4h_candles(0<100)",
    ]


def test_an_exchange_that_is_away_is_asked_once_and_told_of(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    source = Lacking(workspace.source, away=True)
    with signalling(replace(workspace, source=source)) as service:
        assert service.get("/health").document["status"] == "ok"
        found = generated(service)
        assert found["scored"] == 0
        assert found["source_error"] == "The exchange is away."
        assert {one["reason"] for one in found["signals"]} == {
            f"{symbol}: too_few_1h_candles(0<100)" for symbol in SYMBOLS
        }
        generated(service)
        assert source.asked == 1
        health = service.get("/health").document
        assert health["components"]["signals"]["last_error"] == "The exchange is away."
        assert health["status"] == "degraded"


def test_candles_are_fetched_once_an_hour_and_nothing_is_written(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    source = Lacking(workspace.source)
    with signalling(replace(workspace, source=source)) as service:
        generated(service)
        assert source.asked == 10  # two series of each symbol
        generated(service)
        assert source.asked == 10
    assert workspace.store.list("") == []


def test_what_the_lake_holds_is_not_asked_for(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    expected = {one.symbol: one for one in generate(workspace)}
    away = Lacking(workspace.source, away=True)
    with signalling(replace(workspace, source=away)) as service:
        for symbol, one in by_market(generated(service)).items():
            assert one["signal"]["score"] == expected[symbol].score  # type: ignore[union-attr]
    assert away.asked == 0


def test_models_that_are_switched_off_score_nothing(tmp_path: Path) -> None:
    metrics = Metrics()
    with signalling(workspace_of(tmp_path, ML_ENABLED="0"), metrics=metrics) as service:
        found = generated(service)
        assert {one["signal"] for one in found["signals"]} == {None}
        assert {one["reason"] for one in found["signals"]} == {MODELS_OFF}
        assert service.get(MODEL).document["enabled"] is False
        assert service.get("/health").document["status"] == "degraded"
    assert b"forecastlab_enrichments_total{" not in metrics.text()


def test_the_list_holds_what_was_made_and_what_was_sealed(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    for asof in ("2025-10-05T04Z", "2025-10-05T05Z", ASOF):
        predict(workspace, PredictRequest(asof), Attempt())
    with signalling(workspace) as service:
        made = by_market(generated(service))
        generated(service, market="SOLUSDT")  # again: one entry all the same
        told = service.get(f"{LIST}?limit=100").document
        assert (told["total_count"], told["generated"], told["sealed"]) == (8, 5, 3)
        origins = [(one["asof_date"], one["origin"]) for one in told["signals"]]
        assert origins == [
            *[(ASOF, "generated")] * 5,
            (ASOF, "sealed"),
            ("2025-10-05T05Z", "sealed"),
            ("2025-10-05T04Z", "sealed"),
        ]
        sealed = told["signals"][5]
        assert (sealed["market"], sealed["mode"]) == ("BTCUSDT", "live")
        assert sealed["signal"]["base_rate_symbol"] == "BTCUSDT"
        for name in ("score", "base_rate", "verdict", "model_version", "bundle", "digest"):
            if name != "base_rate":  # a record's is that of the reference at its as-of
                assert sealed["signal"][name] == made["BTCUSDT"]["signal"][name]
        pages = [
            one
            for offset in range(0, 9, 3)
            for one in service.get(f"{LIST}?limit=3&offset={offset}").document["signals"]
        ]
        assert pages == told["signals"]
        assert service.get(f"{LIST}?offset=8").document["signals"] == []
        only = service.get(f"/api/v1{LIST.removeprefix('/v1')}?market=SOLUSDT").document
        assert (only["generated"], only["sealed"]) == (1, 0)
        bitcoin = service.get(f"{LIST}?market=BTCUSDT").document
        assert (bitcoin["generated"], bitcoin["sealed"]) == (1, 3)


def test_a_model_that_fails_again_is_seen_in_health_and_metrics(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = maker._asked

    def broken(chosen: Any, symbol: str, *others: Any) -> Any:
        if symbol == "SOLUSDT":
            raise DataUnavailable("SOLUSDT: no member answers.", remedy="Wait.")
        return asked(chosen, symbol, *others)

    def health(service: Service) -> dict[str, Any]:
        found = service.get("/health").document
        told: dict[str, Any] = found["components"]["signals"]
        assert found["status"] == told["status"]
        return told

    own = Metrics()
    with signalling(workspace, metrics=own) as service:
        monkeypatch.setattr(maker, "_asked", broken)
        generated(service)
        assert health(service)["status"] == "ok", "once may be an accident"
        generated(service)
        told = health(service)
        assert told["status"] == "degraded"
        why = "SOLUSDT: 2 errors in a row, the last: SOLUSDT: no member answers."
        assert told["ml_enrichment_error"] == why
        assert counted(own, "forecastlab_enrichment_errors_total", symbol="SOLUSDT") == 2
        assert counted(own, "forecastlab_enrichment_errors_total", symbol="BTCUSDT") == 0
        monkeypatch.setattr(maker, "_asked", asked)
        generated(service)
        assert health(service)["status"] == "ok"
        assert "ml_enrichment_error" not in health(service)


def test_a_base_rate_that_was_sealed_is_no_signal(tmp_path: Path) -> None:
    predict(workspace_of(tmp_path, ML_ENABLED="0"), PredictRequest(ASOF), Attempt())
    workspace = workspace_of(tmp_path)
    broken = keys.record("signal_1h", "2025-10-05T05Z")
    workspace.store.put(broken, b"{", if_generation=ABSENT)
    with signalling(workspace) as service:
        newest, older = service.get(LIST).document["signals"]
    assert (newest["signal"], newest["reason"]) == (None, MODELS_OFF)
    assert older["signal"] is None and broken in older["reason"]


def test_the_page_shows_every_route_by_curl_and_its_python_runs(service: Service) -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("\n## Signals\n")[2].partition("\n## ")[0]
    lines = [one for one in section.splitlines() if one.startswith("curl ")]
    document = service.get("/openapi.json").document
    for path in document["paths"]:
        if path.startswith(("/v1/", "/api/v1/")):
            assert any(re.search(rf"\$URL{path}(?=[\s?\"]|$)", one) for one in lines), path
    [helper] = [one for one in python_of(page) if "def ask(" in one]
    helper = helper.replace("http://127.0.0.1:5001", service.url)
    snippets = python_of(section)
    assert snippets
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([helper, *snippets])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "SOLUSDT" in done.stdout


def python_of(text: str) -> list[str]:
    found: list[str] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return found
