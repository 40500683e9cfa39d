"""Wire the analyst: language models, their account and breaker, the cache, the log of analyses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from forecastlab.adapters.breaker import StoredBreaker
from forecastlab.adapters.bundle_cache import cache_folder
from forecastlab.adapters.clocks import SystemClock
from forecastlab.analyst.prompt import SIGNAL_PROMPTS
from forecastlab.contracts.answer_cache import AnswerCache
from forecastlab.contracts.breaker import BreakerPolicy
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.llm import AnalystConfig, Provider, parse_analyst
from forecastlab.contracts.ports import ObjectStore
from forecastlab.contracts.sentiment import Sentiment
from forecastlab.settings import Settings
from forecastlab.settings.analyst import ANALYST_FILE
from forecastlab.usecases.analysis.analyse import Analyst, AnalystPolicy
from forecastlab.usecases.analysis.asking import LlmDesk, limits
from forecastlab.usecases.analysis.counts import AnalystCounts, LlmCounts
from forecastlab.usecases.analysis.log import AnalysisLog
from forecastlab.usecases.analysis.note import NoteWriter
from forecastlab.usecases.analysis.spending import SpendingBook

COOL_DOWN: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(minutes=30)


@dataclass(frozen=True, eq=False)
class AnalystParts:
    """An analyst and what ends with it."""

    analyst: Analyst
    log: AnalysisLog
    config: AnalystConfig
    has_redis: bool = False

    async def close(self) -> None:
        """Write what waits, and let go of files and connections."""
        await self.log.close()
        await self.analyst.cache.close()
        if self.analyst.sentiment is not None:
            await self.analyst.sentiment.close()
        for desk in (self.analyst.desk, self.log.rival):
            if desk is not None:
                await desk.close()


def open_analyst(settings: Settings, store: ObjectStore) -> AnalystParts:
    """Open the analyst; nothing is asked and no connection made yet.

    Raises:
        ConfigError: its configuration is none, or a library of the extra `analyst` is missing.
    """
    config, counts, clock = analyst_config(settings), AnalystCounts(), SystemClock()
    rival = config.chosen if config.rival is None else config.providers[config.rival]
    doubled = config.rival is not None or config.rival_prompt is not None
    book = SpendingBook(store)
    log = AnalysisLog(
        store,
        settings.deployment,
        clock,
        rival=_desk(settings, book, config, rival, counts.rival, is_rival=True)
        if doubled
        else None,
        share=config.rival_share,
    )
    analyst = Analyst(
        desk=_desk(settings, book, config, config.chosen, counts.llm),
        cache=_cache(settings),
        policy=AnalystPolicy(
            ttl_s=settings.analyst.cache_ttl_s,
            fallback_ttl_s=config.fallback_ttl_s,
            anonymize=settings.analyst.anonymize,
            fall_back=settings.analyst.fall_back,
            noise=config.noise,
        ),
        clock=clock,
        counts=counts,
        keep=log.keep,
        sentiment=_sentiment(config),
    )
    return AnalystParts(analyst, log, config, has_redis=bool(settings.analyst.redis_url))


def note_writer(settings: Settings, store: ObjectStore) -> NoteWriter | None:
    """Return who writes the note on a sealed forecast, or None where none is asked for.

    Raises:
        ConfigError: the analyst's configuration is none.
    """
    config = analyst_config(settings)
    if config.note == "off":
        return None

    def opened() -> LlmDesk:
        desk = _desk(settings, SpendingBook(store), config, config.chosen, LlmCounts())
        if desk is None:
            raise ConfigError(
                "A note is asked for, and there is no key for its language model.",
                remedy=f'Set the key that {ANALYST_FILE} names, or note = "off" there.',
            )
        return desk

    return NoteWriter(config.note, opened)


def analyst_config(settings: Settings) -> AnalystConfig:
    """Read the analyst's configuration; DEEPSEEK_BASE_URL wins over the file.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    path = settings.configs / ANALYST_FILE
    if not path.exists():
        return AnalystConfig()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}.", remedy="Restore it, or set FORECASTLAB_CONFIGS."
        ) from error
    config = parse_analyst(text, what=str(path))
    _refuse_unknown_words(config, str(path))
    url = settings.analyst.deepseek_url
    if not url or "deepseek" not in config.providers:
        return config
    there = {**config.providers["deepseek"].model_dump(), "base_url": url}
    try:
        moved = Provider.model_validate(there)
    except ValueError as error:
        raise ConfigError(
            "DEEPSEEK_BASE_URL is refused: it is neither https nor this machine.",
            remedy="Write an https address.",
        ) from error
    return config.model_copy(update={"providers": {**config.providers, "deepseek": moved}})


