"""As a plugin of pytest: the tests see the base install alone, with pytest and hypothesis."""

from __future__ import annotations

from tests.support.absence import hide
from tests.support.optional import EXTRAS

hide(*(name for modules in EXTRAS.values() for name in modules))
