"""Documents of any schema: shown field by field, bounded, and without anything that acts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.views.contributions import MOST_BARS, contribution_figure, contribution_tables
from webapp.views.documents import MOST_FIELDS, field_rows, paragraphs, tame
from webapp.views.notes import analysis_table, fact_table, input_table, note_text, origin
from webapp.views.wording import Words

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
DOCUMENT = st.dictionaries(st.text(), JSON)
NAMED = st.dictionaries(
    st.sampled_from(
        ["note", "answer", "model", "cost_usd", "path", "cached", "inputs", "usage", "scene"]
    ),
    JSON,
)


@given(DOCUMENT | NAMED)
def test_any_document_can_be_shown(fields: dict[str, Any]) -> None:
    words = Words("en", {})
    assert all(isinstance(value, str) for _, value in field_rows(fields))
    assert isinstance(note_text(fields), str)
    assert origin(fields) in {"model", "rules", "cache", "unknown"}
    assert list(fact_table(fields, words).columns) == ["analyst.field", "analyst.value"]
    assert len(analysis_table([("one", fields)], words)) == 1
    input_table(fields, words)
    for table in contribution_tables(fields).values():
        contribution_figure(table, words)


def test_a_long_document_is_cut_and_says_so() -> None:
    rows = field_rows({f"field {place}": place for place in range(1000)})
    assert len(rows) == MOST_FIELDS + 1
    assert rows[-1] == ("…", "…")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](http://a.invalid/x.png)", r"\![x\](http://a.invalid/x.png)"),
        ("[x](javascript:alert(1))", r"[x\](javascript:alert(1))"),
        ("[x][1]", r"[x\][1]"),
        ("costs $5 and $6", r"costs \$5 and \$6"),
        (":red[now] :material/lock:", r"\:red[now] \:material/lock:"),
        ("# Head\n\n## Two\n\ntext # none", "#### Head\n\n##### Two\n\ntext # none"),
        ("| a | b |\n|---|--:|\n| **1** | `2` |", "| a | b |\n|---|--:|\n| **1** | `2` |"),
        ("[+0.01, +0.02] against `x`: **better**", "[+0.01, +0.02] against `x`: **better**"),
    ],
)
def test_a_card_keeps_its_form_and_loses_what_acts(text: str, shown: str) -> None:
    assert tame(text) == shown


def test_words_of_a_language_model_are_letters() -> None:
    assert paragraphs("*a*\n\n[b](c)") == "\\*a\\*\n\n\\[b\\]\\(c\\)"


@pytest.mark.parametrize(
    ("fields", "came_from"),
    [
        ({"cached": True, "model": "m"}, "cache"),
        ({"cached": False, "path": "llm"}, "model"),
        ({"path": "redis_cache"}, "cache"),
        ({"source": "local"}, "rules"),
        ({"path": "fallback_rules", "model": "m"}, "rules"),
        ({"model_id": "deepseek-flash"}, "model"),
        ({"metadata": {"provider": "claude"}}, "model"),
        ({"note": "x"}, "unknown"),
    ],
)
def test_where_a_note_came_from(fields: dict[str, Any], came_from: str) -> None:
    assert origin(fields) == came_from


def test_contributions_the_strongest_first_and_the_rest_in_one_bar(words: Words) -> None:
    table = {f"f{place}": (place - 10) / 10 for place in range(20)}
    figure = contribution_figure(table, words)
    bars = figure.data[0]
    assert len(bars.x) == MOST_BARS + 1
    assert bars.y[0] == "f0"
    assert bars.x[0] == -1.0
    assert [abs(one) for one in bars.x[:-1]] == sorted(
        (abs(one) for one in bars.x[:-1]), reverse=True
    )
    assert sum(bars.x) == pytest.approx(sum(table.values()))


def test_contributions_are_found_under_any_name_and_the_named_ones_win() -> None:
    plain = {"T21_X8": {"1": {"a": 1.0, "b": 2.0}}}
    assert list(contribution_tables(plain)) == ["T21_X8 · 1"]
    named = {**plain, "shap": {"a": 0.1, "b": 0.2}}
    assert list(contribution_tables(named)) == ["shap"]
    assert contribution_tables({"a": {"b": float("nan"), "c": True, "d": "x"}}) == {}


def test_names_of_features_are_escaped(words: Words) -> None:
    figure = contribution_figure({"<b>x</b>": 1.0, "y": 2.0}, words)
    assert "<b>" not in "".join(figure.data[0].y)
