"""The known answers once more, on the very path on which requests are answered; this warms it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.manifest import KNOWN_ANSWERS
from forecastlab.models.base import window_of
from forecastlab.models.sequence.windows import epoch_ms
from forecastlab.usecases.array_members import Asked, SetRows
from forecastlab.usecases.inference import GPU_TOLERANCE
from forecastlab.usecases.known_answers import tolerances
from forecastlab.usecases.served_bundle import ServedBundle
from forecastlab.usecases.stored_answers import StoredAnswers, stored_answers


def demand_known_answers(served: ServedBundle) -> None:
    """Ask every known as-of, alone and then all together, and compare.

    Raises:
        BundleRefused: an answer differs by more than its tolerance, which is wider on a GPU.
    """
    stored = stored_answers(served.bundle.files.files[KNOWN_ANSWERS])
    asked = [_asked(served, stored, opens) for opens in stored.opens]
    _compare(served, stored, asked[:1])
    _compare(served, stored, asked)


def _asked(served: ServedBundle, stored: StoredAnswers, opens: pd.Timestamp) -> Asked:
    found: dict[str, SetRows | str] = {}
    for name, own in served.schema.own.items():
        table = stored.features[name]
        end = int(table.index.get_loc(opens)) + 1  # type: ignore[arg-type]  # its index is unique
        rows = table.iloc[max(end - served.members.rows[name], 0) : end]
        matrix = rows.loc[:, list(own)].to_numpy(dtype="float64")
        found[name] = SetRows(matrix, epoch_ms(rows.index), len(rows))
    return found


def _compare(served: ServedBundle, stored: StoredAnswers, asked: list[Asked]) -> None:
    answered, published = served.asked(asked)
    for candidate, forecaster in served.bundle.forecasters.items():
        allowed = tolerances(forecaster)
        if served.device != "cpu":
            networks = [name for name, one in forecaster.members.items() if window_of(one) > 1]
            allowed |= dict.fromkeys((*networks, "published"), GPU_TOLERANCE)
        rises: Mapping[str, list[float]] = {
            "published": [one[candidate].up for one in published],
            **{
                name: [float(one.members[candidate][name][1]) for one in answered]
                for name in forecaster.members
            },
        }
        for name, now in rises.items():
            then = np.asarray(stored.answers[candidate][name], dtype="float64")[: len(now), 1]
            worst = float(np.abs(then - np.asarray(now)).max())
            if not worst <= allowed[name]:
                raise BundleRefused(
                    f"{served.name} {candidate}: {name} answers differ by {worst:.2g} on"
                    f" {served.device} (allowed: {allowed[name]:.0e}).",
                    remedy="Serve with --device cpu, or with the libraries that meta.json names.",
                )
