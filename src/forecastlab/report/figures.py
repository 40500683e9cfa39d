"""A single figure as a sentence shows it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from forecastlab.contracts.errors import DataMalformed
from forecastlab.report.wording import minus

_SPANS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "days": timedelta(days=1),
}
"""What a span of time is counted in."""

_FACTORS: Final = {
    "%": 100.0,
    "points": 100.0,
    "bp": 10_000.0,
    "MiB": 2.0**-20,
    "MB": 1e-6,
    "kB": 1e-3,
}
"""What a number is multiplied by."""


def figure_text(value: object, form: str = "") -> str:
    """Write a value: a number, a span of time, or a word; without its unit.

    Args:
        form: what the figure is counted in (`ms`, `s`, `min`, `h`, `days` of a span of time, or of
            seconds; `%`, `points`, `bp`, `MiB`, `MB`, `kB` of a number), then how it is written, as
            in `format`; either may be left out.

    Raises:
        DataMalformed: the value is no figure, or cannot be written so.

    >>> figure_text(10_000), figure_text(0.8, "%"), figure_text(-0.00151, "bp .0f")
    ('10,000', '80', '−15')
    >>> figure_text(timedelta(minutes=10), "min"), figure_text(0.28, "ms"), figure_text("deepseek")
    ('10', '280', 'deepseek')
    """
    words = form.split()
    unit = words.pop(0) if words and words[0] in {*_SPANS, *_FACTORS} else ""
    number = _counted(value, unit)
    if isinstance(number, str):
        return number
    # Factors leave a trace in the last digits: 100 × 0.07 is 7.000000000000001.
    tidy = number if isinstance(number, int) else round(number, 9)
    style = words[0] if words else ""
    try:
        written = format(tidy, style) if style else f"{tidy:,.10g}"
    except ValueError as error:
        raise _unfit(value, form) from error
    return minus(written)


def _counted(value: object, unit: str) -> float | str:
    if isinstance(value, timedelta) and unit in _SPANS:
        return value / _SPANS[unit]
    if isinstance(value, str) and not unit:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unfit(value, unit)
    if unit in _SPANS:
        return timedelta(seconds=value) / _SPANS[unit]
    return value * _FACTORS[unit] if unit else value


def _unfit(value: object, form: str) -> DataMalformed:
    return DataMalformed(
        f"{value!r} cannot be written as a figure of the form {form!r}.",
        remedy="Name a number, a span of time or a word, and a form that fits it.",
    )
