"""What an inference server says, from the members here: honest, or with a lie laid over it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from forecastlab.contracts.canonical import Json, parse_document
from forecastlab.contracts.errors import RemoteFailed
from forecastlab.contracts.wire_schema import WireSchema, wire_schema
from forecastlab.usecases.inference import Local
from forecastlab.usecases.open_bundle import OpenBundle
from tests.support.faulty_http import Reply, Request, Respond, json_reply

Document = dict[str, Any]
Change = Callable[[Document], object]
"""Changes an answer in place."""


def honest_answer(bundle: OpenBundle, request: Mapping[str, Any]) -> Document:
    """Answer a request as the wire's contract says."""
    schema = wire_schema(bundle.files.manifest)
    assert request["schema"] == schema.name
    rows = _rows(schema, request["features"])
    asof = max(table.index[-1] for table in rows.values())
    said = Local().answers(bundle, rows, pd.DatetimeIndex([asof]), {})
    heads = {
        name: {
            "bull_prob": 0.5,
            "members": {member: float(table[1].iloc[0]) for member, table in members.items()},
            "skipped": dict(said.skipped[name]),
        }
        for name, members in said.tables.items()
    }
    reference = {"name": bundle.files.name, "digest": bundle.files.digest}
    return {
        "success": True,
        "bull_prob": 0.5,
        "bundle": reference,
        "schema": schema.name,
        "heads": heads,
    }


def responder(bundle: OpenBundle) -> Respond:
    """Return what an honest server does with a request."""

    def respond(request: Request) -> Reply:
        assert (request.method, request.path) == ("POST", "/predict")
        return json_reply(honest_answer(bundle, json.loads(request.body)))

    return respond


class Scripted:
    """An `InferenceServer` in this process that changes its honest answers, or fails.

    Attributes:
        questions: what it was asked, oldest first.
    """

    address = "http://scripted"

    def __init__(self, bundle: OpenBundle, change: Change | RemoteFailed | None = None) -> None:
        self._bundle = bundle
        self.change = change
        self.questions: list[Document] = []

    def ask(self, question: bytes) -> dict[str, Json]:
        """Answer."""
        self.questions.append(json.loads(question))
        if isinstance(self.change, RemoteFailed):
            raise self.change
        answer = honest_answer(self._bundle, self.questions[-1])
        if self.change is not None:
            self.change(answer)
        return parse_document(json.dumps(answer).encode(), what="the answer")


def moved(candidate: str, member: str, by: float) -> Change:
    """Return a lie: one member's probability, moved."""

    def change(answer: Document) -> None:
        answer["heads"][candidate]["members"][member] += by

    return change


def _rows(schema: WireSchema, features: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    opens = pd.DatetimeIndex(pd.to_datetime(features["index"], unit="ms", utc=True))
    table = pd.DataFrame(features["data"], index=opens, columns=features["columns"], dtype=float)
    assert tuple(table.columns) == schema.columns
    return {
        name: table[list(columns)].set_axis(list(schema.own[name]), axis=1).dropna()
        for name, columns in schema.sets.items()
    }
