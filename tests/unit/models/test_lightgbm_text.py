"""A text that is no whole booster never reaches LightGBM, whose reader would end the process."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import lightgbm
import numpy as np
import pytest

from forecastlab.models.lightgbm_text import checked_text


def booster_text(objective: str, *, leaf_rows: int = 5, columns: int = 3, **more: object) -> str:
    random = np.random.default_rng(0)
    parameters = {
        "objective": objective,
        "verbosity": -1,
        "num_threads": 1,
        "num_leaves": 4,
        "min_data_in_leaf": leaf_rows,
        **more,
    }
    rows, labels = random.normal(size=(90, columns)), np.arange(90) % 3
    data = lightgbm.Dataset(rows, labels if objective == "multiclass" else labels > 0)
    return str(lightgbm.train(parameters, data, num_boost_round=3).model_to_string())


TEXT: Final = booster_text("binary")


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        booster_text("multiclass", num_class=3),
        booster_text("quantile", alpha=0.05),
        booster_text("binary", leaf_rows=500),
        booster_text("binary", columns=1),
    ],
    ids=["binary", "multiclass", "quantile", "no split", "one column"],
)
def test_a_booster_passes_as_it_is(text: str) -> None:
    assert checked_text(text.encode()) == text
    lightgbm.Booster(model_str=text)


def changed(pattern: str, to: str) -> Callable[[], str]:
    def change() -> str:
        text, count = re.subn(pattern, to, TEXT, count=1, flags=re.MULTILINE)
        assert count == 1
        # The sizes of its trees fit again, as a forger would make them.
        trees = re.findall(r"^Tree=.*?\n\n\n", text, flags=re.MULTILINE | re.DOTALL)
        sizes = " ".join(str(len(tree)) for tree in trees)
        return re.sub(r"(?<=tree_sizes=)[\d ]+", sizes, text)

    return change


SPOILED: Final[dict[str, Callable[[], str]]] = {
    "cut off": lambda: TEXT[: len(TEXT) // 2],
    "without its end": lambda: TEXT[: TEXT.index("end of parameters")],
    "no text": lambda: "\xff",
    "empty": lambda: "",
    "another version": changed("version=v4", "version=v3"),
    "another line": changed("label_index=0", "label_index=0\nmonotone=1"),
    "sizes that lie": lambda: re.sub(r"(tree_sizes=)\d+", r"\g<1>7", TEXT),
    "sizes without end": lambda: re.sub(r"(tree_sizes=)\d+", r"\g<1>99999999999", TEXT),
    "too few names": changed(" Column_2", ""),
    "columns that are not there": changed("max_feature_idx=2", "max_feature_idx=9999999"),
    "classes without trees": changed("num_class=1", "num_class=0"),
    "classes that the objective lacks": changed("^objective=binary sigmoid:1", "objective=lambda"),
    "more leaves than values": changed("num_leaves=4", "num_leaves=5"),
    "no leaf": changed("num_leaves=4", "num_leaves=0"),
    "categories": changed("num_cat=0", "num_cat=1"),
    "linear leaves": changed("is_linear=0", "is_linear=1"),
    "a circle": changed(r"left_child=\S+", "left_child=0"),
    "a leaf twice": changed(r"right_child=\S+", "right_child=-1"),
    "a child far away": changed(r"right_child=\S+", "right_child=99999"),
    "a column far away": changed(r"split_feature=\d", "split_feature=9"),
    "a column below": changed(r"split_feature=\d", "split_feature=-1"),
    "a split on categories": changed(r"decision_type=\d", "decision_type=1"),
    "no number": changed(r"threshold=\S+", "threshold=nan"),
    "half a number": changed(r"leaf_value=\S+", "leaf_value=-"),
    "digits with marks": changed(r"leaf_value=\S+", "leaf_value=1_0"),
    "a number too many": changed(r"leaf_value=", "leaf_value=1 "),
    "a blank too many": changed(r"leaf_weight=", "leaf_weight= "),
}


@pytest.mark.parametrize("make", SPOILED.values(), ids=SPOILED)
def test_what_does_not_fit_is_refused(make: Callable[[], str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        checked_text(make().encode("latin-1"))
