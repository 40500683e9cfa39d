"""An LLM's words are taken only as the strict document that was asked for."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.analyst.answers import parse_answer, parse_note, plain
from forecastlab.analyst.cost import cost
from forecastlab.contracts.analysis import REASONING
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.llm import Hours, Prices, Tokens

GOOD = {
    "signal": "BUY",
    "confidence": 62,
    "position_size": 0.2,
    "stop_loss": -2.5,
    "take_profit": 5,
    "reasoning": "Oversold.",
}


def said(**changed: Any) -> str:
    return json.dumps({**GOOD, **changed})


def test_a_good_answer() -> None:
    found = parse_answer(said())
    assert (found.signal, found.confidence, found.stop, found.take) == ("BUY", 62, -0.025, 0.05)


@pytest.mark.parametrize(
    "text",
    [
        *("", "   \n", "BUY", "[]", "null", '{"signal": "BUY"', said()[:-5], "[" * 100_000),
        said(confidence="62"),
        said(confidence=True),
        said(confidence=float("nan")),
        said(confidence=float("inf")),
        said(confidence=101),
        said(confidence=-1),
        said(position_size=1.5),
        said(position_size=None),
        said(signal="STRONG BUY"),
        said(signal=1),
        said(reasoning=["x"]),
        said(stop_loss=2.5),
        said(take_profit=-5),
        said(stop_loss=0),
        said(take_profit=25),
        said(stop_loss="-2"),
        said(stop_loss=-1e-9),
        said(take_profit=0.001),
        said(confidence=10**400),
        said(signal=["BUY"]),
        said(signal={"BUY": 1}),
        said(signal="HOLD", stop_loss="near", take_profit=None),
        said()[:-1] + ', "signal": "SELL"}',
        said(signal="SELL"),
        *(
            json.dumps({key: value for key, value in GOOD.items() if key != missing})
            for missing in GOOD
        ),
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(DataMalformed, match="refused"):
        parse_answer(text)


def test_the_refusal_quotes_nothing() -> None:
    with pytest.raises(DataMalformed) as caught:
        parse_answer(said(reasoning=["sk-secret-0123456789"]))
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(("told", "kept"), [(57, 57), (57.6, 58), (28.9999999, 29)])
def test_confidence_is_rounded_and_not_cut(told: float, kept: int) -> None:
    assert parse_answer(said(confidence=told)).confidence == kept


def test_hold_has_no_levels() -> None:
    found = parse_answer(said(signal="HOLD"))
    assert (found.stop, found.take) == (None, None)


def test_text_is_bounded_and_plain() -> None:
    assert len(parse_answer(said(reasoning="x" * 9_999)).reasoning) == REASONING
    assert plain("a\x00b\x1b[2J\nc") == "ab[2J c"


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    for parse in (parse_answer, parse_note):
        with pytest.raises(DataMalformed):
            parse(text)


def test_notes() -> None:
    assert parse_note('{"note": " Quiet\\nday. ", "direction": "up"}') == ("Quiet day.", "up")
    for text in (
        '{"note": "", "direction": "up"}',
        '{"note": "\\u200b", "direction": "up"}',
        '{"note": "x", "direction": "sideways"}',
        '{"note": "x", "direction": ["up"]}',
        '{"note": "x", "note": "y", "direction": "up"}',
    ):
        with pytest.raises(DataMalformed):
            parse_note(text)


FLASH = Prices(
    currency="USD",
    cached_input=Decimal("0.003"),
    input=Decimal("0.15"),
    output=Decimal("0.60"),
    peak=(Hours(start=time(1), end=time(4)), Hours(start=time(6), end=time(10))),
    peak_factor=Decimal(2),
    stated=date(2026, 10, 1),
)
TOKENS = Tokens(cached=500, input=1500, output=400)


@pytest.mark.parametrize(
    ("at", "factor"),
    [
        (datetime(2026, 11, 20, 0, 5, tzinfo=UTC), 1),  # the morning run is off-peak
        (datetime(2026, 11, 20, 1, 0, tzinfo=UTC), 2),
        (datetime(2026, 11, 20, 4, 0, tzinfo=UTC), 1),
        (datetime(2026, 11, 21, 1, 0, tzinfo=UTC), 1),  # a Saturday
    ],
)
def test_peak_hours(at: datetime, factor: int) -> None:
    assert cost(TOKENS, FLASH, at) == factor * Decimal("0.0003915")


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7))
def test_costs_add_up_exactly(cached: int, fresh: int, output: int) -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    whole = cost(Tokens(cached, cached + fresh, output), FLASH, at)
    parts = (Tokens(cached, cached, 0), Tokens(0, fresh, 0), Tokens(0, 0, output))
    assert whole == sum(cost(part, FLASH, at) for part in parts)


def test_more_cached_tokens_than_there_are() -> None:
    with pytest.raises(ValueError, match="no tokens"):
        cost(Tokens(cached=2, input=1, output=0), FLASH, datetime(2026, 11, 21, tzinfo=UTC))
