"""A forecast rehearsed on closed candles: the newest whole window at hand, features, answers.

The candles are those of the archive. Where it holds none, or not what the bundle needs, the
simulated market stands in, and the step says so: what is tried is the way from candles to answers.
Nothing is fetched, nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.errors import BundleRefused, DataError, DataUnavailable
from forecastlab.contracts.intervals import (
    Interval,
    asof_name,
    last_closed_open,
    parse_cut_off,
)
from forecastlab.contracts.ports import CandleArchive, CandleSource
from forecastlab.contracts.records import Probabilities
from forecastlab.features.build import build_features
from forecastlab.models.direction_formula import Side, Thresholds
from forecastlab.usecases.forecast import Said, forecast
from forecastlab.usecases.health_steps import NotJudged
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.regression_cases import UP
from forecastlab.usecases.serving_window import ServingWindow, read_market, serving_window
from forecastlab.usecases.stand_ins import with_stand_ins
from forecastlab.usecases.training_materials import feature_key
from forecastlab.usecases.workspace import Workspace

_RECENT: Final = timedelta(days=3)
"""Where the newest shorter candle is looked for, before and after the newest daily one."""


@dataclass(frozen=True, eq=False)
class Rehearsed:
    """A whole window, and whose candles it is made of.

    Attributes:
        market: `archive` or `simulated`.
        why: why the archive would not do, or empty.
    """

    bundle: OpenBundle
    window: ServingWindow
    market: str
    why: str


@dataclass(frozen=True)
class Reading:
    """What the bundle says at the rehearsed as-of, end to end.

    Attributes:
        candidate: whose P(up) it is: the recipe's first.
        bull_prob: P(up); of a reversal P(+1), of a bottom that price leaves upwards.
        up_share, base_share: P(up) among up and down, and the same of the base rate; of two classes
            P(up) and its base rate themselves.
        regime: None of a bundle without such models.
        direction: where `up_share` lies against `base_share`; within .08 it is neutral.
    """

    asof: str
    market: str
    candidate: str
    bull_prob: float
    up_share: float
    base_share: float
    regime: str | None
    direction: Side
    call: str
    degraded: tuple[str, ...]


def rehearse_features(workspace: Workspace, bundle: OpenBundle) -> tuple[str, Rehearsed]:
    """Build every feature set of the bundle at the newest closed candle of a whole window.

    Raises:
        BundleRefused: the features cannot be computed, though the window is whole.
        NotJudged: there is no whole window.
    """
    reasons: list[str] = []
    for market, archive in _markets(workspace):
        try:
            window = _newest_window(workspace, archive, bundle)
        except DataError as error:
            reasons.append(f"{market}: {error.facts}")
            continue
        counts, missing, notes = _computed(bundle, window)
        if missing and market == _ARCHIVE:
            # A reference symbol that the archive lacks is no fault of the bundle.
            reasons.append(f"{market}: {missing} cannot be computed.")
            continue
        if missing:
            raise BundleRefused(
                f"On a whole window of the {market} market {missing} cannot be computed.",
                remedy="Use the version of ForecastLab that made the bundle.",
            )
        asof = asof_name(window.asof_open, window.interval)
        facts = f"{counts} of {asof}, {market} candles"
        doubts = " ".join((*reasons, *notes))
        found = Rehearsed(bundle, window, market, " ".join(reasons))
        return f"{facts} ({doubts})" if doubts else facts, found
    raise NotJudged(" ".join(reasons) or "there are no candles")


def rehearse_forecast(rehearsed: Rehearsed) -> tuple[str, Reading]:
    """Forecast from the rehearsed window, as a morning does.

    Raises:
        BundleRefused: a member cannot answer, or the context, though the window is whole.
        DataUnavailable: no member of a candidate can answer.
    """
    said = forecast(rehearsed.bundle, rehearsed.window)
    skipped = {
        f"{candidate} {member}": why
        for candidate, one in said.forecasts.items()
        for member, why in one.skipped.items()
    }
    if skipped:
        raise BundleRefused(
            f"On a whole window these members do not answer: {skipped}.",
            remedy="Use the version of ForecastLab that made the bundle.",
        )
    reading = _reading(rehearsed, said)
    shown = f"bull_prob {reading.bull_prob:.3f} ({reading.candidate}), {reading.direction}"
    return f"{shown}, regime {reading.regime or 'not modelled'}, call {reading.call}", reading


def _reading(rehearsed: Rehearsed, said: Said) -> Reading:
    manifest, window = rehearsed.bundle.files.manifest, rehearsed.window
    listed = [one for one in manifest.recipe.target.candidates if one in said.forecasts]
    candidate = next(iter(listed), next(iter(said.forecasts)))
    found = said.forecasts[candidate]
    share, base = _up_share(found.pred_proba), _up_share(found.base_rate)
    return Reading(
        asof=asof_name(window.asof_open, window.interval),
        market=rehearsed.market,
        candidate=candidate,
        bull_prob=found.pred_proba[str(UP)],
        up_share=share,
        base_share=base,
        regime=None if said.regime is None else said.regime.name,
        # Where one side alone has happened lately there is nothing to lean against.
        direction=Thresholds.relative(base).side(share) if 0 < base < 1 else "neutral",
        call=found.call,
        degraded=said.degraded,
    )


def _up_share(table: Probabilities) -> float:
    """Return P(up) among up and down: a quiet market is no falling one.

    >>> round(_up_share({"-1": 0.24, "0": 0.5, "1": 0.26}), 2)
    0.52
    """
    down = table[min(table, key=int)]
    return rounded(table[str(UP)] / (table[str(UP)] + down))


_ARCHIVE: Final = "archive"


def _markets(workspace: Workspace) -> Iterator[tuple[str, CandleArchive]]:
    yield _ARCHIVE, workspace.archive
    if workspace.stand_in is not None:
        yield "simulated", _Drawn(workspace.stand_in())


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A source read like an archive: the simulated market draws what it is asked for."""

    source: CandleSource

    def read(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        return self.source.fetch(symbol, interval, first_open, last_open)


def _newest_window(
    workspace: Workspace, archive: CandleArchive, bundle: OpenBundle
) -> ServingWindow:
    needed, manifest = bundle.needed, bundle.files.manifest
    asof_open = _newest_open(archive, needed.symbol, needed.interval, workspace.wall.now())
    cut_off = parse_cut_off(manifest.training.cut_off, manifest.interval)
    if asof_open < cut_off:
        raise DataUnavailable(
            f"its newest candle {asof_name(asof_open, needed.interval)} lies before the bundle's"
            f" cut-off {manifest.training.cut_off}.",
            remedy="Run `forecastlab update`.",
        )
    return serving_window(read_market(archive, needed, asof_open, asof_open), needed, asof_open)


def _newest_open(
    archive: CandleArchive, symbol: str, interval: Interval, now: datetime
) -> datetime:
    """Return the open of the newest closed candle at hand.

    Raises:
        DataUnavailable: there is none.
    """
    daily = archive.read(symbol, "1d", None, last_closed_open(now, "1d"))
    if not len(daily):
        raise DataUnavailable(
            f"there are no daily candles of {symbol}.", remedy="Run `forecastlab update`."
        )
    if interval == "1d":
        return daily.last_open
    # Of shorter candles only the newest days are read: a bucket holds them month by month.
    last = min(last_closed_open(now, interval), daily.last_open + _RECENT)
    recent = archive.read(symbol, interval, daily.last_open - _RECENT, last)
    if not len(recent):
        raise DataUnavailable(
            f"there are no recent {interval} candles of {symbol}.",
            remedy="Run `forecastlab update`.",
        )
    return recent.last_open


def _computed(bundle: OpenBundle, window: ServingWindow) -> tuple[str, str, tuple[str, ...]]:
    """Return how many features each set has, those without a value, and what stands in for some."""
    recipe, counts, missing = bundle.files.manifest.recipe, [], []
    notes: dict[str, None] = {}
    for name in bundle.files.manifest.features:
        built = build_features(window.view, window.symbol, feature_key(recipe, name))
        found = with_stand_ins(recipe, window.view, window.symbol, built)
        notes |= dict.fromkeys(found.notes)
        row = found.rows.iloc[-1]
        counts.append(f"{name} {len(row)}")
        missing += [f"{name} {column}" for column in row.index[row.isna().to_numpy()]]
        missing += [f"{name} ({found.obstacle})"] if found.obstacle is not None else []
    return ", ".join(counts), ", ".join(missing), tuple(notes)
