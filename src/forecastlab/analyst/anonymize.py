"""What may leave this machine: relative values under known names, and nothing else.

The allow-list decides, not a list of what is forbidden: a value leaves only under a name below, as
a finite number within its bounds or as one of its words. Everything else is left out; what is left
is then searched again, whole, for what looks like an identity, a date or a secret.
"""

from __future__ import annotations

import json
import math
import re
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

WORDS: Final[Mapping[str, frozenset[str]]] = {
    "fear_greed_label": frozenset(
        {"extreme_fear", "fear", "neutral", "greed", "extreme_greed"},
    ),
}
"""Names of words that may leave, and the words; free text never does."""

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
    ("e-mail address", re.compile(r"[^\s@\"']+@[^\s@\"']+\.[a-zA-Z]{2,}")),
    ("wallet address", re.compile(r"\b0x[0-9a-fA-F]{16,}\b")),
    ("wallet address", re.compile(r"\b(?:bc1|[13])[a-km-zA-HJ-NP-Z1-9]{25,60}\b")),
    ("secret", re.compile(r"\b(?:sk|pk|ak|ghp|xox[a-z])[-_][A-Za-z0-9_\-]{12,}\b")),
    ("secret", re.compile(r"-----BEGIN [A-Z ]+-----")),
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
    return {**allowed(sentiment or {}), **allowed(_flows(on_chain or {})), **allowed(told)}


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


def refuse_private(value: Any, *, where: str = "the request") -> None:
    """Refuse private keys and values at any depth, in keys, values, lists.

    Raises:
        PrivacyRefused: one is there; the message names the kind and never the value.

    >>> refuse_private({"rsi": 50, "notes": ["quiet"]})
    """
    if isinstance(value, Mapping):
        for key, one in value.items():
            if re.sub(r"[^a-z]", "", str(key).lower()) in PRIVATE_KEYS:
                raise _refused("a private field", where)
            refuse_private(str(key), where=where)
            refuse_private(one, where=where)
    elif isinstance(value, str):
        for kind, pattern in PRIVATE_VALUES:
            if pattern.search(value):
                raise _refused(f"what looks like a {kind}", where)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            refuse_private(one, where=where)


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
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refused(what: str, where: str) -> PrivacyRefused:
    return PrivacyRefused(
        f"{where} holds {what}; nothing was sent.", remedy="Leave it out of the request."
    )
