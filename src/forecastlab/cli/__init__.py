"""The command line: thin shells over the use cases, one deliberate exit code each."""

from __future__ import annotations

import sys

import typer

from forecastlab.bootstrap import last_word
from forecastlab.cli import (
    adjust_score,
    alerts,
    analyse,
    audit,
    bundle_files,
    bundles,
    cloud,
    dashboard,
    demo,
    doctor,
    drill,
    evaluate,
    explain,
    forecasts,
    health,
    registry,
    retrain,
    schedule,
    search,
    serve,
    shadow,
    signals,
)
from forecastlab.cli.termination import ended_by_sigterm
from forecastlab.contracts.errors import EXIT_INTERNAL, ForecastLabError, Terminated, UsageError

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
bundle_files.add_to(app)
registry.add_to(app)
retrain.add_to(app)
drill.add_to(app)
audit.add_to(app)
evaluate.add_to(app)
search.add_to(app)
demo.add_to(app)
dashboard.add_to(app)
adjust_score.add_to(app)
cloud.add_to(app)
doctor.add_to(app)
health.add_to(app)
explain.add_to(app)
schedule.add_to(app)
signals.add_to(app)
serve.add_to(app)
shadow.add_to(app)
alerts.add_to(app)
analyse.add_to(app)


def main() -> None:
    """Run one command; the one place that exits."""
    try:
        _refuse_undecodable(sys.argv)
        with ended_by_sigterm():
            app()
    except ForecastLabError as error:
        last_word(str(error))
        sys.exit(error.exit_code)
    except Terminated as end:
        last_word(str(end))
        raise
    except Exception as error:  # noqa: BLE001 - the outermost shell: whatever comes here is a bug
        last_word("this is a bug; please report the lines above.", bug=error)
        sys.exit(EXIT_INTERNAL)


def _refuse_undecodable(arguments: list[str]) -> None:
    for one in arguments:
        try:
            one.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"The argument {one!r} is not written in UTF-8.", remedy="Write it anew."
            ) from None
