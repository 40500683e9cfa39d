"""The analyst's words: a note's text, where it came from, what it cost, what it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from webapp.views.documents import field_rows, first_of, plain
from webapp.views.wording import Words

_TEXT: Final = ("note", "text", "content", "summary", "analysis", "answer", "reasoning")
_MODEL: Final = ("model_id", "model", "returned_model", "model_name")
_COST: Final = ("cost_usd", "cost", "total_cost", "price")
_ORIGIN: Final = ("path", "origin", "source", "answered_by", "provider", "method")
_INPUTS: Final = ("inputs", "input", "request", "features", "given")
_SCENE: Final = ("scene", "scene_type", "scenario")
_NESTED: Final = ("answer", "analysis", "result", "response", "usage", "meta", "metadata")
"""Documents inside a note that may hold what its top level does not."""

_RULES: Final = ("rule", "local", "fallback")
_LLM: Final = ("llm", "model", "remote", "deepseek", "claude", "gemini", "openai")


def note_text(fields: Mapping[str, Any]) -> str:
    """Return what a note says; empty where no field holds a text.

    >>> note_text({"answer": {"summary": "Quiet."}}), note_text({})
    ('Quiet.', '')
    """
    texts = (document.get(name) for document in _inside(fields) for name in _TEXT)
    return next((text for text in texts if isinstance(text, str) and text.strip()), "")


def origin(fields: Mapping[str, Any]) -> str:
    """Return where a note came from: cache, rules or model; unknown where it does not say.

    >>> origin({"cached": True, "path": "llm"}), origin({"path": "local_rules"}), origin({})
    ('cache', 'rules', 'unknown')
    """
    if fields.get("cached") is True or fields.get("cache_hit") is True:
        return "cache"
    for document in _inside(fields):
        said = str(first_of(document, _ORIGIN) or "").lower()
        if "cache" in said:
            return "cache"
        if any(word in said for word in _RULES):
            return "rules"
        if any(word in said for word in _LLM):
            return "model"
    return "model" if _found(fields, _MODEL) else "unknown"


def fact_table(fields: Mapping[str, Any], words: Words) -> pd.DataFrame:
    """Return what stands beside a note's text: origin, model, cost, scene, tokens."""
    facts = {
        "origin": words(f"analyst.origins.{origin(fields)}"),
        "model": plain(_found(fields, _MODEL)),
        "cost": _cost(fields),
        "scene": plain(_found(fields, _SCENE)),
        "language": plain(_found(fields, ("language", "lang"))),
        "created": plain(_found(fields, ("created_at", "at", "timestamp"))),
        "prompt": plain(_found(fields, ("prompt_version",))),
    }
    kept = {name: text for name, text in facts.items() if text != "–"}
    return _two_columns([(words(f"analyst.{name}"), text) for name, text in kept.items()], words)


def input_table(fields: Mapping[str, Any], words: Words) -> pd.DataFrame:
    """Return what a note was written from; empty where the document does not hold it."""
    found = _found(fields, _INPUTS)
    return _two_columns(field_rows(found) if isinstance(found, Mapping) else [], words)


def analysis_table(
    documents: Sequence[tuple[str, Mapping[str, Any]]], words: Words
) -> pd.DataFrame:
    """Return a line per stored analysis, newest first."""
    rows = [
        {
            words("analyst.name"): name,
            words("analyst.scene"): plain(_found(fields, _SCENE)),
            words("analyst.origin"): words(f"analyst.origins.{origin(fields)}"),
            words("analyst.model"): plain(_found(fields, _MODEL)),
            words("analyst.cost"): _cost(fields),
        }
        for name, fields in reversed(documents)
    ]
    return pd.DataFrame(rows)


def _cost(fields: Mapping[str, Any]) -> str:
    found = _found(fields, _COST)
    return plain(found) if found is None else f"{plain(found)} USD"


def _found(fields: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next(
        (
            one
            for one in (first_of(document, names) for document in _inside(fields))
            if one is not None
        ),
        None,
    )


def _inside(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    nested = [fields[name] for name in _NESTED if isinstance(fields.get(name), Mapping)]
    return [fields, *nested]


def _two_columns(rows: Sequence[tuple[str, str]], words: Words) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=[words("analyst.field"), words("analyst.value")])
