"""The examples in the docstrings of the dashboard's pure parts."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.support.imports import sources

PURE = [
    name for name in sources("webapp") if name.startswith(("webapp.views.", "webapp.read_model."))
]


@pytest.mark.parametrize("name", PURE)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
