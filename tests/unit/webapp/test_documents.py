"""Documents of any schema: shown field by field, bounded, and without anything that acts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.analysis_log import Note
from tests.support.dashboard_documents import HEALTH, analyses, explanation, note
from webapp.views.contributions import (
    MOST_BARS,
    contribution_figure,
    not_explained,
    read_explanation,
    scores,
)
from webapp.views.documents import MOST_FIELDS, field_rows, paragraphs, tame
from webapp.views.health import rest, step_table
from webapp.views.notes import (
    MOST_ROWS,
    analysis_table,
    fact_table,
    input_table,
    note_text,
    origin,
)
from webapp.views.wording import Words

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
DOCUMENT = st.dictionaries(st.text(), JSON)
NAMED = st.dictionaries(
    st.sampled_from(
        ["text", "model", "path", "provider", "direction", "inputs", "usage", "entries", "at"]
    ),
    JSON,
)


@given(DOCUMENT | NAMED)
def test_any_document_can_be_shown(fields: dict[str, Any]) -> None:
    words = Words("en", {})
    assert all(isinstance(value, str) for _, value in field_rows(fields))
    assert isinstance(note_text(fields), str)
    assert origin(fields) in {"model", "rules", "fallback", "unknown"}
    assert list(fact_table(fields, words).columns) == ["analyst.field", "analyst.value"]
    analysis_table([fields], words)
    assert len(analysis_table([{"entries": [fields, "no entry"]}], words)) == 1
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
        ({"path": "llm", "provider": "deepseek"}, "model"),
        ({"path": "local", "provider": None}, "rules"),
        ({"path": "fallback", "model": "local_simple"}, "fallback"),
        ({"provider": "claude"}, "model"),
        ({"path": ["llm"]}, "unknown"),
        ({"text": "x"}, "unknown"),
    ],
)
def test_where_a_note_came_from(fields: dict[str, Any], came_from: str) -> None:
    assert origin(fields) == came_from


def test_a_note_is_shown_by_the_schema_that_it_is_stored_by(words: Words) -> None:
    stored = Note.model_validate(note("2025-09-30")).model_dump(mode="json")
    assert note_text(stored) == stored["text"]
    facts = dict(fact_table(stored, words).itertuples(index=False, name=None))
    assert facts == {
        words("analyst.origin"): words("analyst.origins.model"),
        words("analyst.provider"): "deepseek",
        words("analyst.model"): "deepseek-flash",
        words("analyst.cost"): "0.00047 USD",
        words("analyst.direction"): words("analyst.directions.none"),
        words("analyst.language"): "en",
        words("analyst.created"): "2025-10-01T00:06:00Z",
        words("analyst.prompt"): "note-2",
    }
    assert "regime" in set(input_table(stored, words)[words("analyst.field")])


def test_each_analysis_of_a_batch_is_a_line_the_newest_first(words: Words) -> None:
    batch = analyses(datetime(2025, 10, 1, 0, 5, tzinfo=UTC))
    older = analyses(datetime(2025, 9, 30, tzinfo=UTC))
    table = analysis_table([older, batch], words)
    assert len(table) == 6
    assert list(table[words("analyst.signal")]) == ["HOLD", "BUY", "SELL"] * 2
    assert list(table[words("analyst.cost")])[:3] == ["–", "0.00047 USD", "–"]
    assert table[words("analyst.reason")][0] == "outage(503)"
    assert table[words("analyst.origin")][0] == words("analyst.origins.fallback")
    assert table[words("analyst.created")][0] == "2025-10-01T00:05:00Z"
    assert len(analysis_table([batch] * 300, words)) == MOST_ROWS


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
