"""Every document: each command can be meant, each block is what it says, each name leads somewhere.

Commands are parsed by what would read them (`tests.support.command_lines`). Those of
docs/operations.md are also run, in their order, by tests/e2e/test_operations_page.py; those of the
service by tests/services.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest

from forecastlab.settings import VARIABLES
from tests.support.command_lines import cli_fault, commands, fault, leaves
from tests.support.imports import ROOT, sources
from tests.support.isolation import KEPT
from tests.support.pages import Page, page, pages
from tests.support.said import texts

PAGES: Final = pages()

LANGUAGES: Final = {
    *("", "bash", "console", "diff", "http", "json", "mermaid", "promql", "python", "sh", "text"),
    *("toml", "yaml"),
}

KNOWN: Final = {variable.name for variable in VARIABLES} | set(KEPT)
"""Variables of the environment that the program or its tests read."""

ELSEWHERE: Final = {"XDG_CACHE_HOME"}
"""Variables that others define, and that these documents name."""

OTHERS_OPTIONS: Final = {"--gpus"}
"""Options of other programs that stand alone between backticks."""

FOLDERS: Final = {
    *("benchmarks", "config", "deploy", "docs", "models", "requirements", "scripts", "src"),
    *("tests", "webapp", ".ci"),
}

documents = pytest.mark.parametrize("path", PAGES)


def test_every_document_is_read() -> None:
    assert {"README.md", "docs/operations.md", "docs/serving.md", "docs/cloud.md"} <= set(PAGES)


@documents
def test_commands_can_be_meant(path: str) -> None:
    assert list(command_faults(page(path))) == []


def command_faults(read: Page) -> Iterator[str]:
    for text in read.shell:
        for one in commands(text):
            said = fault(one.words) if one.words else None
            if said:
                yield f"{' '.join(one.words)}: {said}"
            if one.words[:1] == ("forecastlab",):
                yield from (
                    f"there is no setting {name}"
                    for name in (each.partition("=")[0] for each in one.settings)
                    if name not in KNOWN
                )


@documents
def test_commands_in_the_text_can_be_meant(path: str) -> None:
    assert list(mention_faults(page(path))) == []


def mention_faults(read: Page) -> Iterator[str]:
    for code in read.code:
        for one in commands(code) if re.search(r"\b(forecastlab|make) [a-z]", code) else ():
            words = one.words
            if words[:1] == ("forecastlab",):
                said = cli_fault(words[1:], mentioned=True)
            else:
                said = fault(words) if words[:1] == ("make",) else None
            if said:
                yield f"`{code}`: {said}"


@documents
def test_options_in_the_text_exist(path: str) -> None:
    read = page(path)
    own = scripts()
    named = {
        word.partition("=")[0]
        for code in read.code
        if code.startswith("--")
        for word in code.split()
        if re.match(r"--[a-z]", word)
    }
    known = {option for options in leaves().values() for option in options}
    unknown = {one for one in named - known - OTHERS_OPTIONS if one not in own}
    assert unknown == set()


def scripts() -> str:
    folders = ("benchmarks", "deploy", "scripts")
    files = (one for folder in folders for one in (ROOT / folder).rglob("*.*"))
    return "\n".join(
        one.read_text(encoding="utf-8") for one in files if one.suffix in {".py", ".sh"}
    )


@documents
def test_the_shell_can_read_its_blocks(path: str) -> None:
    for text in page(path).shell:
        done = subprocess.run(
            ["bash", "-n"], input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), text


@documents
def test_blocks_are_what_they_say(path: str) -> None:
    for block in page(path).blocks:
        assert block.language in LANGUAGES, block.language
        READS.get(block.language, lambda _: None)(block.text)


def read_plain(text: str) -> None:
    """A command that is not marked as one would be tested by nothing."""
    programs = r"(?m)^(?:\$ )?(?:forecastlab|make|pip|python3?|curl|git|gcloud|docker) "
    assert not re.search(programs, text), f"mark this block as sh: {text}"


def read_json(text: str) -> Any:
    """Read a document, or the inside of one."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return json.loads(f"{{{text}}}")


