"""The command line: thin shells over the use cases, one deliberate exit code each."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final

import typer

from forecastlab.cli.termination import ended_by_sigterm
from forecastlab.contracts.errors import EXIT_INTERNAL, ForecastLabError, Terminated, UsageError

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "forecasts": ("predict", "daily", "backfill", "score", "replay"),
    "bundles": ("update", "train", "bundles"),
    "bundle_files": ("bundles",),
    "registry": ("promote", "rollback", "retire", "status", "history"),
    "retrain": ("retrain",),
    "drill": ("drill",),
    "audit": ("audit",),
    "evaluate": ("evaluate", "trials"),
    "search": ("search",),
    "demo": ("demo",),
    "dashboard": ("dashboard",),
    "adjust_score": ("adjust-score",),
    "cloud": ("cloud",),
    "doctor": ("doctor",),
    "health": ("health",),
    "explain": ("explain",),
    "schedule": ("schedule",),
    "signals": ("signal",),
    "serve": ("serve",),
    "shadow": ("shadow",),
    "alerts": ("alerts",),
    "analyse": ("analyse",),
}
"""Module -> the commands that its `add_to` adds or adds to; `--help` lists them in this order."""


def program(command: str | None = None) -> typer.Typer:
    """Assemble the program: for a command in `PARTS` from what holds it, else from all parts.

    To import and assemble all would cost every command 0.1 s of its start.
    """
    app = typer.Typer(
        name="forecastlab",
        help="One dated, sealed forecast a day, next to how good such forecasts have really been.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    # What imports leave is no garbage; to look for some among it took a twentieth of a start.
    gc.disable()
    try:
        for module in [one for one, held in PARTS.items() if command in held] or PARTS:
            app.add_typer(_part(module))
    finally:
        gc.enable()
    return app


def main() -> None:
    """Run one command; the one place that exits."""
    try:
        _refuse_undecodable(sys.argv)
        with ended_by_sigterm():
            program(*sys.argv[1:2])()
    except ForecastLabError as error:
        _last_word(str(error))
        sys.exit(error.exit_code)
    except Terminated as end:
        _last_word(str(end))
        raise
    except Exception as error:  # noqa: BLE001 - the outermost shell: whatever comes here is a bug
        _last_word("this is a bug; please report the lines above.", bug=error)
        sys.exit(EXIT_INTERNAL)


def _last_word(text: str, *, bug: BaseException | None = None) -> None:
    # Half of a start, which `program` imports with its parts.
    from forecastlab.bootstrap import last_word  # noqa: PLC0415

    last_word(text, bug=bug)


@cache
def _part(module: str) -> typer.Typer:
    """Import a module of commands; what is added to a program without a name becomes its own."""
    part = typer.Typer()
    import_module(f"{__name__}.{module}").add_to(part)
    return part


def _refuse_undecodable(arguments: list[str]) -> None:
    for one in arguments:
        try:
            one.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"The argument {one!r} is not written in UTF-8.", remedy="Write it anew."
            ) from None
