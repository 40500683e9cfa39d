"""What a health check looks at in a bundle itself, each by its own means.

Every check returns facts for a person, and what later checks go on from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forecastlab.contracts.bundle_files import BundleFiles, stated_manifest, verified
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import BundleRefused, UsageError
from forecastlab.contracts.manifest import KNOWN_ANSWERS, MANIFEST, Manifest
from forecastlab.contracts.records import SUM_TOLERANCE
from forecastlab.features.catalogue import find_feature_set
from forecastlab.models.ensemble import Forecaster
from forecastlab.models.trees import column_names
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.champion import standing
from forecastlab.usecases.health_steps import NotJudged
from forecastlab.usecases.known_answers import replay_known_answers
from forecastlab.usecases.open_bundle import OpenBundle, checked_versions, load_bundle
from forecastlab.usecases.regression_cases import (
    RegressionCase,
    Side,
    broken_order,
    regression_cases,
    without_spread,
)
from forecastlab.usecases.stored_answers import StoredAnswers, stored_answers
from forecastlab.usecases.training_materials import feature_key
from forecastlab.usecases.workspace import Workspace

Cases = Mapping[Side, tuple[RegressionCase, ...]]


@dataclass(frozen=True, eq=False)
class FoundBundle:
    """A bundle as it lies, verified by nobody: where, under which name, and its bytes."""

    where: str
    name: str
    files: Mapping[str, bytes]


def check_manifest(found: FoundBundle) -> tuple[str, Manifest]:
    """Read the manifest."""
    manifest = stated_manifest(found.files, where=found.where)
    made = f"{manifest.created_at:%Y-%m-%d} of commit {manifest.git_commit[:12]}"
    return f"schema {manifest.schema_version}, made {made}", manifest


def check_files(found: FoundBundle) -> tuple[str, BundleFiles]:
    """Compare every file's hash and size with the manifest; nothing missing, nothing more."""
    files = verified(found.files, where=found.where)
    size = sum(len(data) for data in found.files.values())
    return f"{len(files.files)} files and {MANIFEST}, {size / 1e6:.2f} MB, as stated", files


def check_names(workspace: Workspace, stated: tuple[FoundBundle, Manifest]) -> tuple[str, Manifest]:
    """Compare the bundle's name, version, deployment and digest with what others know of it."""
    found, manifest = stated
    version = manifest.name.removeprefix(f"{manifest.deployment}_")
    known = {"the registry": standing(workspace)[0].registered.get(found.name)}
    first = workspace.bundles.first_champion(workspace.deployment)
    if first is not None and first.name == found.name:
        known["champions.toml"] = first.digest
    faults = [
        (manifest.name != found.name, f"it lies under the name {found.name}"),
        (
            version != manifest.version,
            f"its version is {manifest.version}, its name ends {version}",
        ),
        (
            manifest.deployment != workspace.deployment,
            f"it belongs to {manifest.deployment}, not to {workspace.deployment}",
        ),
        (
            manifest.recipe.name != manifest.deployment,
            f"its recipe is of {manifest.recipe.name}",
        ),
        *(
            (
                one is not None and one != digest(found.files[MANIFEST]),
                f"{by} knows another manifest by this name",
            )
            for by, one in known.items()
        ),
    ]
    wrong = [why for is_wrong, why in faults if is_wrong]
    if wrong:
        raise BundleRefused(f"The bundle {manifest.name}: {'; '.join(wrong)}.", remedy=_RESTORE)
    witnesses = [by for by, one in known.items() if one is not None]
    agreed = f", known so to {' and '.join(witnesses)}" if witnesses else ""
    return f"{manifest.name}, version {manifest.version}{agreed}", manifest


_RESTORE = "Restore the bundle from version control or its bucket."


def check_libraries(files: BundleFiles) -> tuple[str, BundleFiles]:
    """Compare the libraries' major versions with those that the bundle was made with."""
    versions = checked_versions(files)
    return ", ".join(f"{name} {version}" for name, version in versions.items()), files


def check_load(files: BundleFiles) -> tuple[str, OpenBundle]:
    """Load every member of every candidate, and the context."""
    bundle = load_bundle(files)
    members = sum(len(one.members) for one in bundle.forecasters.values())
    around = "" if bundle.context is None else ", regime and quantiles"
    return f"{members} members of {len(bundle.forecasters)} candidates{around}", bundle


