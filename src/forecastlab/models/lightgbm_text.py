"""LightGBM's own text, checked before its C++ reads it.

That reader trusts what it is given: of two hundred damaged texts it ended the process on more than
a hundred, by a signal that no `except` sees. Here sizes, counts and the shape of each tree are
looked at first, so that what reaches it can only be a booster; what its numbers are worth, the
known answers of the bundle say.
"""

from __future__ import annotations

import re
from typing import Final

_HEADER: Final = (
    *("tree", "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx"),
    *("objective", "feature_names", "feature_infos", "tree_sizes"),
)
"""The lines before the first tree, in this order."""

_WHOLE: Final = ("split_feature", "decision_type", "left_child", "right_child")
_OF_SPLITS: Final = (
    *("split_gain", "threshold", "internal_value", "internal_weight", "internal_count"),
)
_OF_LEAVES: Final = ("leaf_value", "leaf_weight", "leaf_count")

_TREE: Final = re.compile(
    r"Tree=(?P<number>\d{1,7})\nnum_leaves=(?P<leaves>\d{1,7})\nnum_cat=0\n"
    + "".join(
        rf"{name}=(?P<{name}>[-+.0-9e ]*)\n"
        for name in (
            *("split_feature", "split_gain", "threshold", "decision_type", "left_child"),
            *("right_child", *_OF_LEAVES, *_OF_SPLITS[2:]),
        )
    )
    + r"is_linear=0\nshrinkage=(?P<shrinkage>[-+.0-9e]+)\n\n\n"
)
"""A tree of numeric splits with constant leaves; no other kind is ever fitted here."""

_TAIL: Final = re.compile(
    r"end of trees\n\nfeature_importances:\n(?:[^\n=]+=\d+\n)*\n"
    r"parameters:\n(?:\[[a-z0-9_]+: [^\n\[\]]*\]\n)*\n"
    r"end of parameters\n\npandas_categorical:null\n?"
)

_OBJECTIVE: Final = re.compile(r"binary sigmoid:1|quantile|multiclass num_class:(\d{1,3})")
_COUNT: Final = re.compile(r"\d{1,7}")
_NUMERIC: Final = frozenset(range(0, 11, 2))
"""Kinds of splits on numbers; odd ones are on categories."""


def checked_text(data: bytes) -> str:
    """Return the text of a booster whose parts fit each other.

    Raises:
        ValueError: something is missing, or does not fit.
    """
    text = data.decode("ascii")
    head, _, rest = text.partition("\n\n")
    header = _fields(head)
    columns = _count(header["max_feature_idx"]) + 1
    if any(len(header[name].split(" ")) != columns for name in ("feature_names", "feature_infos")):
        raise ValueError("names and ranges are not those of its columns")
    sizes = [_count(one) for one in header["tree_sizes"].split(" ")]
    if len(sizes) % _classes(header):
        raise ValueError("not as many trees for each class")
    place = 0
    for number, size in enumerate(sizes):
        found = _TREE.fullmatch(rest, place, place + size)
        if found is None or found["number"] != str(number):
            raise ValueError(f"tree {number} is not where it should be, or of another kind")
        _check_tree(found, columns)
        place += size
    if not _TAIL.fullmatch(rest, place):
        raise ValueError("what follows its trees is cut off, or another text")
    return text


def _fields(head: str) -> dict[str, str]:
    lines = [line.partition("=") for line in head.split("\n")]
    fields = {name: value for name, _, value in lines}
    if tuple(name for name, _, _ in lines) != _HEADER or fields["version"] != "v4":
        raise ValueError("it does not begin as version v4 does")
    return fields


def _classes(header: dict[str, str]) -> int:
    """Return how many trees each round grows, which the objective has to know, too."""
    classes, objective = _count(header["num_class"]), _OBJECTIVE.fullmatch(header["objective"])
    stated = 1 if objective is None or objective[1] is None else int(objective[1])
    alike = {classes, stated, _count(header["num_tree_per_iteration"])}
    if objective is None or len(alike) > 1 or not classes:
        raise ValueError("its objective does not fit its classes")
    return classes


def _check_tree(tree: re.Match[str], columns: int) -> None:
    """Refuse a tree whose lists are not as long as it has splits and leaves, or lead elsewhere."""
    leaves = int(tree["leaves"])
    if leaves < 2:  # of a tree that does not split, no more than its value is read
        _refuse_other_numbers(tree, {"leaf_value": 1, "shrinkage": 1})
        if leaves < 1 or tree["split_feature"]:
            raise ValueError(f"tree {tree['number']} has splits and no leaves")
        return
    splits = leaves - 1
    wanted = {**dict.fromkeys(_OF_SPLITS, splits), **dict.fromkeys(_OF_LEAVES, leaves)}
    _refuse_other_numbers(tree, {**wanted, "shrinkage": 1})
    features, kinds, *children = ([*map(int, tree[name].split(" "))] for name in _WHOLE)
    # Leaf i is written as -i - 1, node 0 is the root; each has one parent, which comes before it.
    below = sorted(children[0] + children[1])
    ahead = all(not 0 <= child <= node for side in children for node, child in enumerate(side))
    if below != [*range(-leaves, 0), *range(1, splits)] or not ahead:
        raise ValueError(f"tree {tree['number']} is no tree")
    if len(children[0]) != splits or len(features) != splits or len(kinds) != splits:
        raise ValueError(f"tree {tree['number']} has not {splits} splits")
    if not (0 <= min(features) <= max(features) < columns and _NUMERIC.issuperset(kinds)):
        raise ValueError(f"tree {tree['number']} splits on what is no column of numbers")


def _refuse_other_numbers(tree: re.Match[str], wanted: dict[str, int]) -> None:
    for name, count in wanted.items():
        if len([*map(float, tree[name].split(" "))]) != count:
            raise ValueError(f"{name} of tree {tree['number']}: not {count} numbers")


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is no count")
    return int(text)
