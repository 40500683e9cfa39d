"""Answer a question about a market: cache, scene, rules or language model, fallback."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from forecastlab.analyst.anonymize import PrivacyRefused, noisy, outgoing, refuse_private
from forecastlab.analyst.readings import Readings, read_market
from forecastlab.analyst.risk import condition, size
from forecastlab.analyst.rules import MODEL, decide
from forecastlab.analyst.scenes import Scene, classify, routed
from forecastlab.contracts.analysis import (
    Answer,
    AnswerPath,
    InferenceRequest,
    InferenceResponse,
    Usage,
)
from forecastlab.contracts.analysis_log import AnalysisEntry
from forecastlab.contracts.answer_cache import AnswerCache
from forecastlab.contracts.canonical import canonical_bytes, digest
from forecastlab.contracts.degradations import NO_KEY, PRIVACY
from forecastlab.contracts.errors import DataUnavailable, UsageError
from forecastlab.contracts.ports import Clock
from forecastlab.contracts.sentiment import Sentiment
from forecastlab.usecases.analysis.asking import LlmDesk, NotAsked
from forecastlab.usecases.analysis.counts import AnalystCounts
from forecastlab.usecases.single_flight import AsyncSingleFlight


@dataclass(frozen=True)
class AnalystPolicy:
    """How the analyst answers.

    Attributes:
        ttl_s: life of an answer in the cache; of one that stands in for the model `fallback_ttl_s`.
        anonymize: only relative values leave; without it, also market and price, and only to a
            model on this machine.
        fall_back: the rules stand in for the model; without it the caller is told that it failed.
        noise: the share by which what leaves is blurred.
    """

    ttl_s: float = 60.0
    fallback_ttl_s: float = 10.0
    anonymize: bool = True
    fall_back: bool = True
    noise: float = 0.0


@dataclass(frozen=True)
class Made:
    """An answer and how it came about, before it is put into the caller's units."""

    answer: Answer
    path: AnswerPath
    model: str
    prompt_version: str | None = None
    reason: str | None = None
    usage: Usage | None = None


