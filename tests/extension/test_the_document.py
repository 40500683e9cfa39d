"""docs/architecture.md and the map of the package say what the code says."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

import forecastlab
from forecastlab.contracts import keys
from tests.support.imports import ROOT
from tests.unit.test_layers import ARROWS, PURE

DOCUMENT: Final = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SOURCE: Final = ROOT / "src" / "forecastlab"
MAP: Final = inspect.getdoc(forecastlab) or ""

_PATH: Final = re.compile(r"(?<![\w/.<>])(?:[\w.]+/)+(?:[\w.]+\.\w+)?(?![\w<])")
_LINE_OF: Final = re.compile(r"`(\w+)`[^`]* in `([\w/.]+)`")


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    part = DOCUMENT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def place(path: str) -> Path:
    """Return where a path lies: in the package, in the repository, or beside the document."""
    return next(
        (one / path for one in (SOURCE, ROOT, ROOT / "docs") if (one / path).exists()), ROOT / path
    )


RECIPES: Final = {
    row[0].removeprefix("a ").removeprefix("an "): row for row in table("Where do I go to add …")
}


def test_it_is_two_pages() -> None:
    assert DOCUMENT.count("\n") <= 130


def test_the_layers_are_those_that_are_kept() -> None:
    told: dict[str, set[str]] = {}
    for name, _, imported in table("Layers"):
        layer = name.strip("`")
        named = {one for one in ARROWS if re.search(rf"\b{one}\b", imported)}
        earlier = set(told) if "all of the above" in imported else set()
        same = told["api"] if "the same" in imported else set()
        told[layer] = named | earlier | same
    assert told == {name: arrows for name, arrows in ARROWS.items() if name != "__main__"}
    assert set(list(told)[:7]) == {"contracts", *PURE}


def test_every_path_exists() -> None:
    prose = DOCUMENT.split("## Where things lie")[0] + DOCUMENT.split("**When a bundle speaks")[1]
    named = [one for one in _PATH.findall(prose) if not one.startswith(("predictions/", "runs/"))]
    assert len(named) > 40
    assert [one for one in named if not place(one).exists()] == []


def test_the_keys_are_those_of_the_store() -> None:
    told = {
        re.split(r"[/<]", key)[0]
        for row in table("Where things lie")
        for key in re.findall(r"`([^`]+)`", row[0])
    }
    values = {"started_at": datetime(2025, 10, 1, tzinfo=UTC)}
    values |= dict.fromkeys(("checked_at", "written_at"), values["started_at"])
    made = {keys.STORE_PIN, keys.TRIALS, keys.DOCTOR_PROBE}
    for name, key in inspect.getmembers(keys, inspect.isfunction):
        if key.__module__ == keys.__name__ and name != "scope":
            asked = inspect.signature(key).parameters
            known = {
                one: values.get(one, 1 if one in {"number", "sequence"} else "x") for one in asked
            }
            if "deployment" in asked:
                known["deployment"] = keys.ROOT_DEPLOYMENT
            made.add(str(key(**known)))
    assert told == {key.split("/")[0] for key in made}


@pytest.mark.parametrize("row", RECIPES.values(), ids=RECIPES)
def test_a_recipe_names_what_is_there(row: list[str]) -> None:
    _, _, known, _, _ = row
    named = _LINE_OF.findall(known)
    assert named
    for name, file in named:
        text = place(file).read_text(encoding="utf-8")
        assert re.search(rf"^(?:def )?{name}\b", text, re.MULTILINE), f"{file} has no {name}"


def test_recipes_and_tests_match_one_to_one() -> None:
    proofs = [row[-1].strip("`") for row in RECIPES.values()]
    there = {one.name for one in Path(__file__).parent.glob("test_add_*.py")}
    assert len(proofs) == len(set(proofs))
    assert set(proofs) == there


def test_the_map_of_the_package_sends_to_the_same_places() -> None:
    sent = dict(re.findall(r"^ +add an? ([\w ]+)\? +(.+)$", MAP, re.MULTILINE))
    assert list(sent) == list(RECIPES)
    for what, to in sent.items():
        [(_, file), *_] = _LINE_OF.findall(RECIPES[what][2])
        assert file in _PATH.findall(to), f"the map sends elsewhere than {file} for a {what}"


def test_every_path_of_the_map_exists() -> None:
    paths = [one for one in _PATH.findall(MAP) if not one.startswith("predictions/")]
    assert len(paths) > 20
    assert [one for one in paths if not place(one).exists()] == []


def test_the_map_knows_every_layer() -> None:
    part = MAP.split("The layers;")[1].split("Where do I go")[0]
    assert [name for name in ARROWS if not re.search(rf"^ +.*\b{name}\b", part, re.MULTILINE)] == [
        "__main__"
    ]


def test_every_word_has_one_meaning() -> None:
    words = [word for row in table("Words") for word in row[0].split(" · ")]
    assert len(words) == len(set(words)) > 30
    for row in table("Words"):
        assert len(row) == 2
        assert row[1].count(" · ") in {0, row[0].count(" · ")} or ";" in row[1], row
