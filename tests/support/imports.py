"""The imports of modules, read from their source: who imports whom, wherever the import stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Import:
    """One import.

    Attributes:
        target: the imported module; for `from a import b`, `a.b` where that is a module.
        runs: False under `if TYPE_CHECKING`, where only a type checker sees it.
    """

    target: str
    line: int
    runs: bool


def sources(*folders: str, root: Path = ROOT) -> dict[str, str]:
    """Read all modules below these folders of the checkout: dotted name -> source."""
    found = {}
    for folder in folders:
        base = root / folder if folder == "src" else root
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path.read_text(encoding="utf-8")
    return found


def imports(modules: Mapping[str, str]) -> dict[str, tuple[Import, ...]]:
    """Return what each module imports."""
    return {
        name: tuple(dict.fromkeys(_found_in(ast.parse(source), known=set(modules))))
        for name, source in modules.items()
    }


def _found_in(node: ast.AST, *, known: set[str], runs: bool = True) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, runs) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            if child.level:
                raise ValueError(f"line {child.lineno}: a relative import hides its target")
            module = child.module or ""
            named = (f"{module}.{alias.name}" for alias in child.names)
            yield from (
                Import(name if name in known else module, child.lineno, runs) for name in named
            )
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _found_in(ast.Module(child.body, []), known=known, runs=False)
            yield from _found_in(ast.Module(child.orelse, []), known=known, runs=runs)
        else:
            yield from _found_in(child, known=known, runs=runs)


def reached(start: str, graph: Mapping[str, tuple[Import, ...]]) -> set[str]:
    """Return every module of the graph that importing `start` may bring in, packages included."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in graph:
            continue
        seen.add(name)
        waiting += [one.target for one in graph[name] if one.runs]
        waiting += [name.rpartition(".")[0]]
    return seen
