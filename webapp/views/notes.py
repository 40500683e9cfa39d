"""The analyst's words: a note's text, where it came from, what it cost; and analyses by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from webapp.views.documents import field_rows, plain
from webapp.views.wording import Words

MOST_ROWS: Final = 500
"""Analyses that the table shows: a busy service keeps thousands an hour."""

_ORIGINS: Final = {"local": "rules", "fallback": "fallback", "llm": "model"}


def note_text(fields: Mapping[str, Any]) -> str:
    """Return what a note says; empty where it holds no text.

    >>> note_text({"text": "Quiet."}), note_text({"text": 3})
    ('Quiet.', '')
    """
    text = fields.get("text")
    return text if isinstance(text, str) else ""


def origin(fields: Mapping[str, Any]) -> str:
    """Return who answered: rules, model, rules in place of the model; unknown where it is not said.

    >>> origin({"path": "fallback"}), origin({"provider": "deepseek"}), origin({})
    ('fallback', 'model', 'unknown')
    """
    path = fields.get("path")
    if isinstance(path, str) and path in _ORIGINS:
        return _ORIGINS[path]
    return "model" if fields.get("provider") else "unknown"


def cost(fields: Mapping[str, Any]) -> str:
    """Return what a document's answer cost, in the currency of its prices.

    >>> cost({"usage": {"cost": "0.00047", "currency": "USD"}}), cost({"usage": None})
    ('0.00047 USD', '–')
    """
    usage = fields.get("usage")
    if not isinstance(usage, Mapping) or usage.get("cost") is None:
        return "–"
    return f"{plain(usage['cost'])} {plain(usage.get('currency'))}"


def fact_table(fields: Mapping[str, Any], words: Words) -> pd.DataFrame:
    """Return what stands beside a note's text: who wrote it, when, at what cost, which side."""
    direction = fields.get("direction")
    known = direction if direction in ("up", "down", "none") else None
    facts = {
        "origin": words(f"analyst.origins.{origin(fields)}"),
        "provider": plain(fields.get("provider")),
        "model": plain(fields.get("model")),
        "cost": cost(fields),
        "direction": words(f"analyst.directions.{known}") if known else "–",
        "language": plain(fields.get("language")),
        "created": plain(fields.get("created_at")),
        "prompt": plain(fields.get("prompt_version")),
    }
    kept = {name: text for name, text in facts.items() if text != "–"}
    return _two_columns([(words(f"analyst.{name}"), text) for name, text in kept.items()], words)


def input_table(fields: Mapping[str, Any], words: Words) -> pd.DataFrame:
    """Return what a note was written from; empty where the document does not hold it."""
    found = fields.get("inputs")
    return _two_columns(field_rows(found) if isinstance(found, Mapping) else [], words)


def analysis_table(batches: Sequence[Mapping[str, Any]], words: Words) -> pd.DataFrame:
    """Return a line per analysis of the batches, newest first, at most `MOST_ROWS`."""
    entries = [one for batch in reversed(batches) for one in reversed(_entries(batch))]
    rows = [
        {
            words("analyst.created"): plain(one.get("at")),
            words("analyst.market"): plain(one.get("market")),
            words("analyst.scene"): plain(one.get("scene_reason")),
            words("analyst.origin"): words(f"analyst.origins.{origin(one)}"),
            words("analyst.model"): plain(one.get("model")),
            words("analyst.signal"): plain(one.get("signal")),
            words("analyst.confidence"): plain(one.get("confidence")),
            words("analyst.cost"): cost(one),
            words("analyst.reason"): plain(one.get("fallback_reason")),
        }
        for one in entries[:MOST_ROWS]
    ]
    return pd.DataFrame(rows)


def _entries(batch: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = batch.get("entries")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _two_columns(rows: Sequence[tuple[str, str]], words: Words) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=[words("analyst.field"), words("analyst.value")])
