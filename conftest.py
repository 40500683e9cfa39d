"""What holds in every test, doctests of `src` included: see the modules that it loads."""

from __future__ import annotations

pytest_plugins = (
    "tests.support.fake_gcs",
    "tests.support.garbage",
    "tests.support.isolation",
    "tests.support.market_data",
    "tests.support.skips",
)
