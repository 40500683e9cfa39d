"""What stands in the generated regions of each document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

from benchmarks.original_page import findings, runs_table
from benchmarks.result_table import machine_text, result_text
from benchmarks.results import BenchmarkResult
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.degradations import CATALOGUE
from forecastlab.contracts.intervals import DURATION, parse_asof
from forecastlab.contracts.manifest import FeatureEntry
from forecastlab.contracts.records import ForecastRecord
from forecastlab.contracts.version_scores import SignalEvidence
from forecastlab.features.catalogue import BY_KEY, FEATURE_SETS
from forecastlab.features.feature import Feature, FeatureKey
from forecastlab.features.original_names import GONE, successors
from forecastlab.features.signal import VERSIONS, set_name
from forecastlab.report.degradation_tables import degradation_table, exit_code_table
from forecastlab.report.direction_table import direction_table
from forecastlab.report.feature_tables import feature_table, set_table, successor_table
from forecastlab.report.record_excerpt import excerpt, reading
from forecastlab.report.research_only import research_table
from forecastlab.report.skill_claims import claim_sentences, claim_table, claims, happened_table
from forecastlab.report.skill_networks import network_sentence, network_table, networks
from forecastlab.report.skill_table import skill_table
from forecastlab.report.speed_table import speed_table
from forecastlab.report.version_table import label_table, seed_table, version_table
from scripts.documents.chinese import reading_words, skill_words, value_table
from scripts.documents.sources import RECORD, Sources

Regions = Mapping[str, str]
"""Name -> what stands in it."""

SHOWN: Final = "T21_X8"
"""The candidate whose forecast the README shows."""

HOURLY: Final = ("direction_1h_BTCUSDT", "direction_1h_ETHUSDT")
JOINED: Final = "direction_cross"
"""A set that is two others side by side, and needs no table of its own."""

WITHOUT_BUNDLE: Final = ("direction_4h", "direction_24h")


def regions(root: Path) -> dict[str, Regions]:
    """Return document -> its regions, made of what lies in a checkout."""
    of = Sources(root)
    original = of.benchmark("original_table")
    record = ForecastRecord.parse(of.record(), what=str(RECORD))
    heart = excerpt(json.loads(of.record()), SHOWN)
    daily = of.verdict("verdict")
    return {
        "README.md": {"reading": reading(record), "record": heart, "skill": skill_table(daily)},
        "README.zh-CN.md": {
            "reading": reading(record, reading_words()),
            "record": heart,
            "skill": skill_table(daily, skill_words()),
        },
        "docs/079-explained.md": {"table": runs_table(original), "findings": findings(original)},
        "docs/benchmarks.md": {"results": _results(of)},
        "docs/cloud.md": {"costs": of.costs()},
        "docs/degradation.md": {
            **{name: degradation_table(kinds) for name, kinds in CATALOGUE.items()},
            "exit-codes": exit_code_table(),
        },
        "docs/direction.md": _hourly(of),
        "docs/features.md": _features(of),
        "docs/glossary.zh-CN.md": {"values": value_table()},
        "docs/serving.md": {"speed": _speed(of.benchmark("serving"))},
        "docs/signal.md": {
            "versions": version_table(of.versions()),
            "labels": label_table(of.versions()),
            "seeds": _seeds(of),
        },
        "docs/skill.md": _skill(of),
    }


def _skill(of: Sources) -> Regions:
    versions = of.versions()
    found = claims(of.verdicts(), versions)
    nets = networks(of.verdicts(), of.champions())
    return {
        "claims": claim_sentences(found),
        "claim-table": claim_table(found),
        "happened": happened_table(found),
        "daily": skill_table(of.verdict("verdict")),
        **_hourly(of),
        "research": _research(of),
        "versions": version_table(versions),
        "network-sentence": network_sentence(nets),
        "networks": network_table(nets),
        "leak": findings(of.benchmark("original_table")),
    }


def _hourly(of: Sources) -> Regions:
    return {one.symbol: direction_table(one) for one in of.verdicts()[1:]}


def _research(of: Sources) -> str:
    manifest = of.champions()[HOURLY[0]]
    last = parse_asof(manifest.training.cut_off, manifest.interval)
    return research_table(map(of.recipe, WITHOUT_BUNDLE), last + DURATION[manifest.interval])


def _seeds(of: Sources) -> str:
    found = (SignalEvidence.model_validate(one.signal) for one in of.manifests() if one.signal)
    return seed_table({one.scores.version: one.seed_noise for one in found}, of.versions())


def _speed(found: BenchmarkResult) -> str:
    aim = found.targets["requests_per_second_ratio"].at_least or 0.0
    return speed_table(found.measured, aim=aim, machine=machine_text(found.machine))


def _results(of: Sources) -> str:
    parts = []
    for one in of.benchmarks():
        title = one.benchmark.replace("_", " ").capitalize()
        parts.append(f"## {title}\n\n`{one.command}`\n\n{result_text(one)}\n")
    return "\n".join(parts)


def _features(of: Sources) -> Regions:
    manifests = of.manifests()
    dropped = {
        name: why
        for one in manifests
        for left_out in one.dropped.values()
        for name, why in left_out.items()
    }
    sets = dict(_sets(of.champions()[HOURLY[0]].recipe))
    shown = {name: _added(name, sets) for name in sets if name != JOINED}
    made = successors(HOURLY[1].rpartition("_")[2], ("BTCUSDT",))
    return {
        "sets": set_table(sets, manifests),
        **{
            name.replace("/", "-"): feature_table(columns, dropped)
            for name, columns in shown.items()
        },
        "successors": successor_table({name: one.of for name, one in made.items()}, GONE),
    }


def _sets(recipe: Recipe) -> Iterator[tuple[str, tuple[FeatureEntry, ...]]]:
    """Yield every set of the catalogue by the name that members give it, with its columns.

    Sets whose columns depend on the references compare with those of the hourly deployment.
    """
    for (name, variant), one in FEATURE_SETS.items():
        yield _name(name, variant), _entries(one.features)
    for (name, variant), make in BY_KEY.items():
        key = FeatureKey(name, variant, "1h", recipe.references, funding=True)
        yield _name(name, variant), _entries(make(key).features)


def _added(name: str, sets: Mapping[str, tuple[FeatureEntry, ...]]) -> tuple[FeatureEntry, ...]:
    """Return a set's columns; of a version of the signal those that the one before it has not."""
    versions = [set_name(one) for one in VERSIONS]
    place = versions.index(name) if name in versions else 0
    known = sets[versions[place - 1]] if place else ()
    return tuple(one for one in sets[name] if one not in known)


def _name(name: str, variant: str) -> str:
    return name if variant == "raw" else f"{name}/{variant}"


def _entries(features: tuple[Feature, ...]) -> tuple[FeatureEntry, ...]:
    names = [one.name for one in fields(Feature)]
    return tuple(FeatureEntry(**{name: getattr(one, name) for name in names}) for one in features)