class Analyst:
    """One analyst of a process; safe for the tasks of one event loop.

    Attributes:
        keep: takes each analysis that was made, with the request's key, for the store and for a
            rival model; must not block.
        sentiment: where the mood comes from; None asks nobody.
    """

    def __init__(
        self,
        *,
        desk: LlmDesk | None,
        cache: AnswerCache,
        policy: AnalystPolicy,
        clock: Clock,
        counts: AnalystCounts,
        keep: Callable[[str, AnalysisEntry], None],
        sentiment: Sentiment | None = None,
    ) -> None:
        self.desk = desk
        self.cache = cache
        self.policy = policy
        self.counts = counts
        self.sentiment = sentiment
        self._clock = clock
        self._keep = keep
        self._settings = self._written_settings()
        self._flights: AsyncSingleFlight[InferenceResponse] = AsyncSingleFlight()

    def now(self) -> int:
        """Return the current second of Unix time."""
        return int(self._clock.now().timestamp())

    @property
    def anonymizes(self) -> bool:
        """Whether only relative values leave: always, but to a model on this machine."""
        here = self.desk is not None and self.desk.provider.on_this_machine
        return self.policy.anonymize or not here

    async def analyse(self, request: InferenceRequest) -> InferenceResponse:
        """Answer a request.

        Raises:
            UsageError: a series of the request is short, or holds what is no price.
            PrivacyRefused: the request holds what nobody should have sent.
            DataUnavailable: the model failed, and the rules may not stand in for it.
        """
        began = time.perf_counter()
        self.counts.total += 1
        try:
            request = await self._with_mood(request)
            key = self.key(request)
            kept = await self.cache.get(key)
            if (found := kept_answer(kept)) is not None:
                self.counts.cache_hits += 1
                return self._stamped(found, began, cached=True)
            is_mine = key not in self._flights
            made = await self._flights.do(key, lambda: self._made(request, key))
        except Exception:
            self.counts.errors += 1
            raise
        self.counts.shared += not is_mine
        return self._stamped(made, began, cached=False)

    async def _with_mood(self, request: InferenceRequest) -> InferenceRequest:
        """Return the request with the mood of the source, where it tells none itself."""
        if self.sentiment is None or request.sentiment_data is not None:
            return request
        mood = await self.sentiment.values()
        return request.model_copy(update={"sentiment_data": mood}) if mood else request

    async def _made(self, request: InferenceRequest, key: str) -> InferenceResponse:
        began = time.perf_counter()
        readings = read_market(request.market_data)
        scene = routed(classify(readings), request.model_type)
        values = self._outgoing(request, readings)
        made = await self._answer(scene, readings, request, values)
        made = replace(made, answer=_thresholded(made.answer, request.confidence_threshold))
        response = self._response(request, readings, scene, made)
        self.counts.answered(made.path, made.answer.signal)
        ttl_s = self.policy.fallback_ttl_s if made.path == "fallback" else self.policy.ttl_s
        await self.cache.put(key, response.model_dump_json().encode(), ttl_s=ttl_s)
        self._keep(key, self._entry(request, scene, made, values, began))
        return response

    async def _answer(
        self,
        scene: Scene,
        readings: Readings,
        request: InferenceRequest,
        values: dict[str, float | str],
    ) -> Made:
        if scene.name == "simple":
            return Made(decide(readings), "local", MODEL)
        if self.desk is None:
            return Made(decide(readings), "local", MODEL, reason=NO_KEY.form)
        try:
            told = await self.desk.view(self._told(request, values))
        except (NotAsked, PrivacyRefused) as error:
            reason = error.reason if isinstance(error, NotAsked) else PRIVACY.form
            if not self.policy.fall_back:
                raise DataUnavailable(
                    f"The language model gave no answer: {reason}.",
                    remedy="Ask again later, or set FALLBACK_TO_LOCAL=1.",
                ) from error
            usage = error.usage if isinstance(error, NotAsked) else None
            return Made(decide(readings), "fallback", MODEL, None, reason, usage)
        return Made(told.answer, "llm", told.model, self.desk.prompt, None, told.usage)

    def _outgoing(self, request: InferenceRequest, readings: Readings) -> dict[str, float | str]:
        """Return what may leave, blurred already: a rival is told these values as they stand."""
        values = outgoing(
            readings,
            funding_rate=request.market_data.funding_rate,
            sentiment=request.sentiment_data,
            on_chain=request.on_chain_data,
        )
        if not self.policy.noise:
            return values
        seed = int(self.key(request).removeprefix("sha256:")[:12], 16)
        return noisy(values, share=self.policy.noise, seed=seed)

    def _told(
        self, request: InferenceRequest, values: dict[str, float | str]
    ) -> dict[str, float | str]:
        """Return what the model is told."""
        if self.anonymizes:
            return values
        plain = {"price": request.market_data.current_price}
        refuse_private(plain)
        return {**values, **plain}

    def key(self, request: InferenceRequest) -> str:
        """Return the cache's key: of everything that the answer depends on.

        A request's id and time are read by nothing, so equal markets share an answer.
        """
        market = request.market_data.model_copy(update={"timestamp": None})
        asked = request.model_copy(update={"strategy_id": None, "market_data": market})
        try:
            # Written by pydantic: the canonical form of 600 numbers takes 2 ms, this .1.
            return digest(asked.model_dump_json().encode() + self._settings)
        except ValueError:
            raise UsageError(
                "The request holds a value that is no JSON.", remedy="Send plain numbers and texts."
            ) from None

    def _written_settings(self) -> bytes:
        """Return what of the settings an answer depends on."""
        policy, desk = self.policy, self.desk
        settings: dict[str, Any] = {
            "policy": [policy.anonymize, policy.fall_back, str(policy.noise)],
            "rules": MODEL,
            "prompt": None if desk is None else desk.prompt,
            "provider": None
            if desk is None
            else desk.provider.model_dump(mode="json", exclude={"prices"}),
        }
        return canonical_bytes(settings)

    def _response(
        self, request: InferenceRequest, readings: Readings, scene: Scene, made: Made
    ) -> InferenceResponse:
        price = request.market_data.current_price
        sized = size(made.answer, readings, price)
        return InferenceResponse(
            signal=made.answer.signal,
            confidence=made.answer.confidence,
            position_size=sized.position,
            entry_price=price,
            stop_loss=sized.stop_loss,
            take_profit=sized.take_profit,
            reasoning=made.answer.reasoning,
            feature_importance=made.answer.weights,
            risk_score=sized.risk,
            market_condition=condition(readings),
            models_used=[made.model],
            inference_time_ms=0,
            timestamp=0,
            path=made.path,
            scene=scene.name,
            scene_reason=scene.reason,
            fallback_reason=made.reason,
            model=made.model,
            prompt_version=made.prompt_version,
            usage=made.usage,
        )

    def _stamped(
        self, response: InferenceResponse, began: float, *, cached: bool
    ) -> InferenceResponse:
        spent_ms = round(1000 * (time.perf_counter() - began))
        return response.model_copy(
            update={"inference_time_ms": spent_ms, "timestamp": self.now(), "cached": cached}
        )

    def _entry(
        self,
        request: InferenceRequest,
        scene: Scene,
        made: Made,
        values: dict[str, float | str],
        began: float,
    ) -> AnalysisEntry:
        asked = made.path == "llm" and self.desk is not None
        return AnalysisEntry(
            at=self._clock.now(),
            market=request.market_data.symbol,
            scene=scene.name,
            scene_reason=scene.reason,
            path=made.path,
            fallback_reason=made.reason,
            provider=self.desk.provider.name if asked and self.desk is not None else None,
            model=made.model,
            prompt_version=made.prompt_version,
            signal=made.answer.signal,
            confidence=made.answer.confidence,
            values=values,
            duration_ms=round(1000 * (time.perf_counter() - began), 3),
            usage=made.usage,
        )


def _thresholded(answer: Answer, threshold: int) -> Answer:
    """Return HOLD where the confidence is below what the caller demands."""
    if answer.signal == "HOLD" or answer.confidence >= threshold:
        return answer
    reason = f"{answer.signal} at {answer.confidence} %, below the {threshold} % asked for."
    return Answer(
        signal="HOLD",
        confidence=answer.confidence,
        fraction=0.0,
        reasoning=f"{reason} {answer.reasoning}"[:1_000],
        weights=answer.weights,
    )


def kept_answer(kept: bytes | None) -> InferenceResponse | None:
    """Read an answer from a cache; what another version wrote, or a stranger, is none."""
    if kept is None:
        return None
    try:
        return InferenceResponse.model_validate_json(kept)
    except ValueError:
        return None
