"""docs/acceptance.md: each point names tests that exist and run, and commands that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from typer.main import get_command

from forecastlab.cli import program
from tests.support.imports import ROOT

PAGE: Final = re.sub(
    r"<!--.*?-->", "", (ROOT / "docs" / "acceptance.md").read_text(encoding="utf-8")
)
"""The page without the marks of its generated numbers."""

POINTS: Final = {
    "On a machine": 4,
    "In the cloud": 5,
    "Before another bundle is brought": 5,
    "While it is brought": 4,
    "In shadow": 5,
    "When it is to speak": 4,
    "What may be wrong with a model": 3,
    "What keeps that small": 4,
    "The way back": 3,
}
"""Section -> how many points were agreed on."""

NEVER: Final = re.compile(r"^pytest\.(mark\.skip\b(?!if)|mark\.xfail|skip\()")
"""What keeps a test from running wherever it is."""


class Point(NamedTuple):
    """One line of a table."""

    section: str
    point: str
    run: str
    tests: tuple[str, ...]


def read(page: str) -> Iterator[Point]:
    """Read the lines of all tables."""
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if line.startswith("| ") and cells[0] != "point":
                point, run, shown = cells
                yield Point(title, point, run, tuple(re.findall(r"`(tests/[^`]+)`", shown)))


ALL: Final = tuple(read(PAGE))


@lru_cache(maxsize=64)
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def trouble(test: str, root: Path = ROOT) -> str | None:
    """Say why a test would not be run, or None."""
    file, _, name = test.partition("::")
    path = root / file
    if not (path.is_file() and path.name.startswith("test_")):
        return f"there is no {file}"
    tree = parsed(path)
    there = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    if name not in there or not name.startswith("test_"):
        return f"{file} has no {name}"
    first = [one for one in there[name].body if isinstance(one, ast.Expr)][:2]
    marks = [one.value for one in tree.body if _is_mark(one)]
    stops = [*there[name].decorator_list, *(one.value for one in first), *marks]
    if any(NEVER.match(ast.unparse(one).lstrip("[")) for one in stops):
        return f"{test} is never run"
    return None


def _is_mark(one: ast.stmt) -> bool:
    return isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "pytestmark"


def test_the_lists_are_whole() -> None:
    found = [one.section for one in ALL]
    assert {title: found.count(title) for title in POINTS} == POINTS
    assert set(found) == set(POINTS)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.point[:40])
def test_each_point_has_its_tests(one: Point) -> None:
    assert one.tests, f"nothing shows: {one.point}"
    assert [found for test in one.tests if (found := trouble(test))] == []


def test_commands_exist() -> None:
    commands = get_command(program()).commands  # type: ignore[attr-defined]
    code = " ".join(re.findall(r"`[^`]+`", PAGE))
    named = re.findall(r"\bforecastlab ([a-z-]+)(?: ([a-z-]+))?", code)
    assert len(named) > 20
    for verb, below in named:
        assert verb in commands, verb
        group = getattr(commands[verb], "commands", None)
        assert group is None or below in group, f"{verb} {below}"
    targets = re.findall(r"`make ([a-z]+)`", PAGE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets and all(f"\n{one}: " in makefile for one in targets)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    assert "(acceptance.md)" in (ROOT / "docs" / "cloud.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def test_other(): pass", "has no test_it"),
        ("@pytest.mark.skip\ndef test_it(): pass", "never run"),
        ("@pytest.mark.skip(reason='later')\ndef test_it(): pass", "never run"),
        ("def test_it():\n    'why'\n    pytest.skip('later')", "never run"),
        ("pytestmark = [pytest.mark.xfail]\ndef test_it(): pass", "never run"),
    ],
)
def test_a_test_that_is_never_run_is_found(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "test_one.py").write_text(source, encoding="utf-8")
    parsed.cache_clear()
    assert said in (trouble("test_one.py::test_it", tmp_path) or "")
    (tmp_path / "test_one.py").write_text(
        "@pytest.mark.skipif(missing, reason='x')\ndef test_it(): pass", encoding="utf-8"
    )
    parsed.cache_clear()
    assert trouble("test_one.py::test_it", tmp_path) is None
