"""What one challenger says of a serving window, member by member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.records import CandidateForecast
from forecastlab.contracts.shadow import ShadowAnswer, ShadowMember
from forecastlab.models.base import window_of
from forecastlab.models.sequence.windows import epoch_ms
from forecastlab.usecases.champion import opened
from forecastlab.usecases.forecast import forecast
from forecastlab.usecases.inference import Asking, Local, MemberAnswers
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.serving_window import ServingWindow
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class Answered:
    """A challenger's forecasts by candidate, and what a record would say was amiss."""

    forecasts: dict[str, ShadowAnswer]
    degraded: tuple[str, ...]


def shadow_answers(reader: Workspace, files: BundleFiles, window: ServingWindow) -> Answered:
    """Load a challenger and forecast, on this machine and with nothing switched off.

    Args:
        reader: a workspace on a store that takes no write.

    Raises:
        BundleRefused: it does not give its known answers, or is not the registered one.
        DataUnavailable: no member of a candidate can answer.
    """
    bundle, listening = opened(reader, files), _Listening()
    said = forecast(bundle, window, Asking(listening))
    step = pd.Timedelta(DURATION[window.interval])
    lengths = {
        name: rows_in_a_row(pd.DatetimeIndex(table.index), pd.Timestamp(window.asof_open), step)
        for name, table in listening.rows.items()
    }
    forecasts = {name: _answer(bundle, name, one, lengths) for name, one in said.forecasts.items()}
    return Answered(forecasts, said.degraded)


class _Listening:
    """Asks the members here and keeps the rows that they were given."""

    def __init__(self) -> None:
        self.rows: dict[str, pd.DataFrame] = {}

    def answers(
        self,
        bundle: OpenBundle,
        rows: Mapping[str, pd.DataFrame],
        opens: pd.DatetimeIndex,
        absent: Mapping[str, str],
    ) -> MemberAnswers:
        """Return what every member says of the as-ofs of these opens."""
        self.rows = dict(rows)
        return Local().answers(bundle, rows, opens, absent)


def _answer(
    bundle: OpenBundle, name: str, said: CandidateForecast, lengths: Mapping[str, int]
) -> ShadowAnswer:
    forecaster, members = bundle.forecasters[name], {}
    for member, key in forecaster.keys.items():
        answer = said.members.get(member)
        needed = window_of(forecaster.members[member])
        members[member] = ShadowMember(
            kind=key.kind,
            probabilities=answer,
            skipped=said.skipped.get(member, "no answer") if answer is None else None,
            full_window=answer is not None and lengths.get(key.feature_set, 0) >= needed,
        )
    return ShadowAnswer(
        pred_proba=said.pred_proba,
        method=said.method,
        own_method=said.method == forecaster.rule.method,
        members=members,
    )


def rows_in_a_row(opens: pd.DatetimeIndex, asof_open: pd.Timestamp, step: pd.Timedelta) -> int:
    """Return how many of these rows follow each other without a hole up to the as-of's.

    Args:
        opens: of the complete rows, ascending.

    >>> opens = pd.DatetimeIndex(["2025-09-30T01Z", "2025-09-30T03Z", "2025-09-30T04Z"])
    >>> hour = pd.Timedelta(hours=1)
    >>> rows_in_a_row(opens, opens[-1], hour), rows_in_a_row(opens, opens[-1] + hour, hour)
    (2, 0)
    """
    if opens.empty or opens[-1] != asof_open:
        return 0
    breaks = np.flatnonzero(np.diff(epoch_ms(opens)) != step // pd.Timedelta(milliseconds=1))
    return len(opens) - (int(breaks[-1]) + 1 if len(breaks) else 0)
