"""Every text that says what an answer went on without has its kind, and only one home."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from forecastlab.contracts.degradations import CATALOGUE, Degradation
from forecastlab.contracts.errors import ForecastLabError
from forecastlab.contracts.inference import POLICY
from tests.support.imports import sources

KINDS = tuple(dict.fromkeys(one for kinds in CATALOGUE.values() for one in kinds))

HOME = "forecastlab.contracts.degradations"

MADE_UP = re.compile(r"^(?:[a-z_]+: )?[a-z][a-z0-9]*(?:_[a-z0-9]+)+\($")
"""How a text begins that names a kind and then its particulars."""

OTHERS = {"forecastlab.models.direction_formula"}
"""Modules whose texts of that form say what was decided, not what was missing."""


def pattern(one: Degradation) -> re.Pattern[str]:
    parts = re.split(r"\{\w+\}", one.form)
    return re.compile(".+".join(map(re.escape, parts)))


def made_up(modules: dict[str, str]) -> Iterator[str]:
    """Find f-strings that begin as a kind of degradation does, outside of the catalogue."""
    for name, source in modules.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                first = str(node.values[0].value)
                if MADE_UP.match(first) and name not in {HOME, *OTHERS}:
                    yield f"{name}:{node.lineno} {first}…"


@pytest.mark.parametrize("one", KINDS, ids=lambda one: one.word)
def test_the_example_is_one(one: Degradation) -> None:
    assert pattern(one).search(one.example)
    assert one.missing
    assert one.answer


def test_forms_differ() -> None:
    forms = [one.form for one in KINDS]
    assert len(set(forms)) == len(forms) - 2, "a server and a model may both refuse or garble"


def test_what_ends_a_command_answers_nothing() -> None:
    codes = {one.exit_code for one in _tree(ForecastLabError)}
    for one in KINDS:
        assert (one.answer == "nothing") == (one.exit_code != 0)
        assert one.exit_code in {0, *codes}


def test_every_failure_that_opens_the_breaker_is_told_of() -> None:
    told = {one.word for one in CATALOGUE["server"]}
    assert set(POLICY.limits) <= told


def test_no_text_is_made_elsewhere() -> None:
    assert list(made_up(sources("src"))) == []


@pytest.mark.parametrize("text", ["too_few_rows({n}<9)", "ladder: no_rows_left({n})"])
def test_a_text_that_is_made_elsewhere_is_found(text: str) -> None:
    assert len(list(made_up({"forecastlab.usecases.x": f'why = f"{text}"'}))) == 1


def _tree(kind: type[ForecastLabError]) -> Iterator[type[ForecastLabError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _tree(one)
