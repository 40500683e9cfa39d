"""An exchange on loopback, of one host or of two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.exchange import Exchange, hosts
from tests.support.faulty_http import FaultyServer


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers are on this machine, whatever proxy the environment names."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with hosts(1) as servers:
        yield Exchange(*servers)


@pytest.fixture
def pair() -> Iterator[tuple[Exchange, FaultyServer]]:
    """Give an exchange of two hosts, and the second of them."""
    with hosts(2) as servers:
        yield Exchange(*servers), servers[1]
