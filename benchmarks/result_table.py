"""A benchmark's result for a person: Markdown that a terminal shows as well."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import BenchmarkResult, Machine, Row, Scalar


def result_text(result: BenchmarkResult) -> str:
    """Write the figures with their targets, then the tables, then the machine."""
    figures: list[Row] = [
        {
            "figure": name,
            "measured": value,
            "target": str(result.targets[name]) if name in result.targets else "",
            "": result.verdict(name) or "",
        }
        for name, value in result.measured.items()
    ]
    parts = [_table(figures)]
    parts += [f"{title}:\n\n{_table(rows)}" for title, rows in result.tables.items() if rows]
    parts += [machine_text(result.machine)]
    return "\n\n".join(parts)


def machine_text(machine: Machine) -> str:
    """Write in one line what the figures depend on.

    >>> bare = Machine(
    ...     cores=2, architecture="x86_64", processor="EPYC", memory_gib=8.0, kernel="Linux 6.1",
    ...     python="3.11.7", load=0.1, others_cores=0.9, versions={}, gpu=None, commit="58f15e6",
    ... )
    >>> machine_text(bare)
    '2 cores x86_64 (EPYC), 8 GiB, Linux 6.1, no GPU, Python 3.11.7, code 58f15e6; other programs \
used 0.9 cores: busy'
    """
    parts = [
        f"{machine.cores} cores {machine.architecture}"
        + (f" ({machine.processor})" if machine.processor else ""),
        f"{machine.memory_gib:g} GiB" if machine.memory_gib else "",
        machine.kernel or "",
        machine.gpu or "no GPU",
        f"Python {machine.python}",
        f"code {machine.commit}" if machine.commit else "",
    ]
    others = machine.others_cores
    seen = "" if others is None else f"; other programs used {others:g} cores"
    return ", ".join(filter(None, parts)) + seen + (": busy" if machine.busy else "")


def _table(rows: Sequence[Row]) -> str:
    """Align rows of the same keys; numbers stand to the right.

    >>> print(_table([{"kind": "lstm", "ms": 0.25}, {"kind": "tft", "ms": 12}]))
    | kind |   ms |
    |------|-----:|
    | lstm | 0.25 |
    | tft  |   12 |
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    right = {name: all(_is_number(row.get(name)) for row in rows) for name in names}
    cells = [{name: _shown(row.get(name)) for name in names} for row in rows]
    wide = {name: max([len(name), 3, *(len(row[name]) for row in cells)]) for name in names}
    lines = [
        " | ".join(
            row[name].rjust(wide[name]) if right[name] else row[name].ljust(wide[name])
            for name in names
        )
        for row in ({name: name for name in names}, *cells)
    ]
    marks = ("-" * (wide[name] + 1) + (":" if right[name] else "-") for name in names)
    return "\n".join([f"| {lines[0]} |", f"|{'|'.join(marks)}|", *(f"| {x} |" for x in lines[1:])])


def _is_number(value: Scalar) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _shown(value: Scalar) -> str:
    """Write a value with as many digits as a reader wants.

    >>> [_shown(one) for one in (35029, 0.69355, 0.00004646, 343.46, 12.74, None, "passed")]
    ['35,029', '0.6936', '4.6e-05', '343.5', '12.7', '', 'passed']
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if float(value).is_integer():
        return f"{value:,.0f}"
    size = abs(value)
    if size < 1e-3:
        return f"{value:.1e}"
    return f"{value:,.1f}" if size >= 100 else f"{value:.3g}" if size >= 1 else f"{value:.4g}"
