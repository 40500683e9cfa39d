"""The real SDK against a real server: what is retried, what is final, what is paid for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from forecastlab.adapters.openai_llm import OpenAiLlm
from forecastlab.adapters.retry import RetryPolicy
from forecastlab.contracts.llm import LlmFailed, Provider, Reply, Tokens, parse_analyst
from tests.support.faulty_http import (
    Fault,
    FaultyServer,
    answer,
    cut_off,
    html,
    reset,
    slow,
)
from tests.support.faulty_http import (
    Reply as HttpReply,
)
from tests.support.imports import ROOT
from tests.support.llm_server import LlmWire, asked

QUICK = RetryPolicy(first_delay_s=0.01, max_delay_s=0.02, attempts=3)
ONCE = Tokens(cached=128, input=500, output=200)
PRICES = {
    "stated": "2026-10-31",
    "currency": "USD",
    "cached_input": "0.003",
    "input": "0.15",
    "output": "0.60",
}
MESSAGES = [{"role": "user", "content": "json?"}]
NAMED = {
    "deepseek": {"key": "DEEPSEEK_API_KEY", "extra": {"thinking": {"type": "disabled"}}},
    "claude": {"key": "ANTHROPIC_API_KEY"},
    "gemini": {"key": "GEMINI_API_KEY", "extra": {"reasoning_effort": "none"}},
}


CONFIGURED = parse_analyst(
    (ROOT / "config" / "analyst.toml").read_text(encoding="utf-8"), what="analyst.toml"
).providers


@pytest.fixture
def wire() -> LlmWire:
    return LlmWire()


@pytest.fixture
def server(wire: LlmWire) -> Iterator[FaultyServer]:
    with FaultyServer(wire) as running:
        yield running


def provider(server: FaultyServer, name: str = "deepseek", **changed: Any) -> Provider:
    given = {"name": name, "base_url": f"{server.url}/v1", "model": "m", "prices": PRICES}
    return Provider.model_validate({**given, **NAMED[name], **changed})


def ask(server: FaultyServer, *, deadline_s: float = 5.0, name: str = "deepseek") -> Reply:
    async def run() -> Reply:
        llm = OpenAiLlm(provider(server, name), "k-123", policy=QUICK)
        try:
            return await llm.ask(MESSAGES, deadline_s=deadline_s)
        finally:
            await llm.close()

    return asyncio.run(run())


def failure(server: FaultyServer, *, deadline_s: float = 5.0) -> LlmFailed:
    with pytest.raises(LlmFailed) as caught:
        ask(server, deadline_s=deadline_s)
    assert "k-123" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", sorted(NAMED))
def test_each_named_provider_is_asked_as_it_wants(
    server: FaultyServer, wire: LlmWire, name: str
) -> None:
    found = ask(server, name=name)
    assert (found.text, found.model, found.tokens) == (wire.content, "fake-1017", ONCE)
    [request] = server.requests
    body = asked(request)
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer k-123"
    assert body["response_format"] == {"type": "json_object"}
    assert (body["model"], body["messages"]) == ("m", MESSAGES)
    assert {key: body.get(key) for key in NAMED[name].get("extra", {})} == NAMED[name].get(
        "extra", {}
    )


@pytest.mark.parametrize("name", sorted(CONFIGURED))
def test_the_providers_of_the_configuration_speak_it(
    server: FaultyServer, wire: LlmWire, name: str
) -> None:
    """As they stand in the file, but for the address; none of them is to think aloud."""
    own = CONFIGURED[name]
    assert own.base_url.startswith("https://")
    assert own.prices.stated.year >= 2025
    there = Provider.model_validate({**own.model_dump(), "base_url": f"{server.url}/v1"})

    async def run() -> Reply:
        llm = OpenAiLlm(there, "k-123", policy=QUICK)
        try:
            return await llm.ask(MESSAGES, deadline_s=5.0)
        finally:
            await llm.close()

    server.next(answer(503), wire.says(" "))
    assert asyncio.run(run()).tokens == ONCE + ONCE
    body = asked(server.requests[-1])
    assert body["model"] == own.model
    assert {key: body.get(key) for key in NAMED[name].get("extra", {})} == NAMED[name].get(
        "extra", {}
    )


def test_no_key_stands_in_a_log(server: FaultyServer, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where the libraries tell all that they do."""
    with caplog.at_level(logging.DEBUG):
        ask(server)
        server.always(answer(401, {"error": {"message": "bad key k-123"}}))
        failure(server)
    assert len(caplog.records) > 2
    assert "k-123" not in caplog.text


