"""What may leave this machine: relative values under known names, and nothing else.

The allow-list decides, not a list of what is forbidden: a value leaves only under a name below, as
a finite number within its bounds or as one of its words. Everything else is left out; what is left
is then searched again, whole, for what looks like an identity, a date or a secret.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import numpy as np

from forecastlab.analyst.readings import Readings
from forecastlab.contracts.errors import UsageError


class PrivacyRefused(UsageError):
    """Something was about to leave that may not; nothing was sent."""


@dataclass(frozen=True)
class Bounds:
    """The least and greatest value that a name may carry; what is beyond is left out."""

    least: float
    greatest: float


RELATIVE: Final[Mapping[str, Bounds]] = {
    "rsi": Bounds(0, 100),
    "macd_percent": Bounds(-50, 50),
    "macd_signal_percent": Bounds(-50, 50),
    "bollinger_position": Bounds(-5, 6),
    "atr_percent": Bounds(0, 100),
    "change_1h_percent": Bounds(-99, 1000),
    "change_24h_percent": Bounds(-99, 1000),
    "high_24h_percent": Bounds(0, 1000),
    "low_24h_percent": Bounds(-99, 0),
    "volume_ratio": Bounds(0, 1000),
    "spread_percent": Bounds(0, 100),
    "funding_rate_percent": Bounds(-100, 100),
    "fear_greed_index": Bounds(0, 100),
    "social_score": Bounds(-1, 1),
    "whale_ratio": Bounds(0, 1),
    "exchange_flow_ratio": Bounds(-1, 1),
    "active_addresses_change_percent": Bounds(-99, 1000),
    "transaction_count_change_percent": Bounds(-99, 1000),
}
"""Names of numbers that may leave: none says at which price, when, or whose."""

MOOD: Final = frozenset({"fear_greed_index", "fear_greed_label", "social_score"})
"""Names that a request may tell of the mood; those of the readings are computed, never taken."""

ON_CHAIN: Final = frozenset(
    {
        *("whale_ratio", "exchange_flow_ratio", "active_addresses_change_percent"),
        "transaction_count_change_percent",
    }
)
"""Names that a request may tell of the chain."""

WORDS: Final[Mapping[str, frozenset[str]]] = {
    "fear_greed_label": frozenset(
        {"extreme_fear", "fear", "neutral", "greed", "extreme_greed"},
    ),
}
"""Names of words that may leave, and the words; free text never does."""

_HUGE: Final = 1e300

DIGITS: Final = 4
"""Significant digits of a value that leaves: enough to judge, too few to find the candle by."""

PRIVATE_KEYS: Final = frozenset(
    {
        *("account", "accountid", "address", "apikey", "availablebalance", "balance", "email"),
        *("loss", "password", "pnl", "positionsize", "privatekey", "profit", "secret"),
        *("secretkey", "token", "totalbalance", "totalposition", "userid", "wallet"),
        "walletaddress",
    }
)
"""Keys that are refused in every spelling (`accountId`, `account_id`, `ACCOUNT-ID`)."""

PRIVATE_VALUES: Final = (
    # Bounded: unbounded, a text of 1 MB without an @ would take an hour to search.
    ("e-mail address", re.compile(r"[^\s@\"']{1,64}@[^\s@\"']{1,255}\.[a-zA-Z]{2,}")),
    ("wallet address", re.compile(r"\b0x[0-9a-fA-F]{16,}\b")),
    ("wallet address", re.compile(r"\b(?:bc1|[13])[a-km-zA-HJ-NP-Z1-9]{25,60}\b")),
    ("secret", re.compile(r"\b(?:sk|pk|ak|ghp|xox[a-z])[-_][A-Za-z0-9_\-]{12,}\b")),
    ("secret", re.compile(r"-----BEGIN [A-Z ]{1,60}-----")),
    ("identifier", re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")),
    (
        "identifier",
        re.compile(r"\b(?=[a-zA-Z]*\d)(?=\d*[a-zA-Z])[A-Za-z0-9]{20,}\b"),
    ),
    ("date", re.compile(r"\b(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])")),
    ("instant", re.compile(r"\b1[0-9]{9}(?:[0-9]{3})?\b")),
    ("ticker", re.compile(r"\b[A-Z0-9]{2,10}[-/_]?(?:USDT|USDC|BUSD|FDUSD)\b")),
)
"""What is looked for in the whole of what leaves, keys and values."""

DEEPEST: Final = 20
"""Levels of nesting that are searched; what is nested deeper is refused."""


def outgoing(
    readings: Readings,
    *,
    funding_rate: float | None = None,
    sentiment: Mapping[str, Any] | None = None,
    on_chain: Mapping[str, Any] | None = None,
) -> dict[str, float | str]:
    """Return what may be said of a market: relative values in per cent, ratios, words.

    Raises:
        PrivacyRefused: what is given names an account, a wallet or a secret.

    >>> from forecastlab.analyst.examples import readings
    >>> outgoing(readings(), sentiment={"fear_greed_index": 25})["fear_greed_index"]
    25.0
    """
    for part in (sentiment, on_chain):
        refuse_private(part or {})
    told = {
        "rsi": readings.rsi,
        "macd_percent": 100 * readings.macd,
        "macd_signal_percent": 100 * readings.macd_signal,
        "bollinger_position": readings.band_position,
        "atr_percent": readings.atr_percent,
        "change_1h_percent": 100 * readings.change_1h,
        "change_24h_percent": 100 * readings.change_24h,
        "high_24h_percent": 100 * readings.high_24h,
        "low_24h_percent": 100 * readings.low_24h,
        "volume_ratio": readings.volume_ratio,
        "spread_percent": readings.spread_percent,
        "funding_rate_percent": None if funding_rate is None else 100 * funding_rate,
    }
    mood, flows = sentiment or {}, _flows(on_chain or {})
    return {
        **allowed({name: mood[name] for name in MOOD & mood.keys()}),
        **allowed({name: flows[name] for name in ON_CHAIN & flows.keys()}),
        **allowed(told),
    }


def allowed(values: Mapping[str, Any]) -> dict[str, float | str]:
    """Keep the names of the allow-list with values that they may carry; drop all else.

    >>> allowed({"rsi": 71.23456, "price": 64231.5, "fear_greed_label": "now call +1 555 0100"})
    {'rsi': 71.23}
    """
    kept: dict[str, float | str] = {}
    for name, value in values.items():
        if name in RELATIVE and _is_number(value):
            bounds = RELATIVE[name]
            if bounds.least <= value <= bounds.greatest:
                kept[name] = float(f"{float(value):.{DIGITS}g}")
        elif name in WORDS and isinstance(value, str) and value.lower() in WORDS[name]:
            kept[name] = value.lower()
    return kept


def noisy(values: Mapping[str, float | str], *, share: float, seed: int) -> dict[str, float | str]:
    """Blur numbers by up to `share` of each, within their bounds.

    Signs stay, so that low ≤ price ≤ high stays true, for both are told relative to the price.

    >>> blurred = noisy({"rsi": 99.9, "low_24h_percent": -1.0}, share=0.01, seed=1)
    >>> blurred["rsi"] <= 100 and blurred["low_24h_percent"] < 0
    True
    """
    random = np.random.Generator(np.random.PCG64(seed))
    found: dict[str, float | str] = {}
    for name, value in values.items():
        if isinstance(value, str):
            found[name] = value
            continue
        bounds = RELATIVE[name]
        blurred = value * (1 + share * float(random.uniform(-1, 1)))
        inside = min(max(blurred, bounds.least), bounds.greatest)
        found[name] = float(f"{inside:.{DIGITS}g}")
    return found


def refuse_private(value: Any, *, where: str = "the request", depth: int = 0) -> None:
    """Refuse private keys and values, in keys, values, lists, down to a depth that ends it.

    Raises:
        PrivacyRefused: one is there; the message names the kind and never the value.

    >>> refuse_private({"rsi": 50, "notes": ["quiet"]})
    """
    if depth > DEEPEST:
        raise _refused("what is nested too deep to be searched", where)
    if isinstance(value, Mapping):
        for key, one in value.items():
            if re.sub(r"[^a-z]", "", _folded(str(key)).lower()) in PRIVATE_KEYS:
                raise _refused("a private field", where)
            refuse_private(str(key), where=where, depth=depth)
            refuse_private(one, where=where, depth=depth + 1)
    elif isinstance(value, str):
        _refuse_text(_folded(value), where)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            refuse_private(one, where=where, depth=depth + 1)
    elif isinstance(value, bytes | bytearray):
        raise _refused("bytes, in which nothing can be searched", where)


def _refuse_text(text: str, where: str) -> None:
    for kind, pattern in PRIVATE_VALUES:
        if pattern.search(text):
            raise _refused(f"what looks like a {kind}", where)


def sealed_bytes(document: Mapping[str, Any]) -> bytes:
    """Return what is to leave as JSON, after a last look at all of it.

    Raises:
        PrivacyRefused: it holds what may not leave, or what is no plain value.

    >>> sealed_bytes({"rsi": 71.2})
    b'{"rsi":71.2}'
    """
    refuse_private(document, where="what was about to be sent")
    try:
        text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError):
        raise _refused("a value that is no number, text or list", "the request") from None
    # Once more as it leaves: an instant may stand there as a number.
    refuse_private(text, where="what was about to be sent")
    return text.encode()


def _flows(on_chain: Mapping[str, Any]) -> dict[str, Any]:
    """Turn amounts into ratios: how much flows in or out is nobody's business, the balance may be.

    The balance of flows is (in − out) / (in + out).
    """
    inflow, outflow = on_chain.get("exchange_inflow"), on_chain.get("exchange_outflow")
    told = dict(on_chain)
    if _is_number(inflow) and _is_number(outflow) and inflow + outflow > 0:
        told["exchange_flow_ratio"] = (inflow - outflow) / (inflow + outflow)
    return told


def _is_number(value: Any) -> TypeGuard[float]:
    # Compared and not converted: an integer of 400 digits has no float. NaN is below nothing.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE


def _folded(text: str) -> str:
    """Return a text as it is read: digits of any script as ours, without what is not seen."""
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFKC", text)
    return "".join(
        str(unicodedata.digit(one, one)) for one in folded if unicodedata.category(one) != "Cf"
    )


def _refused(what: str, where: str) -> PrivacyRefused:
    return PrivacyRefused(
        f"{where} holds {what}; nothing was sent.", remedy="Leave it out of the request."
    )
