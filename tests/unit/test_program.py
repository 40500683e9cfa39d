"""How the program is assembled: a command from what holds it, `--help` from everything."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.main import get_command

from forecastlab.cli import PARTS, program

WHOLE: Any = get_command(program())
COMMANDS = sorted({one for held in PARTS.values() for one in held})


def commands_of(app: typer.Typer) -> dict[str, Any]:
    group: Any = get_command(app)
    return dict(group.commands)


def below(command: Any) -> set[str]:
    """The commands of a group, as `list` of `bundles`."""
    return set(getattr(command, "commands", ()))


def test_the_table_holds_every_command_in_the_order_of_help() -> None:
    assert list(WHOLE.commands) == list(
        dict.fromkeys(one for held in PARTS.values() for one in held)
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_alone_is_that_of_the_whole_program(command: str) -> None:
    alone, whole = commands_of(program(command))[command], WHOLE.commands[command]
    assert [one.opts for one in alone.params] == [one.opts for one in whole.params]
    assert alone.help == whole.help
    assert below(alone) == below(whole)


def test_groups_are_joined_from_all_their_parts() -> None:
    assert below(WHOLE.commands["bundles"]) >= {"list", "show", "verify", "export", "import"}


@pytest.mark.parametrize("word", [None, "--help", "no-such-command"])
def test_without_a_command_there_is_every_one(word: str | None) -> None:
    assert set(commands_of(program(word))) == set(COMMANDS)


def test_a_command_imports_no_other() -> None:
    code = "import sys\nfrom forecastlab.cli import program\nprogram('history')\n"
    code += "print(*(one for one in sys.modules if one.startswith('forecastlab.cli.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {one.removeprefix("forecastlab.cli.") for one in done.stdout.split()}
    assert loaded & PARTS.keys() == {"registry"}
