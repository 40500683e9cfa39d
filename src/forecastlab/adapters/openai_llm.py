"""Language models by OpenAI's SDK, at any address that speaks its interface."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import openai
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Omit

from forecastlab.adapters.retry import GaveUp, RetryPolicy, TryAgain, retry_after_s
from forecastlab.adapters.retry_async import retry_async
from forecastlab.contracts.llm import FailureKind, LlmFailed, Provider, Reply, Tokens

POLICY: Final = RetryPolicy(first_delay_s=0.4, factor=2.0, max_delay_s=3.0, jitter=0.5, attempts=3)
"""The one layer of retries; the SDK's own is switched off, for nested they made nine calls."""

RETRIED: Final = frozenset({408, 429})
"""Statuses below 500 that may pass; all others of the 400s are final."""


_UNSAID: Final = (
    *("OpenAI-Organization", "OpenAI-Project"),
    *(f"X-Stainless-{name}" for name in ("Arch", "Async", "Lang", "OS", "Package-Version")),
    *(f"X-Stainless-{name}" for name in ("Runtime", "Runtime-Version")),
)
"""Headers of the SDK that say whose account or what machine this is; the first two are read from
the environment, whoever is asked."""

# The SDK takes an Omit for a header that is not to be sent; its types name texts alone.
_HEADERS: Final[Any] = {"User-Agent": "forecastlab", **dict.fromkeys(_UNSAID, Omit())}


class OpenAiLlm:
    """A language model behind `Llm`; one connection pool, to be closed by `close`."""

    def __init__(self, provider: Provider, key: str, *, policy: RetryPolicy = POLICY) -> None:
        self._provider = provider
        self._policy = policy
        self._client = AsyncOpenAI(
            api_key=key,
            base_url=provider.base_url,
            max_retries=0,
            default_headers=_HEADERS,
            # A redirect would carry key and values to wherever it points.
            http_client=DefaultAsyncHttpxClient(follow_redirects=False),
        )

    @property
    def provider(self) -> Provider:
        """Who it is."""
        return self._provider

    async def ask(self, messages: Sequence[Mapping[str, str]], *, deadline_s: float) -> Reply:
        """Ask, with retries, within a total deadline.

        A blank answer is asked for again, and paid for twice.

        Raises:
            LlmFailed: there is no answer; its `tokens` were paid for.
        """
        ends, paid = time.monotonic() + deadline_s, [Tokens()]
        policy = self._policy.within(deadline_s)
        try:
            async with asyncio.timeout(deadline_s):
                return await retry_async(lambda: self._once(messages, ends, paid), policy)
        except TimeoutError:
            raise self._failed(f"did not answer within {deadline_s:g} s", "outage", paid) from None
        except GaveUp as error:
            raise self._failed(str(error), "outage", paid) from error

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()

    async def _once(
        self, messages: Sequence[Mapping[str, str]], ends: float, paid: list[Tokens]
    ) -> Reply:
        provider = self._provider
        # The SDK's types name one vendor's models and roles.
        create: Any = self._client.chat.completions.create
        try:
            completion = await create(
                model=provider.model,
                messages=[dict(one) for one in messages],
                max_tokens=provider.max_tokens,
                temperature=provider.temperature,
                response_format={"type": "json_object"},
                extra_body=provider.extra or None,
                timeout=max(ends - time.monotonic(), 0.001),
            )
        except openai.APIStatusError as error:
            raise self._by_status(error, paid) from error
        except openai.APIConnectionError as error:
            raise TryAgain(type(error).__name__) from error
        except (openai.OpenAIError, ValueError) as error:
            # ValueError: the SDK lets the JSON parser's own error through.
            raise self._failed("answered what is no completion", "malformed", paid) from error
        return self._read(completion, paid)

    def _read(self, completion: Any, paid: list[Tokens]) -> Reply:
        paid[0] += _tokens(getattr(completion, "usage", None))
        choices: Any = getattr(completion, "choices", None)
        if not choices:
            raise self._failed("answered without a choice", "malformed", paid)
        content = getattr(getattr(choices[0], "message", None), "content", None)
        if not isinstance(content, str) or not content.strip():
            raise TryAgain("a blank answer")
        if choices[0].finish_reason == "length":
            raise self._failed("was cut off at max_tokens", "malformed", paid)
        model: Any = getattr(completion, "model", None)
        named = model if isinstance(model, str) and model else self._provider.model
        return Reply(content, named, paid[0])

    def _by_status(self, error: openai.APIStatusError, paid: list[Tokens]) -> Exception:
        status = error.status_code
        if status >= 500 or status in RETRIED:
            return TryAgain(f"status {status}", after_s=retry_after_s(error.response.headers))
        # A balance that is used up (402) and a wrong key (401) do not pass by waiting.
        return self._failed(f"refused with status {status}", "refused", paid)

    def _failed(self, what: str, kind: FailureKind, paid: list[Tokens]) -> LlmFailed:
        # Nothing of the answer is quoted: it may hold what was sent, or the key.
        return LlmFailed(
            f"{self._provider.name} {what}.",
            remedy=f"Check {self._provider.key}, the balance and the provider's status page.",
            kind=kind,
            tokens=paid[0],
        )


def _tokens(usage: object) -> Tokens:
    """Read the usage of an answer; the number of cached tokens has two names."""
    cached = getattr(usage, "prompt_cache_hit_tokens", None)
    if cached is None:
        cached = getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None)
    prompt = _count(getattr(usage, "prompt_tokens", None))
    output = _count(getattr(usage, "completion_tokens", None))
    return Tokens(min(_count(cached), prompt), prompt, output)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
