"""Turn verified bytes into forecasters that have shown that they still give their known answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from forecastlab.contracts.bundle_files import BundleFiles
from forecastlab.contracts.config import NETWORKS
from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.manifest import CONTEXT, KNOWN_ANSWERS, CandidateEntry
from forecastlab.models.ensemble import Forecaster, MemberKey
from forecastlab.usecases.known_answers import replay_known_answers
from forecastlab.usecases.serving_window import Needed

if TYPE_CHECKING:
    from forecastlab.models.context import Context

LIBRARIES: Final = ("lightgbm", "numpy", "pandas", "scipy")
"""Libraries whose version can change an answer; another major version is refused outright."""

_RUNTIMES: Final = ("onnxruntime", "onnxruntime-gpu")

MEMBER_LIBRARIES: Final[Mapping[str, tuple[str, ...]]] = {
    "xgboost": ("xgboost", "xgboost-cpu"),
    **dict.fromkeys(NETWORKS, _RUNTIMES),
}
"""Kind of member -> the distributions that its library comes in; only such members demand it."""


@dataclass(frozen=True, eq=False)
class OpenBundle:
    """A bundle ready to forecast: its files, its forecasters by candidate, the versions at hand."""

    files: BundleFiles
    forecasters: Mapping[str, Forecaster]
    runtime_versions: dict[str, str]
    context: Context | None = None

    @property
    def needed(self) -> Needed:
        """What its forecasts read."""
        return Needed.of(self.files.manifest)


def open_bundle(files: BundleFiles) -> OpenBundle:
    """Load every forecaster and replay the known answers.

    Raises:
        BundleRefused: a library has another major version, a model file is unreadable, or an
            answer differs.
    """
    bundle = load_bundle(files)
    answers = files.files.get(KNOWN_ANSWERS, b"")
    replay_known_answers(answers, bundle.forecasters, bundle=files.name, context=bundle.context)
    return bundle


def load_bundle(files: BundleFiles) -> OpenBundle:
    """Load every forecaster, not yet asked for the known answers: for examinations alone.

    Raises:
        BundleRefused: a library has another major version, or a model file is unreadable.
    """
    versions = checked_versions(files)
    forecasters = {
        candidate: Forecaster.load(files.folder(f"model_{candidate}"), _keys(entry))
        for candidate, entry in files.manifest.candidates.items()
    }
    return OpenBundle(files, forecasters, versions, _context(files))


def _context(files: BundleFiles) -> Context | None:
    if files.manifest.context is None:
        return None
    # LightGBM costs 0.1 s, which a bundle without such models need not pay.
    from forecastlab.models.context import Context  # noqa: PLC0415

    return Context.load(files.folder(CONTEXT))


def _keys(entry: CandidateEntry) -> dict[str, MemberKey]:
    return {name: MemberKey(one.kind, one.feature_set) for name, one in entry.members.items()}


def checked_versions(files: BundleFiles) -> dict[str, str]:
    """Return the versions at hand of the libraries that the bundle's answers depend on.

    Raises:
        BundleRefused: one has another major version than the bundle was made with.
    """
    here: dict[str, str] = {}
    for names in _libraries(files):
        name, packages = names[0], files.manifest.packages
        then = next((packages[one] for one in names if one in packages), None)
        if then is None:
            raise BundleRefused(
                f"The manifest of {files.name} does not say with which {name} it was made.",
                remedy="Restore the bundle, or train again.",
            )
        here[name] = _installed(names)
        if here[name].split(".")[0] != then.split(".")[0]:
            raise BundleRefused(
                f"The bundle {files.name} was made with {name} {then}; here is {here[name]}.",
                remedy=f"Install {name} {then.split('.')[0]}.x, or train with what is here.",
            )
    return here


def _libraries(files: BundleFiles) -> list[tuple[str, ...]]:
    """Return the libraries that a bundle demands, each as the distributions that it comes in."""
    members = (
        one for entry in files.manifest.candidates.values() for one in entry.members.values()
    )
    own = dict.fromkeys(MEMBER_LIBRARIES[m.kind] for m in members if m.kind in MEMBER_LIBRARIES)
    return [*((name,) for name in LIBRARIES), *own]


def _installed(names: tuple[str, ...]) -> str:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "absent"
