"""Shadow documents as the runs of an hourly deployment leave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.records import BundleReference, Mode
from forecastlab.contracts.shadow import (
    SealedAnswer,
    ShadowAnswer,
    ShadowChallenger,
    ShadowChampion,
    ShadowDocument,
    ShadowMember,
)

HOURLY: Final = "direction_1h_BTCUSDT"
ZEROS: Final = "sha256:" + "0" * 64
CHALLENGER: Final = f"{HOURLY}_20250930_2"
CHAMPION: Final = f"{HOURLY}_20250930"
FIRST: Final = datetime(2025, 10, 1, tzinfo=UTC)
METHOD: Final = "stack"

Changed = Callable[[int, ShadowAnswer], ShadowAnswer]
"""A bar's place in the span and what the challenger would say -> what it says."""


def table(up: float) -> dict[str, float]:
    """Return a forecast of two classes."""
    return {"0": 1 - up, "1": up}


def asofs(count: int, first: datetime = FIRST) -> list[str]:
    """Return the as-ofs of consecutive hours."""
    return [asof_name(first + timedelta(hours=place), "1h") for place in range(count)]


def member(kind: str, up: float | None, *, full_window: bool = True) -> ShadowMember:
    """Return a member's answer; None for one that was skipped."""
    if up is None:
        return ShadowMember(kind=kind, skipped="insufficient_rows(12<48)")
    return ShadowMember(kind=kind, probabilities=table(up), full_window=full_window)


def answer(up: float, members: Mapping[str, ShadowMember] | None = None) -> ShadowAnswer:
    """Return a forecast of the bundle's own method, with a tree and both networks."""
    told = {name: member(name, up + lean) for name, lean in (("lstm", 0.01), ("tft", -0.01))}
    told["lightgbm"] = member("lightgbm", up)
    return ShadowAnswer(
        pred_proba=table(up), method=METHOD, own_method=True, members=members or told
    )


def lively(count: int, seed: int = 0) -> list[float]:
    """Return probabilities that vary about one half, as those of a sane challenger do."""
    return np.random.default_rng(seed).uniform(0.42, 0.58, size=count).round(9).tolist()


def answered(forecasts: Mapping[str, ShadowAnswer]) -> ShadowChallenger:
    """Return what becomes of a challenger that answers."""
    bundle = BundleReference(name=CHALLENGER, digest=ZEROS)
    return ShadowChallenger(bundle=bundle, forecasts=dict(forecasts), latency_s=0.2)


def failed(error: str) -> ShadowChallenger:
    """Return what becomes of a challenger that fails."""
    return ShadowChallenger(bundle=BundleReference(name=CHALLENGER, digest=ZEROS), error=error)


def span(count: int = 24, changed: Changed = lambda _, one: one) -> dict[str, ShadowChallenger]:
    """Return what became of the challenger, hour by hour; `changed` breaks its answers."""
    ups = lively(count)
    return {
        asof: answered({"H5": changed(place, answer(ups[place]))})
        for place, asof in enumerate(asofs(count))
    }


def document(
    asof: str, challengers: Sequence[ShadowChallenger], *, up: float = 0.52, mode: Mode = "live"
) -> ShadowDocument:
    """Return the document of one hour; `up` is what the champion says."""
    opened = datetime.strptime(asof, "%Y-%m-%dT%HZ").replace(tzinfo=UTC)
    said = SealedAnswer(pred_proba=table(up), method=METHOD, members={"lightgbm": table(up)})
    return ShadowDocument(
        deployment=HOURLY,
        symbol="BTCUSDT",
        interval="1h",
        asof_date=asof,
        as_of=opened + timedelta(hours=1),
        created_at=opened + timedelta(hours=1, minutes=5),
        mode=mode,
        champion=ShadowChampion(
            bundle=BundleReference(name=CHAMPION, digest=ZEROS),
            record=ZEROS,
            forecasts={"H5": said},
            duration_s=0.3,
        ),
        challengers=tuple(challengers),
    )
