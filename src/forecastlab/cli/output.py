"""What commands print: one JSON document, or a table for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from forecastlab.contracts.records import utc_text


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    text = json.dumps(
        _plain(document), indent=2, ensure_ascii=False, allow_nan=False, sort_keys=True
    )
    sys.stdout.write(text + "\n")


def say(text: str = "") -> None:
    """Print one line on stdout."""
    sys.stdout.write(text + "\n")


def warn(text: str) -> None:
    """Print one line on stderr."""
    sys.stderr.write(f"forecastlab: {text}\n")


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None
) -> None:
    """Print a table; numbers align right."""
    # Imported only where a table is drawn: `--json` and cron runs save 60 ms.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    numeric = [
        bool(rows) and all(isinstance(row[i], int | float) for row in rows)
        for i in range(len(columns))
    ]
    drawn = Table(title=title, title_justify="left", header_style="bold")
    for name, right in zip(columns, numeric, strict=True):
        drawn.add_column(name, justify="right" if right else "left")
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    # Without a terminal rich assumes 80 columns and would break words and dates.
    Console(width=None if sys.stdout.isatty() else 140).print(drawn)


def percent(share: float) -> str:
    """Write a fraction for a person.

    >>> percent(0.4096)
    '41.0 %'
    """
    return f"{share:.1%}".replace("%", " %")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, datetime):
        return utc_text(value)
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return utc_text(value)
    return value.isoformat() if isinstance(value, date) else value
