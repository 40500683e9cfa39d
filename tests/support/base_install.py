"""As a plugin of pytest: the tests see the base install alone, with pytest and hypothesis."""

from __future__ import annotations

import pytest

from tests.support.absence import hide
from tests.support.optional import EXTRAS


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Hide every optional library, before the first conftest is imported.

    A hook, for whoever looks for doctests imports this module as well, and must lose nothing by it.
    """
    hide(*(name for modules in EXTRAS.values() for name in modules))
