"""From where to where a bundle's columns went in training, and what is far outside of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from forecastlab.contracts.manifest import KNOWN_ANSWERS
from forecastlab.contracts.wire_schema import WireSchema
from forecastlab.models.base import Model
from forecastlab.models.gbm import LightGbmModel
from forecastlab.models.sequence.model import SequenceModel
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.stored_answers import stored_answers

BEYOND: Final = 10.0
"""A value is far outside if it lies more than this many widths of the range beyond its end."""

Range = tuple[float, float]


def training_ranges(bundle: OpenBundle, schema: WireSchema) -> dict[str, Range]:
    """Return the range of every column on the wire.

    The smallest and largest value that LightGBM saw, where a member of the column's set keeps them;
    else what a network does not clip, its mean ± clip · sd; else the range of the rows of the known
    answers, which are 64 as-ofs only. A column that was constant in training has no range: no
    member looks at it.
    """
    answers = stored_answers(bundle.files.files[KNOWN_ANSWERS])
    found: dict[str, Range] = {}
    for name, columns in schema.sets.items():
        rows = answers.features[name]
        of_set = {
            str(column): (float(rows[column].min()), float(rows[column].max())) for column in rows
        }
        of_set |= _by_networks(_readers(bundle, name)) | _by_trees(_readers(bundle, name))
        for column, own in zip(columns, schema.own[name], strict=True):
            if own in of_set:
                found[column] = _wider(found.get(column), of_set[own])
    constant = constant_columns(bundle, schema)
    return {
        column: one for column, one in found.items() if one[1] > one[0] and column not in constant
    }


def constant_columns(bundle: OpenBundle, schema: WireSchema) -> tuple[str, ...]:
    """Return the columns that varied in the training of no member that knows them."""
    varied: set[str] = set()
    constant: set[str] = set()
    for name, columns in schema.sets.items():
        at = dict(zip(schema.own[name], columns, strict=True))
        for model in _readers(bundle, name):
            flat = _flat(model)
            if flat is not None:
                constant |= {at[own] for own in flat}
                varied |= {at[own] for own in model.columns if own not in flat}
    return tuple(column for column in schema.columns if column in constant - varied)


def allowed(ranges: Mapping[str, Range], columns: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest value that columns may have, infinite without a range.

    >>> low, high = allowed({"a": (0.0, 2.0)}, ("a", "b"))
    >>> low.tolist(), high.tolist()
    ([-20.0, -inf], [22.0, inf])
    """
    low, high = np.full(len(columns), -np.inf), np.full(len(columns), np.inf)
    for place, column in enumerate(columns):
        if column in ranges:
            first, last = ranges[column]
            low[place] = first - BEYOND * (last - first)
            high[place] = last + BEYOND * (last - first)
    return low, high


def _readers(bundle: OpenBundle, feature_set: str) -> list[Model]:
    return [
        model
        for forecaster in bundle.forecasters.values()
        for name, model in forecaster.members.items()
        if forecaster.keys[name].feature_set == feature_set
    ]


def _flat(model: Model) -> set[str] | None:
    """Return the columns that were constant in a model's training; None where it does not know."""
    if isinstance(model, LightGbmModel):
        return {name for name, one in model.ranges().items() if one is None}
    return set(model.scaling.dropped) if isinstance(model, SequenceModel) else None


def _by_trees(models: list[Model]) -> dict[str, Range]:
    found: dict[str, Range] = {}
    for model in models:
        if isinstance(model, LightGbmModel):
            for name, one in model.ranges().items():
                if one is not None:
                    found[name] = _wider(found.get(name), one)
    return found


def _by_networks(models: list[Model]) -> dict[str, Range]:
    found: dict[str, Range] = {}
    for model in models:
        if isinstance(model, SequenceModel):
            scaling = model.scaling
            for name, mean, sd in zip(scaling.kept, scaling.mean, scaling.sd, strict=True):
                reach = scaling.clip * float(sd)
                found[name] = _wider(found.get(name), (float(mean) - reach, float(mean) + reach))
    return found


def _wider(one: Range | None, other: Range) -> Range:
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))
