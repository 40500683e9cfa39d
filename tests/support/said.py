"""The texts that a module holds: messages, remedies, help, docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def texts(source: str) -> Iterator[str]:
    """Give every text of a module, with … where it puts a value in; pieces are joined.

    >>> list(texts("x = f'There is ' f'no {name}.'"))
    ['There is no ….']
    """
    tree = ast.parse(source)
    whole = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    for one in whole:
        yield "".join(part.value if is_text(part) else "…" for part in one.values)
    inside = {id(part) for one in whole for part in one.values}
    yield from (node.value for node in ast.walk(tree) if is_text(node) and id(node) not in inside)


def is_text(node: ast.AST) -> bool:
    """Return whether a node is a plain text."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
