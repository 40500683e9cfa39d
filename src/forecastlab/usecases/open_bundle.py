"""Turn verified bytes into forecasters that have shown that they still give their known answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.manifest import KNOWN_ANSWERS, CandidateEntry
from forecastlab.models.ensemble import Forecaster, MemberKey
from forecastlab.usecases.known_answers import replay_known_answers

LIBRARIES: Final = ("lightgbm", "numpy", "pandas", "scipy")
"""Libraries whose version can change an answer; another major version is refused outright."""


@dataclass(frozen=True, eq=False)
class OpenBundle:
    """A bundle ready to forecast: its files, its forecasters by candidate, the versions at hand."""

    files: BundleFiles
    forecasters: Mapping[str, Forecaster]
    runtime_versions: dict[str, str]


def open_bundle(files: BundleFiles) -> OpenBundle:
    """Load every forecaster and replay the known answers.

    Raises:
        BundleRefused: a library has another major version, a model file is unreadable, or an
            answer differs.
    """
    versions = _checked_versions(files)
    forecasters = {
        candidate: Forecaster.load(files.folder(f"model_{candidate}"), _keys(entry))
        for candidate, entry in files.manifest.candidates.items()
    }
    replay_known_answers(files.files.get(KNOWN_ANSWERS, b""), forecasters, bundle=files.name)
    return OpenBundle(files, forecasters, versions)


def _keys(entry: CandidateEntry) -> dict[str, MemberKey]:
    return {name: MemberKey(one.kind, one.feature_set) for name, one in entry.members.items()}


def _checked_versions(files: BundleFiles) -> dict[str, str]:
    here: dict[str, str] = {}
    for name in LIBRARIES:
        if name not in files.manifest.packages:
            raise BundleRefused(
                f"The manifest of {files.name} does not say with which {name} it was made.",
                remedy="Restore the bundle, or train again.",
            )
        try:
            here[name] = version(name)
        except PackageNotFoundError:
            here[name] = "absent"
        then = files.manifest.packages[name]
        if here[name].split(".")[0] != then.split(".")[0]:
            raise BundleRefused(
                f"The bundle {files.name} was made with {name} {then}; here is {here[name]}.",
                remedy=f"Install {name} {then.split('.')[0]}.x, or train with what is here.",
            )
    return here
