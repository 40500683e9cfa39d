"""The command line: thin shells over the use cases, one deliberate exit code each."""

from __future__ import annotations

import sys
import traceback

import typer

from forecastlab.cli import audit, bundles, demo, evaluate, forecasts, search
from forecastlab.contracts.errors import EXIT_INTERNAL, ForecastLabError, UsageError

app = typer.Typer(
    name="forecastlab",
    help="One dated, sealed forecast a day, next to how good such forecasts have really been.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
forecasts.add_to(app)
bundles.add_to(app)
audit.add_to(app)
evaluate.add_to(app)
search.add_to(app)
demo.add_to(app)


def main() -> None:
    """Run one command; the one place that exits."""
    try:
        _refuse_undecodable(sys.argv)
        app()
    except ForecastLabError as error:
        sys.stderr.write(f"forecastlab: {error}\n")
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the outermost shell: whatever comes here is a bug
        traceback.print_exc()
        sys.stderr.write("forecastlab: this is a bug; please report the lines above.\n")
        sys.exit(EXIT_INTERNAL)


def _refuse_undecodable(arguments: list[str]) -> None:
    for one in arguments:
        try:
            one.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"The argument {one!r} is not written in UTF-8.", remedy="Write it anew."
            ) from None
