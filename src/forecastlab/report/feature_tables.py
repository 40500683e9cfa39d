"""The tables of `docs/features.md`: the catalogue's feature sets, and who reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.manifest import FeatureEntry, Manifest

SOURCES: Final = {
    "price": "prices",
    "volume": "volume",
    "trades": "trades",
    "taker_flow": "taker buys",
    "calendar": "the clock",
    "funding": "funding rates",
    "open_interest": "open interest",
}
"""What a column draws on, for readers."""

_CANDLES: Final = {"1h": "hour", "4h": "4h candle", "1d": "day"}


def window(feature: FeatureEntry) -> str:
    """Say what a value may depend on, the as-of candle included.

    >>> entry = dict(name="x", formula="", unit="", source="price")
    >>> window(FeatureEntry(lookback=1, interval="1d", **entry))
    '1 day'
    >>> window(FeatureEntry(lookback=36_000, interval="1h", **entry))
    '1,500 days'
    """
    spanned = feature.lookback * DURATION[feature.interval] / DURATION["1d"]
    if feature.interval == "1h" and spanned > 2 and spanned.is_integer():
        return f"{spanned:,.0f} days"
    plural = "" if feature.lookback == 1 else "s"
    return f"{feature.lookback:,} {_CANDLES[feature.interval]}{plural}"


def feature_table(features: Sequence[FeatureEntry], dropped: Mapping[str, str]) -> str:
    """Write a set's columns in their order, in Markdown.

    Args:
        dropped: column -> why the shipped bundles leave it out.
    """
    rows = [
        f"| `{one.name}` | {_cell(one.formula)}{_left_out(one.name, dropped)} | {_cell(one.unit)} |"
        f" {window(one)} | {SOURCES[one.source]} |"
        for one in features
    ]
    head = "| column | what it is | unit | window | made of |"
    return "\n".join([head, "|---|---|---|---|---|", *rows]) + "\n"


def set_table(sets: Mapping[str, Sequence[FeatureEntry]], manifests: Iterable[Manifest]) -> str:
    """Write the sets next to each other, with the shipped members that read each, in Markdown.

    Args:
        sets: name, as members give it -> its columns.
    """
    readers = _readers(manifests)
    lines = ["| set | columns | candles | longest window | read by |", "|---|--:|---|---|---|"]
    for name, columns in sets.items():
        intervals = list(dict.fromkeys(one.interval for one in columns))
        longest = max(columns, key=lambda one: one.lookback * DURATION[one.interval])
        told = "; ".join(readers.get(name, ())) or "no shipped bundle"
        lines.append(
            f"| `{name}` | {len(columns)} | {', '.join(intervals)} | {window(longest)} | {told} |"
        )
    return "\n".join(lines) + "\n"


def successor_table(successors: Mapping[str, Sequence[str]], gone: Iterable[str]) -> str:
    """Write which columns are made of those of the earlier hourly system, in Markdown.

    Args:
        successors: column -> the earlier system's columns that it is computed from.
        gone: columns of the earlier system that nothing reads any more.
    """
    lines = ["| column here | made of the earlier system's |", "|---|---|"]
    for name, sources in successors.items():
        lines.append(f"| `{name}` | {', '.join(f'`{one}`' for one in sources)} |")
    told = ", ".join(f"`{one}`" for one in sorted(gone))
    return "\n".join([*lines, "", f"Read by no member any more: {told}."]) + "\n"


def _readers(manifests: Iterable[Manifest]) -> dict[str, list[str]]:
    """Return set -> deployments with the members that read it."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for one in manifests:
        read = [
            (_named(member.feature_set, one), name)
            for candidate in one.candidates.values()
            for name, member in candidate.members.items()
        ]
        if one.context is not None:
            read += [(name, "regime and quantiles") for name in one.context.feature_sets]
        for feature_set, member in read:
            deployment = one.deployment.removesuffix(f"_{one.symbol}")
            members = found.setdefault(feature_set, {}).setdefault(deployment, {})
            members |= {member: None}
    return {
        name: [f"`{deployment}`: {', '.join(members)}" for deployment, members in by.items()]
        for name, by in found.items()
    }


def _named(feature_set: str, manifest: Manifest) -> str:
    """Return a set's name with its variant, which a recipe's own set leaves out."""
    features = manifest.recipe.features
    own = feature_set == features.set and features.variant != "raw"
    return f"{feature_set}/{features.variant}" if own else feature_set


def _left_out(name: str, dropped: Mapping[str, str]) -> str:
    return f" (left out: {_cell(dropped[name])})" if name in dropped else ""


def _cell(words: str) -> str:
    """Write a text so that it stays in its cell."""
    return words.replace("|", "\\|").replace("*", "\\*")
