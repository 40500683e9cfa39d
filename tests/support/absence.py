"""A process in which libraries are missing, whatever is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Without:
    """Asks the finders that Python has, but for some names."""

    def __init__(self, finders: Sequence[Any], modules: Sequence[str]) -> None:
        self._finders, self._names = finders, tuple(f"{name}." for name in modules)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if f"{name}.".startswith(self._names):
            return None
        found = (finder.find_spec(name, path, target) for finder in self._finders)
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, context: Any) -> Iterator[Any]:
        """Find the versions of what is installed, as `importlib.metadata` asks."""
        for finder in self._finders:
            if hasattr(finder, "find_distributions"):
                yield from finder.find_distributions(context)


def hide(*modules: str) -> None:
    """Let nothing find these modules from now on, as on a machine without them."""
    for name in list(sys.modules):
        if f"{name}.".startswith(tuple(f"{one}." for one in modules)):
            del sys.modules[name]
    sys.meta_path[:] = [_Without(sys.meta_path[:], modules)]
