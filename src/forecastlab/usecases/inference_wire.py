"""The client's side of `contracts.wire_schema`: one as-of asked, every member's answer read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import pandas as pd

from forecastlab.contracts.canonical import Json
from forecastlab.contracts.degradations import SERVER
from forecastlab.contracts.errors import RemoteFailed
from forecastlab.contracts.inference import ANOTHER_BUNDLE, MALFORMED, NOT_ASKED
from forecastlab.contracts.wire_schema import WireSchema, split_features, wire_schema, wire_table
from forecastlab.models.ensemble import Forecaster
from forecastlab.usecases.open_bundle import OpenBundle

SENT_ROWS: Final = 96
"""Rows of each feature set that a server is sent, or all if there are fewer."""

_SHOWN: Final = 12
"""Hexadecimal digits that tell one digest from another."""


def question(
    bundle: OpenBundle,
    rows: Mapping[str, pd.DataFrame],
    opens: pd.DatetimeIndex,
    absent: Mapping[str, str],
) -> bytes:
    """Return the body of a request about the newest row.

    Raises:
        RemoteFailed: the wire has no words for it: columns are missing at the as-of, several
            as-ofs are asked about, or a forecast has more than two classes.
    """
    schema = _schema(bundle, absent)
    # Rows and not candles: beside a hole there is none, and a window reaches farther back.
    table = wire_table(schema, {name: one.iloc[-SENT_ROWS:] for name, one in rows.items()})
    if list(opens) != list(table.index[-1:]):
        raise _failed(NOT_ASKED, "another as-of than the newest row's")
    document = {
        "schema": schema.name,
        "sell_score": 0.0,
        "buy_score": 0.0,
        "features": split_features(table),
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def read_answer(
    document: Mapping[str, Json], bundle: OpenBundle, opens: pd.DatetimeIndex
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return candidate -> member -> probabilities, index `opens`, columns the classes.

    Members that the server skipped are left out.

    Raises:
        RemoteFailed: it is no answer, that of another bundle or of other columns, or a value in it
            is no probability.
    """
    if document.get("success") is not True:
        raise _failed(MALFORMED, "no success")
    stated = _object(document.get("bundle"), "bundle").get("digest")
    if stated != bundle.files.digest:
        raise _failed(ANOTHER_BUNDLE, _short(stated))
    if document.get("schema") != wire_schema(bundle.files.manifest).name:
        raise _failed(ANOTHER_BUNDLE, "other columns")
    heads = _object(document.get("heads"), "heads")
    return {
        name: _members(name, forecaster, _object(heads.get(name), name), opens)
        for name, forecaster in bundle.forecasters.items()
    }


def _schema(bundle: OpenBundle, absent: Mapping[str, str]) -> WireSchema:
    if absent:
        raise _failed(NOT_ASKED, f"no row of {', '.join(sorted(absent))}")
    if any(len(one.rule.classes) != 2 for one in bundle.forecasters.values()):
        raise _failed(NOT_ASKED, "more than two classes")
    return wire_schema(bundle.files.manifest)


def _members(
    candidate: str, forecaster: Forecaster, head: Mapping[str, Json], opens: pd.DatetimeIndex
) -> dict[str, pd.DataFrame]:
    below, above = forecaster.rule.classes
    said = _object(head.get("members"), f"{candidate}.members")
    tables = {}
    for name in forecaster.members:
        if name in said:
            up = _probability(said[name], f"{candidate}.{name}")
            tables[name] = pd.DataFrame({below: 1.0 - up, above: up}, index=opens)
    return tables


def _probability(value: Json, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _failed(MALFORMED, f"{what} is no probability")
    return float(value)


def _object(value: Json, what: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _failed(MALFORMED, f"without {what}")
    return value


def _short(stated: Json) -> str:
    """Return what is shown of a digest that a stranger states."""
    text = stated.removeprefix("sha256:")[:_SHOWN] if isinstance(stated, str) else ""
    return text if text.isalnum() and text.isascii() else "no digest"


def _failed(kind: str, why: str) -> RemoteFailed:
    return RemoteFailed(
        SERVER[kind].says(why=why), remedy="The forecast was computed here.", kind=kind
    )
