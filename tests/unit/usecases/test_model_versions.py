"""Which bundle answers for a version: by the registry, by what is shipped, and by no accident."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.errors import BundleRefused, ConfigError
from forecastlab.contracts.operations import Operations
from forecastlab.contracts.registry import RegistryState
from forecastlab.contracts.switches import Switches
from forecastlab.usecases.model_versions import (
    bundle_folder,
    bundle_of,
    refuse_contradiction,
    version_named,
    version_of_name,
)

LADDER = ("v2_7", "v2_6", "v1")
A, B, C = "s_v2_7_20250101", "s_v2_7_20250601", "s_v2_7_20250601_2"
KNOWN = {A: "v2_7", B: "v2_7", C: "v2_7", "s_v1_20250601": "v1"}


@pytest.mark.parametrize("text", ["v2_7", "V2_7", "v2.7", " V2.7 "])
def test_dots_and_capitals_are_accepted(text: str) -> None:
    assert version_named(text, LADDER) == "v2_7"


@pytest.mark.parametrize("text", ["v3", "2_7", "v2", "latest", "v2_7 v1", "../v1"])
def test_another_name_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"names no version.*Choose v2_7, v2_6, v1") as refused:
        version_named(text, LADDER)
    assert refused.value.exit_code == 2


def test_no_name_leaves_the_choice_to_the_registry() -> None:
    assert version_named("", LADDER) is None


def test_a_name_states_its_version_only_in_its_own_form() -> None:
    assert version_of_name("signal_1h_v2_6_20250930", "signal_1h", LADDER) == "v2_6"
    for name in ("signal_1h_20250930", "signal_1h_v2_7", "other_v2_7_20250930", "v2_7_20250930"):
        assert version_of_name(name, "signal_1h", LADDER) is None


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (RegistryState(), C),
        (RegistryState(champions=(A,)), A),
        (RegistryState(champions=(A, B)), B),
        (RegistryState(champions=("s_v1_20250601", A)), A),
        (RegistryState(champions=(A,), retired=frozenset({A})), C),
        (RegistryState(retired=frozenset({C})), B),
        (RegistryState(retired=frozenset({A, B, C})), None),
        (RegistryState(champions=("s_v1_20250601",)), C),
        (RegistryState(champions=("s_v1_20250601",), spoke=frozenset({C})), B),
        (RegistryState(spoke=frozenset({A, B, C})), C),
    ],
    ids=[
        "the newest by its cut-off and number",
        "promoted before registered",
        "the last promoted",
        "of its own version",
        "a retired one never",
        "the next newest",
        "none left",
        "another version's champion",
        "what was rolled back from does not speak again on a lower rung",
        "unless there is no other",
    ],
)
def test_the_registry_chooses_within_a_version(state: RegistryState, expected: str | None) -> None:
    assert bundle_of(state, "v2_7", KNOWN) == expected


@given(
    st.permutations([A, B, C]),
    st.lists(st.sampled_from([A, B, C]), unique=True),
    st.frozensets(st.sampled_from([A, B, C])),
)
def test_the_order_of_the_names_does_not_matter(
    names: list[str], champions: list[str], retired: frozenset[str]
) -> None:
    state = RegistryState(champions=tuple(champions), retired=retired)
    found = bundle_of(state, "v2_7", dict.fromkeys(names, "v2_7"))
    assert found == bundle_of(state, "v2_7", dict.fromkeys((A, B, C), "v2_7"))
    assert found is None or found not in retired


@pytest.mark.parametrize(
    "inside", ["", "meta.json", "model_card.md", "model_L1_H24", "model_L1_H24/xgboost.ubj"]
)
def test_a_path_in_a_bundle_names_the_bundle(inside: str) -> None:
    assert bundle_folder(Path("models") / A / inside) == Path("models") / A


class Shelf:
    """Two bundles in a folder."""

    def read_folder(self, folder: Path) -> Any:
        if folder.name not in {A, B}:
            raise BundleRefused(f"There is no bundle in {folder}.", remedy="Name another.")
        files = {"model_L1_H24/xgboost.ubj": b""}
        return SimpleNamespace(name=folder.name, digest=f"sha256:{folder.name}", files=files)


def contradiction(**paths: Path) -> None:
    workspace = SimpleNamespace(
        operations=Operations(ladder=LADDER),
        switches=Switches(version="v2_7", **paths),
        bundles=Shelf(),
    )
    selected = Shelf().read_folder(Path(A))
    refuse_contradiction(cast(Any, workspace), selected)


def test_paths_that_agree_are_accepted() -> None:
    contradiction(
        model_path=Path(A, "model_L1_H24", "xgboost.ubj"), feature_names_path=Path(A, "meta.json")
    )
    contradiction(model_path=Path(A))


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ({"model_path": Path(B)}, rf"ML_MODEL_PATH=.* names {B}, but ML_MODEL_VERSION=v2_7 sel"),
        ({"feature_names_path": Path(B, "meta.json")}, "ML_FEATURE_NAMES_PATH"),
        ({"model_path": Path("nowhere/model.pkl")}, "names no sound bundle"),
        ({"model_path": Path(A, "model_L1_H24", "model.pkl")}, "is no file of"),
    ],
)
def test_paths_that_contradict_are_refused(paths: dict[str, Path], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        contradiction(**paths)
    assert refused.value.exit_code == 2
