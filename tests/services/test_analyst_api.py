"""The analyst over HTTP: what its callers have always sent and read, and nothing leaked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from forecastlab.adapters.redis_cache import RedisCache
from forecastlab.api.analyst import REQUEST_EXAMPLE, AnalystPart
from forecastlab.bootstrap.analyst import AnalystParts, open_analyst
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.llm import parse_analyst
from forecastlab.settings import Settings, read_settings
from tests.support.analyst_world import request
from tests.support.faulty_http import FaultyServer, answer
from tests.support.llm_server import LlmWire
from tests.support.memory_store import MemoryStore
from tests.support.redis_server import free_port
from tests.support.service import Answer, Service, running

KEY = "sk-test-0123456789abcdef"
CONFIGS = Path(__file__).parents[2] / "config"
STATS = {
    *("total_requests", "cache_hits", "deepseek_calls", "local_calls", "fallback_calls", "errors"),
    *("cache_hit_rate", "deepseek_usage_rate", "local_usage_rate", "fallback_rate", "error_rate"),
    *("consecutive_failures", "deepseek_stats", "local_model_stats"),
}


@pytest.fixture
def wire() -> LlmWire:
    return LlmWire()


@pytest.fixture
def server(wire: LlmWire) -> Iterator[FaultyServer]:
    with FaultyServer(wire) as running_server:
        yield running_server


def settings(folder: Path, **environment: str) -> Settings:
    given = {"FORECASTLAB_CONFIGS": str(CONFIGS), **environment}
    return read_settings(given, folder=folder)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def service(
    tmp_path: Path, server: FaultyServer, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = settings(tmp_path, DEEPSEEK_API_KEY=KEY, DEEPSEEK_BASE_URL=f"{server.url}/v1")
    part = AnalystPart(lambda: open_analyst(chosen, store))
    with running([part]) as (service, _):
        yield service


def asked(**changed: object) -> object:
    return json.loads(request(**changed).model_dump_json())  # type: ignore[arg-type]


def test_a_question_and_its_answer(service: Service) -> None:
    found = service.post("/api/v1/inference", asked()).document
    assert (found["signal"], found["path"], found["cached"]) == ("BUY", "llm", False)
    again = service.post("/api/v1/inference", asked()).document
    assert (again["signal"], again["cached"], again["model"]) == ("BUY", True, found["model"])


def test_stats_are_flat_and_nested(service: Service, wire: LlmWire) -> None:
    for seed in (1, 1, 2):
        service.post("/api/v1/inference", asked(seed=seed))
    found = service.get("/stats").document
    assert set(found) >= STATS | {"stats", "timestamp"}
    assert found["stats"]["deepseek_stats"] == found["deepseek_stats"]
    assert found["deepseek_stats"]["total_tokens"] == 700 * wire.answered == 1400
    assert (found["total_requests"], found["cache_hits"]) == (3, 1)
    assert found["cache_hit_rate"] == 33.33


def test_the_example_of_the_documentation_works(service: Service) -> None:
    assert service.post("/api/v1/inference", REQUEST_EXAMPLE).status == 200
    assert service.get("/").document["status"] == "ready"


def test_health_tells_what_is_unwell(service: Service, server: FaultyServer) -> None:
    part = service.get("/health").document["components"]["analyst"]
    assert part == {
        "status": "ok",
        "redis": "disabled",
        "cache": "healthy",
        "deepseek": "unknown",
        "local_model": "healthy",
    }
    service.post("/api/v1/inference", asked(seed=1))
    assert service.get("/health").document["components"]["analyst"]["deepseek"] == "healthy"
    server.always(answer(401))
    assert service.post("/api/v1/inference", asked(seed=2)).document["path"] == "fallback"
    found = service.get("/health").document
    assert (found["status"], found["components"]["analyst"]["deepseek"]) == ("degraded", "failing")
    service.post("/api/v1/inference", asked(seed=3))
    found = service.get("/health").document
    assert (found["status"], found["components"]["analyst"]["deepseek"]) == ("degraded", "resting")


def test_no_key_and_no_text_of_the_model_leaks(service: Service, server: FaultyServer) -> None:
    server.always(answer(400, {"error": {"message": f"bad key {KEY}"}}))
    found = service.post("/api/v1/inference", asked())
    assert found.document["path"] == "fallback"
    everything = b"".join(
        [found.body, *(service.get(path).body for path in ("/", "/health", "/info", "/stats"))]
    )
    assert KEY.encode() not in everything


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"model_type": "local_model"}, "model_type"),
        ({"confidence_threshold": 101}, "confidence_threshold"),
        ({"market_data": {"symbol": "BTCUSDT"}}, "current_price"),
        ({"market_data": None}, "market_data"),
        ({"sentiment_data": {"user_id": 7}}, "private"),
    ],
)
def test_what_does_not_fit_is_refused(
    service: Service, change: dict[str, object], part: str
) -> None:
    document = asked()
    assert isinstance(document, dict)
    service.post("/api/v1/inference", {**document, **change}).refused(400, part)


def test_numbers_that_json_does_not_have_are_refused(service: Service) -> None:
    text = json.dumps(asked()).replace('"bid_ask_spread": 5.0', '"bid_ask_spread": NaN')
    assert "NaN" in text
    assert service.ask("POST", "/api/v1/inference", text).status == 400


def test_a_hundred_at_once(service: Service, wire: LlmWire) -> None:
    def ask(number: int) -> int:
        return service.post("/api/v1/inference", asked(seed=number % 4)).status

    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(ask, range(100))) == {200}
    assert wire.answered == 4
    assert service.get("/stats").document["total_requests"] == 100


def test_analyses_are_kept_when_the_service_ends(
    tmp_path: Path, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    store = MemoryStore()
    chosen = settings(tmp_path, DEEPSEEK_API_KEY=KEY, DEEPSEEK_BASE_URL=f"{server.url}/v1")
    with running([AnalystPart(lambda: open_analyst(chosen, store))]) as (service, _):
        service.post("/api/v1/inference", asked())
    assert len(store.list("analyses/")) == 1


@pytest.mark.parametrize(
    ("line", "environment", "told"),
    [
        ('prompt = "signl-1"', {}, "signl-1"),
        ('rival_prompt = "nonesuch"', {}, "nonesuch"),
        ("providers = 3", {}, "providers"),
        ("[providers]\ndeepseek = 3", {}, "deepseek"),
        ("", {"REDIS_URL": "localhost:hunter2"}, "REDIS_URL"),
        ("", {"REDIS_URL": "redis://:hunter2@x:port/0"}, "REDIS_URL"),
        (None, {"DEEPSEEK_API_KEY": "hunter2 hunter2"}, "DEEPSEEK_API_KEY"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_at_the_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str | None,
    environment: dict[str, str],
    told: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if line is not None:
        environment = {**environment, "FORECASTLAB_CONFIGS": str(tmp_path)}
        (tmp_path / "analyst.toml").write_text(line)
    with pytest.raises(ConfigError, match=told) as refusal:
        open_analyst(settings(tmp_path, **environment), MemoryStore())
    assert refusal.value.remedy
    assert "hunter2" not in str(refusal.value)


def test_every_variable_of_the_seed_does_what_it_says(
    tmp_path: Path, server: FaultyServer, wire: LlmWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    there = {"DEEPSEEK_API_KEY": KEY, "DEEPSEEK_BASE_URL": f"{server.url}/v1"}

    def answers(*seeds: int, **environment: str) -> list[Answer]:
        chosen = settings(tmp_path, **there, **environment)
        with running([AnalystPart(lambda: open_analyst(chosen, MemoryStore()))]) as (service, _):
            return [service.post("/api/v1/inference", asked(seed=seed)) for seed in seeds]

    def sent() -> str:
        return server.requests[-1].body.decode()

    price = str(request(seed=1).market_data.current_price)
    answers(1, 1, CACHE_TTL="0")
    assert wire.answered == 2
    assert price not in sent()
    answers(1, ENABLE_ANONYMIZATION="0")
    assert price in sent()
    server.always(answer(503))
    assert [one.status for one in answers(2, FALLBACK_TO_LOCAL="0")] == [503]
    reasons = [
        one.document["fallback_reason"] for one in answers(3, 4, MAX_FAILURES_BEFORE_FALLBACK="1")
    ]
    assert [one.partition("(")[0] for one in reasons] == ["outage", "breaker_open"]
    elsewhere = settings(
        tmp_path,
        DEEPSEEK_API_KEY=KEY,
        ENABLE_ANONYMIZATION="0",
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
    )
    parts = open_analyst(elsewhere, MemoryStore())
    assert parts.analyst.anonymizes, "plain values go to a model on this machine alone"
    assert isinstance(parts.analyst.cache, RedisCache)
    asyncio.run(parts.close())


def test_a_rival_shares_the_budget_and_so_the_currency() -> None:
    text = (CONFIGS / "analyst.toml").read_text().replace("note =", 'rival = "claude"\nnote =', 1)
    assert parse_analyst(text, what="x").rival == "claude"
    head, claude = text.split("[providers.claude.prices]")
    foreign = claude.replace('"USD"', '"CNY"', 1)
    with pytest.raises(ConfigError, match="one currency"):
        parse_analyst(f"{head}[providers.claude.prices]{foreign}", what="x")


def test_a_service_ends_though_the_analyst_does_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("forecastlab.api.analyst._CLOSE_S", 0.1)

    async def never() -> None:
        await asyncio.sleep(5)

    async def run() -> None:
        part = AnalystPart(lambda: cast("AnalystParts", SimpleNamespace(close=never)))
        part.start()
        part.parts()
        await asyncio.to_thread(part.stop)
        assert not part.ready

    asyncio.run(run())
    assert "not closed within" in caplog.text


def test_without_a_key_it_works_by_rules_alone(
    tmp_path: Path, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = replace(settings(tmp_path))
    part = AnalystPart(lambda: open_analyst(chosen, MemoryStore()))
    with running([part]) as (service, _):
        found = service.post("/api/v1/inference", asked()).document
        assert (found["path"], found["fallback_reason"]) == ("local", "local_only(no key)")
        assert service.get("/health").document["components"]["analyst"]["deepseek"] == "disabled"
    assert server.requests == []
