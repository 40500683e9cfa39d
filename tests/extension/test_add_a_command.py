"""A command is added as docs/architecture.md says: its own file, and its place in the list."""

from __future__ import annotations

import sys

import pytest
import typer

from forecastlab import cli as program
from forecastlab.cli import options, output
from forecastlab.contracts.errors import UsageError
from tests.e2e.conftest import cli  # noqa: F401 - a fixture
from tests.extension.conftest import Desk
from tests.support.command_line import CommandLine

# What a file `cli/count.py` holds.


def add_to(app: typer.Typer) -> None:
    app.command()(count)


def count(prefix: str, store: options.Store = None, as_json: options.AsJson = False) -> None:
    """Count the objects below a prefix of the store."""
    if prefix.startswith("/"):
        raise UsageError("A key begins with no slash.", remedy="Leave it out.")
    found = len(options.workspace(None, None, store).store.list(prefix))
    if as_json:
        output.print_json({"prefix": prefix, "objects": found})
    else:
        output.say(f"{found} object(s)")


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the one line of the list; the module that it names is this one."""
    monkeypatch.setitem(sys.modules, f"{program.__name__}.count", sys.modules[__name__])
    monkeypatch.setitem(program.PARTS, "count", ("count",))


def test_it_runs_with_the_common_options(cli: CommandLine, desk: Desk) -> None:  # noqa: F811
    desk.wake(2)
    ended = cli("count", "predictions/daily/", "--store", desk.store, "--json")
    assert (ended.code, ended.document) == (0, {"prefix": "predictions/daily/", "objects": 1})


def test_its_errors_have_the_exit_codes_of_all(cli: CommandLine) -> None:  # noqa: F811
    cli("count", "/runs").refused(2, "no slash", "Leave it out.")


def test_it_is_listed(cli: CommandLine) -> None:  # noqa: F811
    assert "Count the objects below a prefix" in cli("--help").out