@pytest.mark.parametrize(
    "fault", [answer(408), answer(429), answer(500), answer(503), answer(529), reset(), cut_off()]
)
def test_what_may_pass_is_tried_again(server: FaultyServer, fault: Fault) -> None:
    server.next(fault, fault)
    assert ask(server).tokens == ONCE
    assert len(server.requests) == 3


def test_it_gives_up(server: FaultyServer) -> None:
    server.always(answer(503))
    assert failure(server).kind == "outage"
    assert len(server.requests) == QUICK.attempts


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_what_does_not_pass_is_not_tried_again(server: FaultyServer, status: int) -> None:
    server.always(answer(status, {"error": {"message": "Insufficient Balance"}}))
    assert failure(server).kind == "refused"
    assert len(server.requests) == 1


def test_a_wait_that_was_asked_for_is_kept(server: FaultyServer) -> None:
    server.next(answer(429, headers={"Retry-After": "0.3"}))
    began = time.monotonic()
    ask(server)
    assert time.monotonic() - began >= 0.3


def test_a_wait_past_the_deadline_is_not_waited_for(server: FaultyServer) -> None:
    server.always(answer(429, headers={"Retry-After": "60"}))
    assert failure(server).kind == "outage"
    assert len(server.requests) == 1


def test_the_deadline_is_over_all_attempts(server: FaultyServer) -> None:
    server.always(slow(5.0))
    began = time.monotonic()
    assert failure(server, deadline_s=0.4).kind == "outage"
    assert time.monotonic() - began < 3.0


def test_blank_answers_are_asked_for_again_and_paid_for(
    server: FaultyServer, wire: LlmWire
) -> None:
    server.next(wire.says("   \n"), wire.says(None))
    assert ask(server).tokens == ONCE + ONCE + ONCE
    assert wire.answered == 3


def test_blank_to_the_end_is_an_outage_that_cost(server: FaultyServer, wire: LlmWire) -> None:
    server.always(wire.says(""))
    found = failure(server)
    assert (found.kind, found.tokens) == ("outage", ONCE + ONCE + ONCE)


def test_an_answer_that_was_cut_off_is_paid_for(server: FaultyServer, wire: LlmWire) -> None:
    wire.finish = "length"
    found = failure(server)
    assert (found.kind, found.tokens) == ("malformed", ONCE)


@pytest.mark.parametrize("fault", [html(), answer(200, []), answer(200, {}), answer(200, "text")])
def test_what_is_no_completion(server: FaultyServer, fault: Fault) -> None:
    server.always(fault)
    assert failure(server).kind in {"malformed", "outage"}


def test_a_redirect_is_not_followed(server: FaultyServer, wire: LlmWire) -> None:
    with FaultyServer(wire) as elsewhere:
        there = f"{elsewhere.url}/v1/chat/completions"
        server.always(lambda request, respond: HttpReply(307, b"", {"Location": there}))
        assert failure(server).kind == "refused"
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "usage",
    [
        {
            "prompt_tokens": 500,
            "completion_tokens": 200,
            "prompt_tokens_details": {"cached_tokens": 128},
        },
        {"prompt_tokens": 500, "completion_tokens": 200, "prompt_cache_hit_tokens": 128},
    ],
)
def test_cached_tokens_by_either_name(
    server: FaultyServer, wire: LlmWire, usage: dict[str, Any]
) -> None:
    wire.usage = {"prompt_tokens": 500, "completion_tokens": 200, **usage}
    assert ask(server).tokens == ONCE


def test_usage_that_makes_no_sense_counts_nothing(server: FaultyServer, wire: LlmWire) -> None:
    wire.usage = {"prompt_tokens": -5, "completion_tokens": None, "prompt_cache_hit_tokens": 10**9}
    assert ask(server).tokens == Tokens()


def test_the_headers_say_neither_whose_account_nor_what_machine(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-lab")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-lab")
    ask(server)
    [request] = server.requests
    told = {name: value for name, value in request.headers.items() if name.startswith("x-")}
    assert set(told) <= {"x-stainless-retry-count", "x-stainless-read-timeout"}
    assert request.headers["user-agent"] == "forecastlab"
    assert "-lab" not in str(request.headers).replace("forecastlab", "")


def test_a_plain_address_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="https"):
        Provider.model_validate(
            {
                "name": "x",
                "base_url": "http://192.0.2.1/v1",
                "model": "m",
                "key": "X_KEY",
                "prices": PRICES,
            }
        )
