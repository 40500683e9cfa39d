"""Language models behind one port: who they are, what they cost, how they answer and fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from forecastlab.contracts.errors import ConfigError, DataUnavailable
from forecastlab.contracts.toml_text import parse_toml

FailureKind = Literal["outage", "refused", "malformed"]
"""`outage`: out of reach, too slow, overloaded. `refused`: key, balance or request; waiting does
not help. `malformed`: it answered, but not as it was asked to."""


@dataclass(frozen=True)
class Tokens:
    """Tokens of one paid answer or more; `cached` are part of `input`."""

    cached: int = 0
    input: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.input + self.output

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.cached + other.cached, self.input + other.input, self.output + other.output
        )


class LlmFailed(DataUnavailable):
    """A language model gave no answer that can be used; what it cost is counted all the same."""

    def __init__(
        self,
        facts: str,
        *,
        remedy: str,
        kind: FailureKind = "outage",
        tokens: Tokens = Tokens(),
    ) -> None:
        super().__init__(facts, remedy=remedy)
        self.kind: FailureKind = kind
        self.tokens = tokens


@dataclass(frozen=True)
class Reply:
    """What a language model answered.

    Attributes:
        text: its words, unread.
        model: the name that the provider says answered.
        tokens: of all paid attempts behind it.
    """

    text: str
    model: str
    tokens: Tokens


class Llm(Protocol):
    """A language model."""

    @property
    def provider(self) -> Provider:
        """Who it is."""
        ...

    async def ask(self, messages: Sequence[Mapping[str, str]], *, deadline_s: float) -> Reply:
        """Ask once, with retries, within a total deadline.

        Raises:
            LlmFailed: there is no answer; its `tokens` were paid for.
        """
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hours(_Table):
    """Hours of weekdays in UTC, [start, end)."""

    start: time
    end: time

    def hold(self, at: datetime) -> bool:
        """Say whether an instant (UTC) lies inside.

        >>> Hours(start=time(1), end=time(4)).hold(datetime(2026, 11, 20, 1, 30))
        True
        """
        return at.weekday() < 5 and self.start <= at.time() < self.end


class Prices(_Table):
    """A model's prices per million tokens, as its provider stated them on a day.

    In `peak` hours they are multiplied by `peak_factor`.
    """

    stated: date
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    cached_input: Decimal = Field(ge=0)
    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    peak: tuple[Hours, ...] = ()
    peak_factor: Decimal = Field(default=Decimal(1), ge=1)


class Provider(_Table):
    """A language model and where it is asked, by an interface compatible with OpenAI's.

    `key` names the variable that holds its key; `extra` is laid into every request, as the switch
    that turns thinking off.
    """

    name: str
    base_url: str = Field(pattern=r"^https?://")
    model: str
    key: str = Field(pattern=r"^[A-Z][A-Z0-9_]*_KEY$")
    max_tokens: int = Field(default=600, ge=16, le=100_000)
    temperature: float = Field(default=0.2, ge=0, le=2)
    extra: dict[str, Any] = {}
    prices: Prices

    @property
    def on_this_machine(self) -> bool:
        """Whether the address is a loopback one, so that nothing leaves the machine."""
        return HttpUrl(self.base_url).host in {"127.0.0.1", "[::1]", "localhost"}

    @model_validator(mode="after")
    def _encrypted(self) -> Provider:
        if self.base_url.startswith("http://") and not self.on_this_machine:
            raise ValueError("base_url must be https, for the key and the values travel in it")
        return self


class AnalystConfig(_Table):
    """How the analyst works: `config/analyst.toml`; without it by rules alone.

    `daily_budget` is in the currency of the provider's prices; when it is spent the rules answer.
    `rival` names the provider, and `rival_prompt` the words, that are tried beside the first on
    `rival_share` of the requests; nobody is served their answers.
    `noise` blurs what leaves by up to this share; 0 leaves it. `sentiment` is asked for the mood
    where a request does not tell it.
    """

    provider: str | None = None
    deadline_s: float = Field(default=12, gt=0, le=25)
    daily_budget: Decimal = Field(default=Decimal(1), ge=0)
    fallback_ttl_s: int = Field(default=10, ge=0)
    noise: float = Field(default=0, ge=0, le=0.05)
    prompt: str = "signal-1"
    rival: str | None = None
    rival_prompt: str | None = None
    rival_share: float = Field(default=0, ge=0, le=1)
    sentiment: Literal["off", "fear_greed"] = "off"
    note: Literal["off", "en", "zh"] = "off"
    providers: dict[str, Provider] = {}

    @model_validator(mode="after")
    def _known(self) -> AnalystConfig:
        for name in (self.provider, self.rival):
            if name is not None and name not in self.providers:
                raise ValueError(f"there is no provider {name!r}")
        asked = [self.providers[name] for name in (self.provider, self.rival) if name is not None]
        if len({one.prices.currency for one in asked}) > 1:
            raise ValueError("provider and rival share a budget, and so need one currency")
        return self

    @property
    def chosen(self) -> Provider | None:
        """The provider that is asked, if one is."""
        return None if self.provider is None else self.providers[self.provider]


def parse_analyst(text: str, *, what: str) -> AnalystConfig:
    """Read the analyst's configuration from TOML; `what` names the file in messages.

    Raises:
        ConfigError: no TOML, an unknown key, or a value out of bounds.
    """
    document = parse_toml(text, what=what)
    tables = document.get("providers")
    if isinstance(tables, dict):
        document["providers"] = {
            name: {"name": name, **table} if isinstance(table, dict) else table
            for name, table in tables.items()
        }
    try:
        return AnalystConfig.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{what}: {where}: {first['msg']}.", remedy="See config/analyst.toml for an example."
        ) from error
