"""A record as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from forecastlab.cli.output import percent, say, table
from forecastlab.contracts.records import Call, ForecastRecord, Probabilities, Verdict
from forecastlab.usecases.publish import Published

CALLS: Final[dict[Call, str]] = {
    "no_view": "no view",
    "neutral": "neutral",
    "move_likely": "a move is likely",
    "quiet_likely": "quiet is likely",
    "bottom_likely": "a rise is likely",
    "top_likely": "a fall is likely",
}

VERDICTS: Final[dict[Verdict, str]] = {
    "better": "better than the base rates",
    "not_distinguishable": "not distinguishable from chance",
    "worse": "worse than the base rates",
}

CLASSES: Final = {"-1": "falls first", "0": "neither", "1": "rises first"}


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
        name: ", ".join(f"{CLASSES.get(k, k)} {percent(share)}" for k, share in table.items())
        for name, table in forecasts.items()
    }
    return "; ".join(f"{name}: {line}" for name, line in said.items())


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
    for name, one in record.forecasts.items():
        shares = [
            f"{percent(one.pred_proba[k])} ({percent(one.base_rate[k])})" for k in one.pred_proba
        ]
        labels = ", ".join(
            CLASSES.get(str(label), str(label)) for label in one.prediction_set.labels
        )
        rows.append([name, CALLS[one.call], *shares, labels, str(one.resolves_on)])
    classes = [CLASSES.get(key, key) for key in next(iter(record.forecasts.values())).pred_proba]
    level = next(iter(record.forecasts.values())).prediction_set.level
    table(
        ["candidate", "call", *classes, f"{level:.0%} set", "resolves"],
        rows,
        title="P(class), base rate in brackets",
    )
    for name, one in record.forecasts.items():
        low, high = (f"{bound:+.1%}" for bound in one.skill.ci95)
        say(
            f"{name}: out of sample {VERDICTS[one.skill.verdict]}; log-loss skill"
            f" {one.skill.log_loss_skill:+.1%} [{low}, {high}] against {one.skill.reference}"
        )
    for reason in record.degraded:
        say(f"degraded: {reason}")
