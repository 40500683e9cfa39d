"""Bundles from elsewhere: manifests, archives, models, evidence. A whole bundle, or a refusal."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.adapters.bundle_archive import Limits, packed, unpacked
from forecastlab.adapters.event_registry import EventRegistry
from forecastlab.contracts import keys
from forecastlab.contracts.archive import ArchivedBundle
from forecastlab.contracts.bundle_files import is_inside, stated_manifest, verified
from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.manifest import EVIDENCE, KNOWN_ANSWERS, MANIFEST
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.registry import EventKind
from forecastlab.models.catalogue import load_model
from forecastlab.models.ensemble import Forecaster, MemberKey
from forecastlab.models.quantile import QuantileModel
from forecastlab.models.regime import RegimeModel
from forecastlab.usecases.evidence import read_evidence
from forecastlab.usecases.known_answers import replay_known_answers
from forecastlab.usecases.stored_answers import stored_answers
from tests.support.fuzzing import altered, damaged, survived, tries
from tests.support.memory_store import MemoryStore
from tests.support.shipped_bundles import FULL, PRODUCTION, SMALL


def files_of(name: str) -> dict[str, bytes]:
    folder = PRODUCTION / name
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


BUNDLE: Final = files_of(SMALL)
DOCUMENT: Final = json.loads(BUNDLE[MANIFEST])
FORECASTER: Final = {
    key.removeprefix("model_T21_X8/"): data
    for key, data in files_of(FULL).items()
    if key.startswith("model_T21_X8/")
}
KEYS: Final = {
    name: MemberKey(one["kind"], one["feature_set"])
    for name, one in json.loads(files_of(FULL)[MANIFEST])["candidates"]["T21_X8"]["members"].items()
}
CONTEXT: Final = {
    key.removeprefix("context/"): data
    for key, data in files_of("direction_1h_BTCUSDT_20250930").items()
    if key.startswith("context/")
}


@tries(30)
@given(data=st.data())
def test_a_manifest_is_read_or_refused(data: st.DataObject) -> None:
    changed = json.dumps(data.draw(altered(DOCUMENT))).encode()
    for one in (changed, data.draw(damaged(BUNDLE[MANIFEST]))):
        manifest = survived(stated_manifest, {MANIFEST: one}, where="x", only=BundleRefused)
        if manifest is not None:
            assert all(is_inside(name) for name in manifest.files)
        survived(verified, {**BUNDLE, MANIFEST: one}, where="x", only=BundleRefused)


@tries(30)
@given(
    data=damaged(packed(ArchivedBundle("b", {"meta.json": b"{}" * 40, "a/b.txt": b"x" * 700}))),
)
def test_an_archive_is_read_or_refused(data: bytes) -> None:
    limits = Limits(file_bytes=1000, total_bytes=2000, files=5)
    found = survived(unpacked, io.BytesIO(data), limits=limits, where="x", only=BundleRefused)
    if found is not None:
        assert all(is_inside(f"{found.name}/{name}") for name in found.files)
        assert sum(map(len, found.files.values())) <= limits.total_bytes
        again = unpacked(io.BytesIO(packed(found)), limits=limits, where="x")
        assert (again.name, again.files) == (found.name, found.files)


@st.composite
def spoiled(draw: st.DrawFn, files: Mapping[str, bytes]) -> tuple[str, bytes | None]:
    """Spoil one file: its bytes, or a value of its document; None leaves it out."""
    name = draw(st.sampled_from(sorted(files)))
    kind = draw(st.sampled_from(("bytes", "value", "value", "gone")))
    if kind == "gone":
        return name, None
    if kind == "value" and name.endswith(".json"):
        return name, json.dumps(draw(altered(json.loads(files[name])))).encode()
    return name, draw(damaged(files[name]))


def loaded_or_refused(
    load: Callable[[Mapping[str, bytes]], Any],
    files: Mapping[str, bytes],
    spoiled_file: tuple[str, bytes | None],
) -> None:
    """Demand a refusal, or what is the same once dumped and loaded again."""
    name, data = spoiled_file
    changed = {key: one for key, one in {**files, name: data}.items() if one is not None}
    found = survived(load, changed, only=BundleRefused)
    if found is not None:
        dumped = found.dump()
        assert load(dumped).dump() == dumped


@tries(50)
@given(one=spoiled(FORECASTER))
def test_a_forecaster_is_loaded_or_refused(one: tuple[str, bytes | None]) -> None:
    loaded_or_refused(lambda files: Forecaster.load(files, KEYS), FORECASTER, one)


@pytest.mark.parametrize("kind", sorted({key.kind for key in KEYS.values()}))
def test_a_member_is_loaded_or_refused(kind: str) -> None:
    own = load_model(kind, FORECASTER).dump()

    @tries(12)
    @given(one=spoiled(own))
    def tried(one: tuple[str, bytes | None]) -> None:
        loaded_or_refused(partial(load_model, kind), own, one)

    tried()


@pytest.mark.parametrize("kind", [RegimeModel, QuantileModel])
def test_a_context_is_loaded_or_refused(kind: Any) -> None:
    own = kind.load(CONTEXT).dump()

    @tries(8)
    @given(one=spoiled(own))
    def tried(one: tuple[str, bytes | None]) -> None:
        loaded_or_refused(kind.load, own, one)

    tried()


SMALL_ONES: Final = {
    f"T{days}_X8": Forecaster.load(
        {
            key.removeprefix(f"model_T{days}_X8/"): data
            for key, data in BUNDLE.items()
            if key.startswith(f"model_T{days}_X8/")
        },
        {
            name: MemberKey(one["kind"], one["feature_set"])
            for name, one in DOCUMENT["candidates"][f"T{days}_X8"]["members"].items()
        },
    )
    for days in (14, 21)
}
ANSWERS: Final = json.loads(BUNDLE[KNOWN_ANSWERS])
FEW: Final = {
    "asofs": ANSWERS["asofs"][:3],
    "features": {
        name: {key: part if key == "columns" else part[:3] for key, part in table.items()}
        for name, table in ANSWERS["features"].items()
    },
    "answers": {
        candidate: {name: rows[:3] for name, rows in said.items()}
        for candidate, said in ANSWERS["answers"].items()
    },
}


def test_the_few_known_answers_are_given() -> None:
    replay_known_answers(json.dumps(FEW).encode(), SMALL_ONES, bundle="x")


@tries(50)
@given(document=altered(FEW))
def test_known_answers_are_read_or_refused(document: Any) -> None:
    data = json.dumps(document).encode()
    if survived(stored_answers, data, only=BundleRefused) is not None:
        with np.errstate(all="ignore"):  # absurd rows have absurd answers
            survived(replay_known_answers, data, SMALL_ONES, bundle="x", only=BundleRefused)


@tries(20)
@given(data=damaged(BUNDLE[EVIDENCE]))
def test_evidence_is_read_or_refused(data: bytes) -> None:
    survived(read_evidence, data, only=BundleRefused)


EVENT: Final = {
    "schema_version": 1,
    "sequence": 1,
    "kind": "registered",
    "deployment": "d",
    "bundle": "b",
    "bundle_digest": "sha256:" + "0" * 64,
    "previous": None,
    "by": "me",
    "why": "so",
    "at": "2025-10-01T00:00:00Z",
    "gates": {},
    "forced": False,
}


@tries(40)
@given(data=st.data())
def test_a_registry_is_read_or_refused(data: st.DataObject) -> None:
    """What speaks is always told, from the events before the first that is not sound."""
    store = MemoryStore()
    for number in range(1, 4):
        event = {
            **EVENT,
            "sequence": number,
            "kind": data.draw(st.sampled_from(get_args(EventKind))),
            "bundle": data.draw(st.sampled_from(("a", "b"))),
            "previous": data.draw(st.sampled_from((None, "a", "b"))),
        }
        written = json.dumps(event).encode()
        if data.draw(st.integers(0, 3)) == 0:
            written = json.dumps(data.draw(altered(event))).encode()
        if data.draw(st.integers(0, 5)) == 0:
            written = data.draw(damaged(written))
        key = keys.registry_event("d", number + data.draw(st.sampled_from((0, 0, 0, 5))))
        if store.get(key) is None:
            store.put(key, written, if_generation=ABSENT)
    registry = EventRegistry(store, "d")
    sound, _ = registry.readable()
    state = survived(registry.state)
    if state is not None:
        assert tuple(registry.events()) == sound


@pytest.mark.parametrize(
    ("load", "files"),
    [
        (partial(load_model, "lightgbm"), FORECASTER),
        (RegimeModel.load, CONTEXT),
        (QuantileModel.load, CONTEXT),
    ],
    ids=["lightgbm", "regime", "quantile"],
)
def test_trees_are_checked_before_the_library_reads_them(
    load: Callable[[Mapping[str, bytes]], Any], files: Mapping[str, bytes]
) -> None:
    """A line that LightGBM itself would pass over shows who looked first."""
    load(files)
    odd = {
        name: data.replace(b"label_index=0\n", b"label_index=0\nodd=1\n")
        for name, data in files.items()
    }
    with pytest.raises(BundleRefused, match="does not begin as version v4"):
        load(odd)
