"""Settings of the analyst: keys of language models, its cache, and how it falls back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from forecastlab.settings.variable import Values, Variable, count, flag

ANALYST_FILE: Final = "analyst.toml"
"""Its configuration, among the recipes of the folder of configs and none of them."""

VARIABLES: Final = (
    Variable(
        "DEEPSEEK_API_KEY", "", "Key of DeepSeek. Without a key the analyst's rules work alone."
    ),
    Variable("DEEPSEEK_BASE_URL", "", "Another address of DeepSeek's interface; empty: its own."),
    Variable("ANTHROPIC_API_KEY", "", "Key of Claude, where config/analyst.toml chooses it."),
    Variable("GEMINI_API_KEY", "", "Key of Gemini, where config/analyst.toml chooses it."),
    Variable("REDIS_URL", "", "Redis for the analyst's cache; empty: a file of this machine."),
    Variable("CACHE_TTL", "60", "Seconds that an analysis is kept; 0: not at all."),
    Variable(
        "ENABLE_ANONYMIZATION",
        "1",
        "0 sends plain values; only to a model on this machine, and never secrets.",
    ),
    Variable(
        "FALLBACK_TO_LOCAL",
        "1",
        "1: the rules answer where the model fails; 0: the caller hears.",
    ),
    Variable("MAX_FAILURES_BEFORE_FALLBACK", "3", "Failures in a row after which the model rests."),
)

_KEYS: Final = ("DEEPSEEK_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")


@dataclass(frozen=True)
class AnalystSettings:
    """What the environment says of the analyst; keys by the variable that holds them."""

    keys: dict[str, str] = field(repr=False)
    deepseek_url: str
    redis_url: str = field(repr=False)
    cache_ttl_s: int
    anonymize: bool
    fall_back: bool
    max_failures: int


def read_analyst(values: Values) -> AnalystSettings:
    """Read the group.

    Raises:
        ConfigError: a value cannot be read.
    """
    return AnalystSettings(
        keys={name: values[name] for name in _KEYS},
        deepseek_url=values["DEEPSEEK_BASE_URL"],
        redis_url=values["REDIS_URL"],
        cache_ttl_s=count(values, "CACHE_TTL"),
        anonymize=flag(values, "ENABLE_ANONYMIZATION"),
        fall_back=flag(values, "FALLBACK_TO_LOCAL"),
        max_failures=max(1, count(values, "MAX_FAILURES_BEFORE_FALLBACK")),
    )
