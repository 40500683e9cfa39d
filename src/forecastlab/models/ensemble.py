"""One candidate's forecaster: fitted members, and the rule that makes one forecast of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import pandas as pd

from forecastlab.contracts.canonical import Json, canonical_bytes, parse_document, whole
from forecastlab.contracts.degradations import INSUFFICIENT_ROWS
from forecastlab.contracts.errors import (
    BundleRefused,
    DataMalformed,
    DataUnavailable,
    UsageError,
)
from forecastlab.contracts.intervals import parse_instant
from forecastlab.models.base import Model, answers_of, complete_opens, window_of
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
    """Forecasts of the as-ofs asked for: published and per member, columns the classes.

    Attributes:
        sets: each row's prediction set, labels ascending.
        method: what made the published forecast of the members' answers.
        skipped: members that could not answer -> why.
    """

    published: pd.DataFrame
    members: Mapping[str, pd.DataFrame]
    sets: list[tuple[int, ...]]
    method: str
    skipped: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Forecaster:
    """Members, rule and base-rate counts of one candidate.

    Attributes:
        members: name -> fitted model; those of the rule first, in the order of simplicity. A
            member that the rule has dropped still answers, and has no say.
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

    @property
    def windows(self) -> dict[str, int]:
        """Feature set -> rows that the longest sequence of a member reads, 1 without sequences."""
        found: dict[str, int] = {}
        for name, model in self.members.items():
            key = self.keys[name].feature_set
            found[key] = max(found.get(key, 1), window_of(model))
        return found

    def forecast(
        self,
        features: Mapping[str, pd.DataFrame],
        opens: pd.DatetimeIndex,
        *,
        absent: Mapping[str, str] | None = None,
    ) -> EnsembleForecast:
        """Ask every member for the as-ofs of these opens, and combine.

        Args and errors as in `answers` and `combine`.
        """
        return self.combine(*self.answers(features, opens, absent=absent))

    def answers(
        self,
        features: Mapping[str, pd.DataFrame],
        opens: pd.DatetimeIndex,
        *,
        absent: Mapping[str, str] | None = None,
    ) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
        """Return what each member says of the as-ofs of these opens, and why others say nothing.

        Args:
            features: feature set -> rows, ascending; for members that read sequences, the rows
                before the first as-of too.
            absent: feature set -> why it could not be computed.

        Raises:
            DataMalformed: rows are incomplete.
        """
        answers: dict[str, pd.DataFrame] = {}
        skipped: dict[str, str] = {}
        for name, model in self.members.items():
            feature_set = self.keys[name].feature_set
            if absent and feature_set in absent:
                skipped[name] = absent[feature_set]
                continue
            said = answers_of(model, features[feature_set], opens)
            if said is None:
                window, rows = window_of(model), len(features[feature_set])
                skipped[name] = INSUFFICIENT_ROWS.says(rows=rows, needed=window)
            else:
                answers[name] = said
        return answers, skipped

    def combine(
        self,
        answers: Mapping[str, pd.DataFrame],
        skipped: Mapping[str, str],
        *,
        stacking: bool = True,
    ) -> EnsembleForecast:
        """Make one forecast of what the members said.

        Where one of them is skipped, what the others say is pooled if the rule's own method needs
        it; without `stacking` the pool stands in for a stack.

        Raises:
            DataUnavailable: no member has answered.
            DataMalformed: a member gives no probabilities.
        """
        if not answers:
            raise DataUnavailable(
                f"No member can answer: {dict(skipped)}.",
                remedy="Run `forecastlab update`; a gap of the exchange itself must pass first.",
            )
        method, published = self.rule.forecast_with(answers, stacking=stacking)
        sets = self.rule.prediction_sets(published)
        return EnsembleForecast(published, answers, sets, method, skipped)

    def answerable(self, features: Mapping[str, pd.DataFrame]) -> pd.DatetimeIndex:
        """Return the opens at which every member has all the rows that it reads, ascending."""
        shared: pd.Index | None = None
        for name, model in self.members.items():
            rows = features[self.keys[name].feature_set]
            index = complete_opens(model, rows)
            shared = index if shared is None else shared.intersection(index)
        return pd.DatetimeIndex(shared if shared is not None else []).sort_values()

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
        if not set(rule.members) <= set(keys):
            raise BundleRefused(
                f"The rule combines {sorted(rule.members)}, the manifest lists {sorted(keys)}.",
                remedy="Restore the bundle.",
            )
        # Members that the rule has dropped are asked as well: the record shows what they say.
        ordered = {name: keys[name] for name in dict.fromkeys((*rule.members, *sorted(keys)))}
        members = {name: load_model(key.kind, files) for name, key in ordered.items()}
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
            tuple(whole(label) for label in document["classes"]),
            tuple(whole(count) for count in document["counts"]),
            parse_instant(str(document["until"]), what=RATES_FILE),
        )
    except (KeyError, TypeError, ValueError, DataMalformed, UsageError) as error:
        raise BundleRefused(
            f"{RATES_FILE} holds no class counts ({error}).", remedy="Restore the bundle."
        ) from error
