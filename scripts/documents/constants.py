"""Constants of the code, read from its source: nothing is imported for a figure.

So the bounds of the service can be had without the libraries that the service needs.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import forecastlab

PACKAGE: Final = Path(forecastlab.__file__).parent

_OPERATORS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
}


def constant(path: Sequence[str]) -> object:
    """Return a constant of the code: module, name, and what lies in it.

    A name may be that of a class, and the next one that of a field with a default; or that of a
    value that is made by a call or a dictionary, and the next one that of an argument or a key.

    Raises:
        KeyError: there is no such module or name.
        ValueError: its value cannot be told from the source.

    >>> constant(["evaluation", "gates", "LEAST_OOF"])
    10000
    >>> constant(["contracts", "inference", "POLICY", "cool_down"])
    datetime.timedelta(seconds=600)
    >>> constant(["contracts", "operations", "AlertTable", "drift"])
    0.2
    """
    folder, names = PACKAGE, list(path)
    while names and (folder / names[0]).is_dir():
        folder /= names.pop(0)
    file = folder / f"{names[0]}.py" if names else folder
    if not file.is_file():
        raise KeyError(".".join(path))
    found: ast.AST = _module(file)
    for name in names[1:]:
        found = _parts(found)[name]
    return _value(found)


@cache
def _module(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _parts(node: ast.AST) -> dict[str, ast.AST]:
    """Return what bears a name in a module, a class, a call or a dictionary."""
    if isinstance(node, ast.Module | ast.ClassDef):
        classes = {one.name: one for one in node.body if isinstance(one, ast.ClassDef)}
        stated = [one for one in node.body if isinstance(one, ast.AnnAssign)]
        return {**classes, **{ast.unparse(one.target): one.value for one in stated if one.value}}
    if isinstance(node, ast.Call):
        return {one.arg: one.value for one in node.keywords if one.arg}
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {str(key.value): one for key, one in pairs if isinstance(key, ast.Constant)}
    return {}


def _value(node: ast.AST) -> object:
    """Compute an expression of numbers, texts and spans of time."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        given = _parts(node)
        if node.func.id == "timedelta" and not node.args:
            spans: dict[str, Any] = {name: _value(one) for name, one in given.items()}
            return timedelta(**spans)
        if node.func.id == "Field" and "default" in given:
            return _value(given["default"])
    raise ValueError(f"{ast.unparse(node)} is computed when it runs")
