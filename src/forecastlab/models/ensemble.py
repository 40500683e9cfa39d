"""One candidate's forecaster: fitted members, and the rule that makes one forecast of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import pandas as pd

from forecastlab.contracts.canonical import Json, canonical_bytes, parse_document
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.contracts.intervals import parse_instant
from forecastlab.models.base import Model
from forecastlab.models.base_rate import RateCounts
from forecastlab.models.catalogue import load_model
from forecastlab.models.rule import Rule

RATES_FILE: Final = "base_rate.json"


@dataclass(frozen=True)
class MemberKey:
    """What identifies a fitted member in a bundle: its kind and the feature set that it reads."""

    kind: str
    feature_set: str


@dataclass(frozen=True, eq=False)
class EnsembleForecast:
    """Forecasts of the rows asked for: published and per member, columns the classes.

    `sets` holds each row's prediction set, labels ascending.
    """

    published: pd.DataFrame
    members: Mapping[str, pd.DataFrame]
    sets: list[tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Forecaster:
    """Members, rule and base-rate counts of one candidate.

    Attributes:
        members: name -> fitted model; the order is that of simplicity.
        keys: name -> kind and feature set.
        rates: class counts up to the bundle's cut-off, continued by serving.
    """

    members: Mapping[str, Model]
    keys: Mapping[str, MemberKey]
    rule: Rule
    rates: RateCounts

    @property
    def feature_sets(self) -> tuple[str, ...]:
        """The feature sets whose rows a forecast needs."""
        return tuple(dict.fromkeys(key.feature_set for key in self.keys.values()))

    def forecast(self, features: Mapping[str, pd.DataFrame]) -> EnsembleForecast:
        """Ask every member and combine.

        Args:
            features: feature set -> rows; all sets have the same rows.

        Raises:
            DataMalformed: rows are incomplete, or a member gives no probabilities.
        """
        members = {
            name: model.predict_proba(features[self.keys[name].feature_set])
            for name, model in self.members.items()
        }
        published = self.rule.forecast(members)
        return EnsembleForecast(published, members, self.rule.prediction_sets(published))

    def dump(self) -> dict[str, bytes]:
        """Return members, rule and counts as files.

        Raises:
            BundleRefused: two parts want the same file name.
        """
        parts = [model.dump() for model in self.members.values()]
        parts += [self.rule.dump(), {RATES_FILE: _dump_rates(self.rates)}]
        files = {name: data for part in parts for name, data in part.items()}
        if len(files) != sum(len(part) for part in parts):
            raise BundleRefused(
                "Two parts of a forecaster write the same file.", remedy="Rename one of them."
            )
        return files

    @classmethod
    def load(cls, files: Mapping[str, bytes], keys: Mapping[str, MemberKey]) -> Self:
        """Rebuild a forecaster from what `dump` gave and the manifest's member keys.

        Raises:
            BundleRefused: a file is missing or does not hold what it should.
        """
        rule = Rule.load(files)
        if set(rule.members) != set(keys):
            raise BundleRefused(
                f"The rule combines {sorted(rule.members)}, the manifest lists {sorted(keys)}.",
                remedy="Restore the bundle.",
            )
        members = {name: load_model(keys[name].kind, files) for name in rule.members}
        ordered = {name: keys[name] for name in rule.members}
        return cls(members, ordered, rule, _load_rates(files))


def _dump_rates(rates: RateCounts) -> bytes:
    classes: list[Json] = list(rates.classes)
    counts: list[Json] = list(rates.counts)
    until = rates.until.isoformat()
    return canonical_bytes({"classes": classes, "counts": counts, "until": until})


def _load_rates(files: Mapping[str, bytes]) -> RateCounts:
    try:
        document: dict[str, Any] = parse_document(files[RATES_FILE], what=RATES_FILE)
        return RateCounts(
            tuple(int(label) for label in document["classes"]),
            tuple(int(count) for count in document["counts"]),
            parse_instant(str(document["until"]), what=RATES_FILE),
        )
    except (KeyError, TypeError, ValueError, DataMalformed) as error:
        raise BundleRefused(
            f"{RATES_FILE} holds no class counts ({error}).", remedy="Restore the bundle."
        ) from error
