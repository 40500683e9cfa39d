"""What reaches a reader's browser: choices of an address, texts and tables of a store."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

import webapp.frame
from tests.support.fuzzing import ODD, damaged, json_values, survived, tries
from webapp.languages import LANGUAGES
from webapp.read_model.deployment import read_table
from webapp.views.documents import field_rows, paragraphs, tame
from webapp.views.wording import escaped, literal

OPTIONS: Final = ("flow_T21X8_T14X8", "direction_1h_BTCUSDT")
HOSTILE: Final = (
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)"),
    *("[a](javascript:alert(1))", "![x](http://a/b.png)", "<http://a>", "http://a.b/c", "www.a.b"),
    *("$\\href{http://a}{x}$", ":red[x]", "`x`", "**x**", "# x", "> x", "- x", "1. x", "a\n===\n"),
    *("[a]: http://b\n\n[a]", "&lt;b&gt;", "\\[a\\](b)", "```\nx\n```", "|a|b|\n|-|-|\n|c|d|"),
)
TEXTS: Final = st.text(max_size=40) | st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join)
PLAIN: Final = {"inline", "paragraph_open", "paragraph_close", "text", "text_special", "softbreak"}


def tokens(markdown: str) -> list[Token]:
    """Return all tokens of a text, those inside of others too."""
    found = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    return [inner for one in found for inner in (one, *(one.children or ()))]


@tries(60)
@given(text=TEXTS)
def test_data_is_shown_letter_by_letter(text: str) -> None:
    assert {one.type for one in tokens(literal(text))} <= PLAIN
    assert {one.type for one in tokens(paragraphs(text))} <= PLAIN
    assert not {"<", ">", '"', "'"} & set(escaped(text))


@tries(60)
@given(text=TEXTS)
def test_a_card_of_the_store_calls_nobody(text: str) -> None:
    """Only an address that is written out is a link; HTML is shown as text by the page."""
    alive = [one for one in tokens(tame(text)) if one.markup != "autolink"]
    assert not {"image", "link_open"} & {one.type for one in alive}


@tries(50)
@given(
    given_there=json_values() | st.sampled_from(OPTIONS),
    address=TEXTS | st.sampled_from(OPTIONS) | st.none(),
)
def test_an_address_chooses_among_what_there_is(given_there: Any, address: str | None) -> None:
    asked = {} if address is None else {"deployment": address, "language": address}
    fake = SimpleNamespace(
        session_state={"deployment": given_there},
        query_params=asked,
        context=SimpleNamespace(locale=address, timezone=address),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webapp.frame, "st", fake)
        assert webapp.frame.chosen("deployment", OPTIONS) in OPTIONS
        assert webapp.frame.chosen_language() in LANGUAGES
        for name in webapp.frame.zones():
            ZoneInfo(name)


@tries(30)
@given(value=json_values())
def test_a_document_of_any_fields_has_rows(value: Any) -> None:
    rows = field_rows({"a": value})
    assert all(isinstance(name, str) and isinstance(text, str) for name, text in rows)


TABLE: Final = pd.DataFrame({"a": np.arange(5.0), "b": list("vwxyz")})
CSV: Final = TABLE.to_csv(index=False).encode()


def parquet() -> bytes:
    buffer = io.BytesIO()
    TABLE.to_parquet(buffer)
    return buffer.getvalue()


@tries(30)
@given(csv=damaged(CSV, *ODD), packed=damaged(parquet()))
def test_a_table_of_the_store_is_read_or_refused(csv: bytes, packed: bytes) -> None:
    survived(read_table, csv, "backtest/a.csv")
    survived(read_table, packed, "backtest/a.parquet")
