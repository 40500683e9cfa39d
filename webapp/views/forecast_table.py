"""Forecasts as text: what hovers over a marker, a table to read, a file to take away."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from webapp.read_model.ledger import classes_in
from webapp.views.candidates import set_in_words, signed_name
from webapp.views.wording import Words, escaped, percent

_FORMULA: Final = frozenset("=+-@\t\r")
"""First characters of a cell that a spreadsheet would compute."""


def hover_text(row: Mapping[Any, Any], classes: Sequence[int], words: Words) -> str:
    """Return all that a forecast says, as plotly shows it; data in it is escaped."""
    shares = [
        f"{signed_name(label, classes, words)}: {percent(row[f'p[{label}]'])}"
        f" ({percent(row[f'base[{label}]'])})"
        for label in classes
    ]
    lines = [
        f"<b>{escaped(row['candidate'])}</b> {escaped(row['asof'])}",
        *shares,
        words(f"modes.{row['kind']}") + f" · {escaped(row['bundle'])}",
        words("history.resolves", day=row["resolves_on"]),
    ]
    if row["set_labels"] is not None:
        labels = set_in_words(row["set_labels"], classes, words)
        lines.insert(-2, words("today.set_line", level=percent(row["set_level"], 0), labels=labels))
    if row["call"]:
        lines.insert(1, words(f"calls.{row['call']}"))
    if not math.isnan(row["label"]):
        name = signed_name(int(row["label"]), classes, words)
        lines.append(words("history.happened_line", name=name))
    if row["degraded"]:
        lines.append(escaped(row["degraded"]))
    return "<br>".join(lines)


def forecast_table(rows: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return forecasts as a table to read, newest first."""
    classes = classes_in(rows)
    shown = rows.iloc[::-1]
    table = pd.DataFrame(
        {
            words("history.asof"): shown["asof"],
            words("history.candidate"): shown["candidate"],
            words("history.kind"): [words(f"modes.{kind}") for kind in shown["kind"]],
        }
    )
    for label in classes:
        table[signed_name(label, classes, words)] = shown[f"p[{label}]"]
    table[words("today.label")] = _names(shown["pred_label"], classes, words)
    table[words("history.happened")] = _names(shown["label"], classes, words)
    return table.reset_index(drop=True)


def exported(rows: pd.DataFrame) -> bytes:
    r"""Return forecasts as CSV: field names as in the records, no prices.

    >>> exported(pd.DataFrame({"asof": ["2025-09-30"], "close": [1.0], "bundle": ["=1+1"]}))
    b"asof,bundle\r\n2025-09-30,'=1+1\r\n"
    """
    table = rows.drop(columns=["close"], errors="ignore").copy()
    if "set_labels" in table:
        table["set_labels"] = [
            "" if labels is None else " ".join(map(str, labels)) for labels in table["set_labels"]
        ]
    for column in ("bundle", "candidate", "method", "degraded"):
        if column in table:
            table[column] = table[column].map(_harmless)
    return table.to_csv(index=False, lineterminator="\r\n").encode()


def _names(labels: pd.Series, classes: Sequence[int], words: Words) -> list[str]:
    return ["" if pd.isna(label) else signed_name(int(label), classes, words) for label in labels]


def _harmless(cell: object) -> object:
    """Mark a text that a spreadsheet would compute."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA else cell