def _refuse_unknown_words(config: AnalystConfig, what: str) -> None:
    for name in (config.prompt, config.rival_prompt):
        if name is not None and name not in SIGNAL_PROMPTS:
            raise ConfigError(
                f"{what}: there are no words {name!r}.",
                remedy=f"Choose among {', '.join(SIGNAL_PROMPTS)}.",
            )


def _desk(
    settings: Settings,
    book: SpendingBook,
    config: AnalystConfig,
    provider: Provider | None,
    counts: LlmCounts,
    *,
    is_rival: bool = False,
) -> LlmDesk | None:
    """Return a model's desk, or None where there is no key for it."""
    key = "" if provider is None else settings.analyst.keys.get(provider.key, "").strip()
    if provider is None or not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(
            f"{provider.key} holds what no key has: a space, a line end, or a foreign letter.",
            remedy="Copy the key again.",
        )
    try:
        # The SDK costs 1 s of a start, and only those who have a key install it.
        from forecastlab.adapters.openai_llm import OpenAiLlm  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{provider.key} is set, and {error.name} is not installed.",
            remedy="Install it with `pip install 'forecastlab[analyst]'`.",
        ) from error
    clock, role = SystemClock(), "rival" if is_rival else "llm"
    policy = BreakerPolicy(
        limits(settings.analyst.max_failures), cool_down=COOL_DOWN, longest=LONGEST
    )
    return LlmDesk(
        llm=OpenAiLlm(provider, key),
        breaker=StoredBreaker(book.store, f"{role}_{provider.name}", policy, clock),
        book=book,
        budget=config.daily_budget,
        deadline_s=config.deadline_s,
        clock=clock,
        counts=counts,
        prompt=(config.rival_prompt if is_rival else None) or config.prompt,
    )


def _sentiment(config: AnalystConfig) -> Sentiment | None:
    if config.sentiment == "off":
        return None
    try:
        from forecastlab.adapters.fear_greed import FearGreed  # noqa: PLC0415 - only where asked
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"sentiment = {config.sentiment!r} needs {error.name}, which is not installed.",
            remedy="Install it with `pip install 'forecastlab[analyst]'`.",
        ) from error
    return FearGreed()


def _cache(settings: Settings) -> AnswerCache:
    if settings.analyst.redis_url:
        try:
            # Only where there is a Redis: its client costs 0.2 s of a start.
            from forecastlab.adapters.redis_cache import RedisCache  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"REDIS_URL is set, and {error.name} is not installed.",
                remedy="Install it with `pip install 'forecastlab[analyst]'`.",
            ) from error
        try:
            return RedisCache(settings.analyst.redis_url)
        except ValueError:
            # Neither the address nor the error that quotes it: it may hold a password.
            raise ConfigError(
                "REDIS_URL is no address of a Redis.",
                remedy="Write redis://, rediss:// or unix://, with a number for a port.",
            ) from None
    from forecastlab.adapters.sqlite_cache import SqliteCache  # noqa: PLC0415 - only without Redis

    return SqliteCache(cache_folder(Path.home()).with_name("analyst") / "answers.sqlite")