def check_features(bundle: OpenBundle) -> tuple[str, OpenBundle]:
    """Compare names and order of the features: catalogue, manifest, members, boosters, answers."""
    manifest = bundle.files.manifest
    stated = {name: tuple(one.name for one in of) for name, of in manifest.features.items()}
    answers = _answers(bundle)
    claims = [*_catalogue(manifest), *_members(bundle), *_context(bundle)]
    claims += [
        (f"{KNOWN_ANSWERS} of {name}", name, tuple(map(str, table.columns)))
        for name, table in {**answers.features, **answers.context_rows}.items()
    ]
    for who, feature_set, columns in claims:
        if columns != stated.get(feature_set):
            raise _other_features(who, feature_set, stated.get(feature_set, ()), columns)
    counts = ", ".join(f"{name} {len(columns)}" for name, columns in stated.items())
    boosters = sum(who.startswith("the booster") for who, _, _ in claims)
    facts = f"{counts}: same names in the same order everywhere, in {boosters} boosters too"
    return facts, bundle


Claim = tuple[str, str, tuple[str, ...]]
"""Who names columns, of which feature set, and which."""


def _catalogue(manifest: Manifest) -> Iterator[Claim]:
    for name in manifest.features:
        try:
            described = find_feature_set(feature_key(manifest.recipe, name))
        except UsageError as error:
            raise BundleRefused(
                error.facts, remedy="Update ForecastLab, or train again."
            ) from error
        yield "the catalogue", name, described.columns


def _members(bundle: OpenBundle) -> Iterator[Claim]:
    for candidate, forecaster in bundle.forecasters.items():
        for member, model in forecaster.members.items():
            feature_set, of = forecaster.keys[member].feature_set, f"{candidate} {member}"
            yield f"the member {of}", feature_set, model.columns
            own = column_names(getattr(model, "booster", None))
            if own is not None:
                yield f"the booster of {of}", feature_set, own


def _context(bundle: OpenBundle) -> Iterator[Claim]:
    if bundle.context is None:
        return
    regime, quantiles = bundle.context.regime, bundle.context.quantiles
    yield "the regime model", "regime", regime.columns
    yield "the quantile model", "quantile", quantiles.columns
    boosters = {("regime", f"regime {part}"): one for part, one in regime.boosters.items()}
    boosters |= {("quantile", f"quantile {cell}"): one for cell, one in quantiles.boosters.items()}
    for (feature_set, name), booster in boosters.items():
        yield f"the booster of {name}", feature_set, column_names(booster) or ()


def _other_features(
    who: str, feature_set: str, stated: tuple[str, ...], columns: tuple[str, ...]
) -> BundleRefused:
    missing = [name for name in stated if name not in columns]
    unknown = [name for name in columns if name not in stated]
    if missing or unknown:
        what = f"lacks {missing} and has {unknown} beside"
    else:
        place = next(i for i, (a, b) in enumerate(zip(stated, columns, strict=True)) if a != b)
        what = f"has them in another order: {columns[place]} where {stated[place]} should be"
    return BundleRefused(
        f"Of the features of {feature_set} in {MANIFEST}, {who} {what}.",
        remedy="Use the version of ForecastLab that made the bundle, or train again.",
    )


def check_ensemble(bundle: OpenBundle) -> tuple[str, OpenBundle]:
    """Compare what each candidate publishes by, its classes and its horizon with its name."""
    told = []
    for candidate, entry in bundle.files.manifest.candidates.items():
        forecaster, target = bundle.forecasters[candidate], target_from_name(candidate)
        faults = [
            (forecaster.rule.method != entry.method, f"publishes {forecaster.rule.method}"),
            (not set(forecaster.rule.members) <= entry.members.keys(), "combines unknown members"),
            (
                not {target.classes} >= {entry.classes, forecaster.rule.classes},
                "has other classes than its target",
            ),
            (target.horizon != entry.horizon, f"has the horizon {entry.horizon}"),
            *(
                (model.classes != target.classes, f"has a member {name} of other classes")
                for name, model in forecaster.members.items()
            ),
        ]
        wrong = [why for is_wrong, why in faults if is_wrong]
        if wrong:
            raise BundleRefused(
                f"{candidate} {' and '.join(wrong)}; its manifest states {entry.method},"
                f" {entry.classes}, {entry.horizon} candles.",
                remedy=_RESTORE,
            )
        view = "for research only" if entry.research_only else "may have a view"
        told.append(f"{candidate} publishes {entry.method} ({view})")
    return "; ".join(told), bundle


