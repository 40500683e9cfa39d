"""The tables of `docs/degradation.md`: what goes on without something, and what ends a command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from forecastlab.contracts.degradations import Degradation
from forecastlab.contracts.errors import (
    EXIT_DONE,
    EXIT_INTERNAL,
    EXIT_TERMINATED,
    ForecastLabError,
    Terminated,
)

_DONE: Final = "Done; or done before, with nothing to do."
_BUG: Final = "Anything that no error of the tree stands for: a bug, with its trace."


def degradation_table(kinds: Sequence[Degradation]) -> str:
    """Write kinds of degradation, in Markdown; `–` where nothing is to be done."""
    lines = [
        "| it says, for example | what is missing | what answers | exit code | what to do |",
        "|---|---|---|--:|---|",
        *(
            f"| `{one.example}` | {one.missing} | {one.answer} | {one.exit_code} |"
            f" {one.remedy or '–'} |"
            for one in kinds
        ),
    ]
    return "\n".join(lines) + "\n"


def exit_code_table() -> str:
    """Write every exit code with the errors that lead to it, in Markdown."""
    lines = [
        "| exit code | error | what it means |",
        "|--:|---|---|",
        f"| {EXIT_DONE} | | {_DONE} |",
        *(
            f"| {kind.exit_code} | `{kind.__name__}` | {_first_line(kind)} |"
            for kind in _tree(ForecastLabError)
        ),
        f"| {EXIT_INTERNAL} | | {_BUG} |",
        f"| {EXIT_TERMINATED} | `{Terminated.__name__}` | {_first_line(Terminated)} |",
    ]
    return "\n".join(lines) + "\n"


def _tree(kind: type[ForecastLabError]) -> Iterator[type[ForecastLabError]]:
    """Return the errors of the tree, each before those below it."""
    for one in kind.__subclasses__():
        # Other modules may hang errors of their own below these; the tree itself is one module.
        if one.__module__ == kind.__module__:
            yield one
            yield from _tree(one)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
