"""The entries of one task, one after the other: none that fails stops the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer

from forecastlab.bootstrap import last_word
from forecastlab.cli import output
from forecastlab.contracts.errors import EXIT_DONE, EXIT_INTERNAL, ForecastLabError


def run_each(
    deployments: Sequence[str], run: Callable[[str], dict[str, Any]], *, as_json: bool
) -> NoReturn:
    """Run every entry, tell what became of each, and exit with the highest code."""
    ended = [{"deployment": name, **_one(name, run)} for name in deployments]
    if as_json:
        output.print_json(ended)
    else:
        rows = [[one["deployment"], one["exit_code"], _told(one)] for one in ended]
        output.table(["deployment", "exit code", "result"], rows)
    raise typer.Exit(max((int(one["exit_code"]) for one in ended), default=EXIT_DONE))


def _one(name: str, run: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"exit_code": EXIT_DONE, **run(name)}
    except ForecastLabError as error:
        last_word(f"{name}: {error}")
        return {"exit_code": error.exit_code, "error": str(error)}
    except Exception as error:  # noqa: BLE001 - a bug in one entry is told, and is not the others'
        last_word(f"{name}: this is a bug; please report the lines above.", bug=error)
        return {"exit_code": EXIT_INTERNAL, "error": repr(error)}


def _told(ended: dict[str, Any]) -> str:
    told = ended.get("error") or ended.get("result")
    return str(told or f"{ended['publication']}: {ended['key']}")
