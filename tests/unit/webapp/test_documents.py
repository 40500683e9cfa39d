"""Documents of any schema: shown field by field, bounded, and without anything that acts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.dashboard_documents import HEALTH, explanation
from webapp.views.contributions import (
    MOST_BARS,
    contribution_figure,
    not_explained,
    read_explanation,
    scores,
)
from webapp.views.documents import MOST_FIELDS, field_rows, paragraphs, tame
from webapp.views.health import rest, step_table
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
    assert read_explanation(fields) is None


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


def test_an_explanation_shows_each_score_the_published_ones_first() -> None:
    fields = explanation("2025-09-30")
    candidate = fields["candidates"]["T21_X8"]
    candidate["members"]["xgboost"] = candidate["members"]["lightgbm"]
    candidate["method"] = "xgboost"
    found = read_explanation(fields)
    assert found is not None
    shown = scores(found)
    assert list(shown) == [
        "T21_X8 · xgboost · -1",
        "T21_X8 · xgboost · 1",
        "T21_X8 · lightgbm · -1",
        "T21_X8 · lightgbm · 1",
    ]
    one = shown["T21_X8 · xgboost · 1"]
    assert one.base + sum(one.columns.values()) == pytest.approx(one.raw)
    assert not_explained(found) == [("T21_X8 · lstm", "it is a network that reads sequences")]


def test_an_explanation_that_does_not_sum_or_is_newer_is_none() -> None:
    fields = explanation("2025-09-30")
    assert read_explanation({**fields, "schema_version": 2}) is None
    fields["candidates"]["T21_X8"]["members"]["lightgbm"]["raw"]["1"] += 0.01
    assert read_explanation(fields) is None


def test_a_health_check_shows_its_marks_and_never_an_unknown_one_as_passed(words: Words) -> None:
    unknown = {"name": "new", "mark": "splendid"}
    table = step_table({**HEALTH, "steps": [*HEALTH["steps"], unknown]}, words)
    assert table is not None
    assert table[words("operations.step")].tolist() == [
        "✓ files",
        "✗ order",
        "– pipeline",
        "? new",
    ]
    assert list(rest(HEALTH)) == ["passed", "bundle", "reading"]


@given(DOCUMENT | st.fixed_dictionaries({"steps": st.lists(DOCUMENT | JSON)}))
def test_any_document_may_stand_where_a_health_check_should(fields: dict[str, Any]) -> None:
    table = step_table(fields, Words("en", {}))
    assert table is None or len(table) == len(fields["steps"])


def test_names_of_features_are_escaped(words: Words) -> None:
    figure = contribution_figure({"<b>x</b>": 1.0, "y": 2.0}, words)
    assert "<b>" not in "".join(figure.data[0].y)