def read_yaml(text: str) -> None:
    import yaml

    yaml.safe_load(text)


READS: Final[dict[str, Any]] = {
    "": read_plain,
    "text": read_plain,
    "json": read_json,
    "python": ast.parse,
    "toml": tomllib.loads,
    "yaml": read_yaml,
}


@documents
def test_variables_of_the_environment_exist(path: str) -> None:
    read = page(path)
    named = set(re.findall(r"\b(?:FORECASTLAB|ML)_[A-Z0-9_]*[A-Z0-9]\b(?!_?\*)", read.text))
    named |= {code for code in read.code if re.fullmatch(r"[A-Z]+(?:_[A-Z0-9]+)+", code)}
    assert named - KNOWN - ELSEWHERE - constants() == set()


@cache
def constants() -> set[str]:
    """Return the names that the code itself writes like that."""
    modules = sources("src", "webapp").values()
    return {name for one in modules for name in re.findall(r"(?m)^([A-Z][A-Z0-9_]+)(?=:| =)", one)}


@documents
def test_files_that_it_names_exist(path: str) -> None:
    bases = (ROOT, ROOT / "src" / "forecastlab", (ROOT / path).parent)
    packages = {one.name for one in bases[1].iterdir() if one.is_dir()}
    missing = []
    for code in page(path).code:
        first = code.partition("/")[0]
        if not re.fullmatch(r"[\w.*/-]+", code) or "/" not in code or re.search(r"[A-Z]{4}", code):
            continue
        if first in FOLDERS | packages and not any(list(base.glob(code)) for base in bases):
            missing.append(code)
    assert missing == []


@documents
def test_links_lead_somewhere(path: str) -> None:
    read = page(path)
    lost = []
    for link in read.links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = unquote(link).partition("#")
        there = (read.folder / target).resolve() if target else ROOT / path
        if not there.exists() or (
            anchor and there.suffix == ".md" and anchor not in anchors(there)
        ):
            lost.append(link)
    assert lost == []


def anchors(file: Path) -> set[str]:
    return page(str(file.relative_to(ROOT))).anchors


def test_commands_that_the_program_itself_names_can_be_meant() -> None:
    """Remedies, help texts and pages name commands too."""
    told = [text for source in sources("src", "webapp").values() for text in texts(source)]
    told += [file.read_text(encoding="utf-8") for file in (ROOT / "webapp").rglob("*.toml")]
    shown = re.findall(r"`(forecastlab [^`]+)`|Example: (forecastlab .+)", "\n".join(told))
    named = {one or other for one, other in shown}
    faults = {code: list(mention_faults(Page("", f"`{code}`"))) for code in named}
    assert len(named) > 50
    assert {code: said for code, said in faults.items() if said} == {}


def test_every_command_has_the_options_that_the_readme_promises() -> None:
    lacking = {name for name, options in leaves().items() if not {"--json", "--help"} <= {*options}}
    assert lacking == {"serve", "dashboard", "schedule run"}  # the last is for schedulers alone


WRONG: Final = """
```sh
forecastlab predict --as-of 2025-09-30
FORECASTLAB_SHOP=x forecastlab status
cd x && forecastlab prophesy | jq
python -m benchmarks.nothing
python benchmarks/grid.py
deploy/nothing.sh
make nothing
pip install -e '.[nothing]'
frobnicate
```
"""


def test_what_cannot_be_meant_is_found() -> None:
    said = "\n".join(command_faults(Page("x.md", WRONG)))
    for part in (
        *("--as-of", "no setting FORECASTLAB_SHOP", "no command prophesy", "benchmarks.nothing"),
        "by python -m benchmarks.grid",
        *("deploy/nothing.sh", "make has no nothing", "no extra", "frobnicate is neither"),
    ):
        assert part in said
    assert len(said.splitlines()) == 9
    for text in ("`forecastlab predict --nothing`", "`forecastlab shadow judge`", "`make nothing`"):
        assert len(list(mention_faults(Page("x.md", text)))) == 1
    assert list(mention_faults(Page("x.md", "`forecastlab promote`, `forecastlab shadow`"))) == []
