"""Shell commands that a document shows: taken apart, and asked whether they can be meant.

A command is the project's own, and then its words are tried on what would read them; or it is on
the list of other programs, of which only the syntax is looked at.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from typer.main import get_command

from forecastlab.cli import program
from tests.support.imports import ROOT

OTHERS: Final = {
    *(".", "apt-get", "brew", "cat", "cd", "cp", "curl", "docker", "echo", "export", "gcloud"),
    *("git", "install", "journalctl", "jq", "ls", "mkdir", "openssl", "printf", "sed", "source"),
    *("systemctl", "useradd"),
}
"""Programs of other people, and words of the shell: their syntax is looked at, no more."""

_OPERATORS: Final = {*"();|&", "&&", "||", ";;", "|&"}
_REDIRECTIONS: Final = {">", ">>", "<", ">&", "<<", "&>", "<&"}
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_PLACEHOLDER: Final = re.compile(r".*(?:…|[<>]).*|[A-Z][A-Z_]*\d?")


@dataclass(frozen=True)
class Command:
    """One command, and the variables that are set in front of it."""

    settings: tuple[str, ...]
    words: tuple[str, ...]


def commands(text: str) -> Iterator[Command]:
    r"""Take a text for the shell apart: its commands, those inside `$(…)` too.

    >>> [one.words for one in commands("P=1 a b && c  # why\nd \\\n  e | f >g")]
    [('a', 'b'), ('c',), ('d', 'e'), ('f',)]
    >>> [one.words[0] for one in commands('a "[$(b x), $(c y)]" $(d)')]
    ['a', 'd', 'b', 'c']
    """
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        skips = False
        inside = [part for word in lexer for part in _noted(word)]
        for word in [*inside, ";"]:
            if word in _OPERATORS or set(word) <= set("();"):
                yield from _command(words)
                words = []
            elif word in _REDIRECTIONS:
                skips = True
            elif skips:
                skips = False
            else:
                words.append(word)
        for nested in re.findall(r'"[^"]*"', line):
            for one in re.findall(r"\$\(([^()]*)\)", nested):
                yield from commands(one)


def _noted(word: str) -> list[str]:
    return [word[:-1]] if word.endswith("$") and len(word) > 1 else [word]


def _command(words: Sequence[str]) -> Iterator[Command]:
    count = next((i for i, one in enumerate(words) if not _ASSIGNMENT.match(one)), len(words))
    rest = [one for one in words[count:] if one != "$"]
    if rest[:1] == ["sudo"]:
        rest = rest[1:]
    if rest or count:
        yield Command(tuple(words[:count]), tuple(rest))


def fault(words: Sequence[str]) -> str | None:
    """Say what is wrong with a command, or nothing."""
    name, rest = words[0], list(words[1:])
    last = name.rpartition("/")[2]
    if last in _OURS:
        return _OURS[last](rest)
    if "/" in name:
        return _script_fault([name, *rest])
    return None if name in OTHERS else f"{name} is neither ours nor on the list of other programs"


def cli_fault(words: Sequence[str], *, mentioned: bool = False) -> str | None:
    """Say why `forecastlab WORDS` cannot be meant; a mere mention may leave arguments out.

    >>> cli_fault(["predict", "--asof", "DATE"])
    >>> cli_fault(["predict", "--as-of", "DATE"])
    'forecastlab predict: No such option: --as-of'
    >>> cli_fault(["prophesy"])
    'forecastlab: there is no command prophesy'
    """
    node, path, rest = _tree(), "forecastlab", [_example(word) for word in words]
    while rest and rest[0] in getattr(node, "commands", ()):
        node, path, rest = node.commands[rest[0]], f"{path} {rest[0]}", rest[1:]
    if "--help" in rest:
        return None
    if hasattr(node, "commands"):
        if rest:
            return f"{path}: there is no command {words[len(words) - len(rest)]}"
        return None if mentioned else f"{path} names no command"
    try:
        node.make_context(path, rest)
    except Exception as error:  # noqa: BLE001 - typer has no public name for what its parser raises
        if not mentioned or type(error).__name__ != "MissingParameter":
            return f"{path}: {getattr(error, 'message', '') or error}"
    return None


@cache
def _tree() -> Any:
    return get_command(program())


def leaves() -> dict[str, list[str]]:
    """Return every command, as it is typed, with its options."""
    found: dict[str, list[str]] = {}
    waiting = [((), _tree())]
    while waiting:
        path, node = waiting.pop()
        below = getattr(node, "commands", None)
        if below is None:
            options = (name for one in node.params for name in (*one.opts, *one.secondary_opts))
            found[" ".join(path)] = [*options, "--help"]
        else:
            waiting += [((*path, name), one) for name, one in below.items()]
    return found


def _example(word: str) -> str:
    """Put a value in the place of NAME, … or N: one that is text, number and file name alike."""
    return "7" if _PLACEHOLDER.fullmatch(word) else word


def _make_fault(words: Sequence[str]) -> str | None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z][\w-]*):", text))
    variables = {*re.findall(r"(?m)^(\w+) *[:?]?=", text), "PYTHON"}
    for word in words:
        name, equals, _ = word.partition("=")
        if name not in (variables if equals else targets):
            return f"make has no {word}"
    return None


def _python_fault(words: Sequence[str]) -> str | None:
    if words[:2] in (["-m", "venv"], ["-m", "pip"], ["-m", "pytest"]) or words[:1] == ["-c"]:
        return None
    if words[:1] != ["-m"]:
        module = words[0].removesuffix(".py").replace("/", ".")
        is_part = (ROOT / words[0]).with_name("__init__.py").exists()
        return f"start it by python -m {module}" if is_part else _script_fault(words)
    path = words[1].replace(".", "/")
    there = [one for one in (f"{path}.py", f"{path}/__main__.py") if (ROOT / one).exists()]
    return _script_fault([there[0], *words[2:]]) if there else f"there is no module {words[1]}"


def _streamlit_fault(words: Sequence[str]) -> str | None:
    return _script_fault(words[1:])


def _script_fault(words: Sequence[str]) -> str | None:
    """Look each option up in the sources beside the script that is to read it."""
    script = ROOT / words[0]
    if not script.is_file():
        return f"there is no {words[0]}"
    beside = (one for one in script.parent.iterdir() if one.suffix in {".py", ".sh"})
    text = "\n".join(one.read_text(encoding="utf-8") for one in beside)
    asked = [word.partition("=")[0] for word in words if word.startswith("--")]
    unknown = [one for one in asked if not re.search(rf"{one}\b", text)]
    return f"no option {', '.join(unknown)}" if unknown else None


def _pip_fault(words: Sequence[str]) -> str | None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = set(project["optional-dependencies"])
    for word in words:
        found = re.fullmatch(r"(?:\.|forecastlab)\[([\w,]+)\]", word)
        if found and not set(found[1].split(",")) <= known:
            return f"no extra {word}"
    return None


_OURS: Final[dict[str, Callable[[list[str]], str | None]]] = {
    "forecastlab": cli_fault,
    "make": _make_fault,
    "pip": _pip_fault,
    "python": _python_fault,
    "python3": _python_fault,
    "streamlit": _streamlit_fault,
}
"""Program -> what says why its words cannot be meant."""
