"""Every text exists in every language, with the same values, and every text that is asked for."""

from __future__ import annotations

import ast
import string

import pytest

from tests.support.imports import sources
from webapp.languages import LANGUAGES, words_of


def asked(source: str) -> list[str]:
    """Return the keys of every `words("…")`; of an f-string the part before its first value."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        called = ast.unparse(node.func)
        if called.rpartition(".")[2] == "words":
            found += _keys(node.args[0])
    return found


def _keys(argument: ast.expr) -> list[str]:
    if isinstance(argument, ast.Constant):
        return [str(argument.value)]
    if isinstance(argument, ast.IfExp):
        return [*_keys(argument.body), *_keys(argument.orelse)]
    if isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
        return [f"{argument.values[0].value}*"]
    return []


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_languages_have_the_same_texts() -> None:
    first, *others = (words_of(code).texts for code in LANGUAGES)
    for other in others:
        assert set(other) == set(first)
        assert {key: placeholders(text) for key, text in other.items()} == {
            key: placeholders(text) for key, text in first.items()
        }


def test_no_sentence_is_left_untranslated() -> None:
    english, chinese = words_of("en").texts, words_of("zh").texts
    # Names of one word, as Kappa, are the same in both.
    sentences = {key for key, text in english.items() if " " in text and text.isascii()}
    same = {key for key in sentences if english[key] == chinese[key]}
    assert {key for key in same if any(map(str.isalpha, _plain(english[key])))} == set()


def _plain(text: str) -> str:
    return "".join(part for part, *_ in string.Formatter().parse(text))


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_text_that_is_asked_for_exists(code: str) -> None:
    texts = words_of(code).texts
    missing = set()
    for name, source in sources("webapp").items():
        for key in asked(source):
            known = (
                any(one.startswith(key[:-1]) for one in texts) if key[-1] == "*" else key in texts
            )
            if not known:
                missing.add(f"{name}: {key}")
    assert missing == set()


def test_a_key_that_is_missing_is_found() -> None:
    assert asked('words("a.b"); frame.words(f"c.{x}"); words("d" if y else "e")') == [
        *("a.b", "c.*", "d", "e")
    ]
