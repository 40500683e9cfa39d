"""A record as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from forecastlab.cli.output import percent, say, table
from forecastlab.contracts.records import (
    CandidateForecast,
    ForecastRecord,
    Probabilities,
    Verdict,
)
from forecastlab.report.wording import CALLS, by_horizon
from forecastlab.usecases.publish import Published

VERDICTS: Final[dict[Verdict, str]] = {
    "better": "better than the base rates",
    "not_distinguishable": "not distinguishable from chance",
    "worse": "worse than the base rates",
}

_FIRST_TOUCH: Final = {"-1": "falls first", "0": "neither", "1": "rises first"}
_HIGHER: Final = {"0": "not higher", "1": "higher"}


def show_published(published: Published, *, dry_run: bool = False) -> None:
    """Print the record and what the publication did, or would do."""
    show_record(published.record)
    if dry_run:
        say(f"Dry run, nothing was written; this would be {published.publication}: {published.key}")
        return
    done = {
        "published": "Published, and never rewritten from now on:",
        "already_published": "Already published; nothing was written:",
        "kept_as_conflict": "Sealed from another bundle or candles; the new answer is kept apart:",
    }
    say(f"{done[published.publication]} {published.conflict_key or published.key}")


def shares(forecasts: Mapping[str, Probabilities]) -> str:
    """Write probabilities by candidate in one line.

    >>> shares({"T14_X8": {"-1": 0.25, "0": 0.5, "1": 0.25}})
    'T14_X8: falls first 25.0 %, neither 50.0 %, rises first 25.0 %'
    """
    said = {
        name: ", ".join(f"{class_words(table)[k]} {percent(share)}" for k, share in table.items())
        for name, table in forecasts.items()
    }
    return "; ".join(f"{name}: {line}" for name, line in said.items())


def class_words(classes: Iterable[str]) -> dict[str, str]:
    """Say what each of a target's classes means.

    >>> class_words(["0", "1"])
    {'0': 'not higher', '1': 'higher'}
    """
    known = list(classes)
    words = _FIRST_TOUCH if "-1" in known else _HIGHER
    return {one: words.get(one, one) for one in known}


def show_record(record: ForecastRecord) -> None:
    """Print a record as a table, with its limits."""
    override = f" (by {record.bundle.override})" if record.bundle.override else ""
    series = f"{record.symbol} {record.interval}"
    say(f"{record.deployment} · {series} · {record.mode} · {record.source.name}")
    say(
        f"as of {record.asof_date}, closed {record.as_of:%Y-%m-%d %H:%M} UTC at {record.close:,.2f}"
    )
    say(f"bundle {record.bundle.name}{override}")
    rows = []
    named = sorted(record.forecasts.items(), key=lambda item: by_horizon(item[0]))
    for name, one in named:
        words = class_words(one.pred_proba)
        shares = [
            f"{percent(one.pred_proba[k])} ({percent(one.base_rate[k])})" for k in one.pred_proba
        ]
        labels = ", ".join(words[str(label)] for label in one.prediction_set.labels)
        rows.append([name, CALLS[one.call], *shares, labels, _resolves(record, one)])
    classes = class_words(named[0][1].pred_proba).values()
    level = next(iter(record.forecasts.values())).prediction_set.level
    table(
        ["candidate", "call", *classes, f"{level:.0%} set", "resolves"],
        rows,
        title="P(class), base rate in brackets",
    )
    for name, one in named:
        low, high = (f"{bound:+.1%}" for bound in one.skill.ci95)
        say(
            f"{name}: out of sample {VERDICTS[one.skill.verdict]}; log-loss skill"
            f" {one.skill.log_loss_skill:+.1%} [{low}, {high}] against {one.skill.reference}"
        )
    for line in _surroundings(record):
        say(line)


def _resolves(record: ForecastRecord, one: CandidateForecast) -> str:
    if record.interval == "1d" or one.resolves_at is None:
        return str(one.resolves_on)
    return f"{one.resolves_at:%Y-%m-%d %H:%M}"


def _surroundings(record: ForecastRecord) -> list[str]:
    lines = []
    if record.regime is not None:
        one = record.regime
        lines.append(
            f"regime: {one.name} (P(wide range) {percent(one.vol_prob)},"
            f" P(trend) {percent(one.trend_prob)})"
        )
    for horizon, levels in sorted((record.quantiles or {}).items(), key=lambda item: int(item[0])):
        spread = ", ".join(f"{float(k):.0%} {value:+.2%}" for k, value in levels.items())
        lines.append(f"log return in {horizon} candles: {spread}")
    if record.position_scale is not None:
        lines.append(
            f"half-Kelly position scale {record.position_scale:.2f}, before cost; acts on nothing"
        )
    lines += [f"degraded: {one}" for one in record.degraded]
    return lines