def check_predictions(bundle: OpenBundle) -> tuple[str, OpenBundle]:
    """Ask every member for all known as-ofs: finite, in [0, 1], summing to 1, no class labels."""
    stored, told = _answers(bundle), []
    for candidate, forecaster in bundle.forecasters.items():
        said = forecaster.forecast(stored.features, stored.opens)
        if said.skipped:
            raise BundleRefused(f"{candidate} skips {dict(said.skipped)}.", remedy=_RESTORE)
        tables = {"published": said.published, **said.members}
        for name, table in tables.items():
            _refuse_no_probabilities(f"{candidate} {name}", table.to_numpy(dtype="float64"))
        up = said.published[_up(forecaster)]
        told.append(f"{candidate} P(up) {up.min():.3f}–{up.max():.3f}")
    facts = f"{len(stored.opens)} as-ofs, finite, in [0, 1], sum 1: {', '.join(told)}"
    return facts, bundle


def _up(forecaster: Forecaster) -> int:
    return max(forecaster.rule.classes)


def _refuse_no_probabilities(who: str, values: np.ndarray) -> None:
    fine = np.isfinite(values).all() and ((values >= 0) & (values <= 1)).all()
    if not fine or not (np.abs(values.sum(axis=1) - 1) <= SUM_TOLERANCE).all():
        raise BundleRefused(
            f"{who} says what is no probability: it is not finite, outside of [0, 1] or does not"
            " sum to 1.",
            remedy="Use another bundle, and train this one again.",
        )
    if np.isin(values, (0.0, 1.0)).all():
        raise BundleRefused(
            f"{who} says 0 or 1 of every as-of: these are class labels, no probabilities.",
            remedy="Use another bundle, and train this one again.",
        )


def check_known_answers(bundle: OpenBundle) -> tuple[str, OpenBundle]:
    """Replay the answers that the bundle carries."""
    files = bundle.files
    data = files.files.get(KNOWN_ANSWERS, b"")
    replay_known_answers(data, bundle.forecasters, bundle=files.name, context=bundle.context)
    opens = _answers(bundle).opens
    return f"{len(opens)} as-ofs, {opens[0]:%Y-%m-%d} to {opens[-1]:%Y-%m-%d}", bundle


def ask_cases(bundle: OpenBundle) -> tuple[str, Cases]:
    """Ask for the regression cases again, one by one, with the columns turned round."""
    cases = regression_cases(bundle.forecasters, _answers(bundle))
    count = sum(len(of) for of in cases.values())
    return f"{count} cases asked by name, columns turned round", cases


def check_case(cases: Cases, side: Side) -> tuple[str, Cases]:
    """Compare one case of every candidate with its pinned score."""
    broken = [one for one in cases[side] if not one.holds]
    if broken:
        raise BundleRefused(
            f"{broken[0]}: {abs(broken[0].again - broken[0].golden):.2g} apart, and"
            f" {broken[0].tolerance:.0e} are allowed.",
            remedy="Install the library versions that its meta.json names, or use another bundle.",
        )
    return "; ".join(map(str, cases[side])), cases


def check_order(cases: Cases) -> tuple[str, Cases]:
    """Demand that the scores ascend from the bearish over the neutral to the bullish case."""
    wrong, flat = broken_order(cases), without_spread(cases)
    if wrong:
        raise BundleRefused(
            f"{', '.join(wrong)} scores its bullish case below its bearish one.",
            remedy="Install the library versions that its meta.json names, or use another bundle.",
        )
    if flat:
        raise NotJudged(f"{', '.join(flat)} says the same of all as-ofs: no order can be seen")
    rising = zip(cases["bearish"], cases["neutral"], cases["bullish"], strict=True)
    facts = "; ".join(
        f"{bear.candidate} {bear.again:.4f} ≤ {mid.again:.4f} ≤ {bull.again:.4f}"
        for bear, mid, bull in rising
    )
    return facts, cases


def _answers(bundle: OpenBundle) -> StoredAnswers:
    stored = stored_answers(bundle.files.files.get(KNOWN_ANSWERS, b""))
    read = {name for one in bundle.forecasters.values() for name in one.feature_sets}
    if missing := sorted(read - stored.features.keys()):
        raise BundleRefused(
            f"{KNOWN_ANSWERS} has no rows of {', '.join(missing)}.", remedy=_RESTORE
        )
    return stored
