"""What holds in every test, doctests of `src` included: see the three modules that it loads."""

from __future__ import annotations

pytest_plugins = (
    "tests.support.isolation",
    "tests.support.market_data",
    "tests.support.skips",
)
