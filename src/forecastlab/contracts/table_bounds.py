"""How large a table from outside may be: packed, a few kilobytes may hold gigabytes of it."""

from __future__ import annotations

from typing import Final

MOST_CELLS: Final = 50_000_000
"""400 MB as floats; the evidence of an hourly bundle has 2 million."""


def demand_bounded(rows: int, columns: int) -> None:
    """Refuse a table that would not fit into memory, before it is unpacked.

    Raises:
        ValueError: it has more than `MOST_CELLS` cells.

    >>> demand_bounded(1_000_000, 10)
    """
    if rows * max(columns, 1) > MOST_CELLS:
        raise ValueError(f"{rows:,} rows of {columns} columns are more than {MOST_CELLS:,} values")
