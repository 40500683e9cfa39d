"""Gates read what lies in the bundle: evidence, answers, models; its claims count for nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, ClassVar, Final, cast

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.canonical import canonical_bytes
from forecastlab.contracts.errors import BundleRefused, GateRefused
from forecastlab.contracts.manifest import EVIDENCE, KNOWN_ANSWERS
from forecastlab.evaluation.gates import GateResult
from forecastlab.models.base_rate import RateCounts
from forecastlab.models.ensemble import Forecaster, MemberKey
from forecastlab.models.first_passage import FirstPassageModel
from forecastlab.models.prequential import run_prequential
from forecastlab.usecases.evidence import evidence_bytes, evidence_table, read_evidence
from forecastlab.usecases.gates import (
    as_documents,
    gate_bundle,
    gate_forecasters,
    really_out_of_fold,
    reasons,
    refuse_without_view,
)
from forecastlab.usecases.open_bundle import OpenBundle
from tests.support.hourly import CLASSES, end_of_hours, hourly_candles, hourly_oof

DAYS: Final = 460
CANDLES: Final = hourly_candles(DAYS)
FOUND: Final = hourly_oof(CANDLES, skill=0.02)
PREQUENTIAL: Final = run_prequential(
    FOUND.rows, FOUND.members, horizon=5, until=end_of_hours(FOUND)
)
TABLE: Final = evidence_table(FOUND, PREQUENTIAL).reset_index(names="open_time")
WINDOW: Final = 4


class Trees:
    """A booster whose trees are given."""

    def __init__(self, count: int) -> None:
        self.count = count

    def get_dump(self) -> list[str]:
        return [f"0:[x<{number}] yes=1,no=2" for number in range(self.count)]


@dataclass(frozen=True)
class Plain:
    """A boosted model that is never asked."""

    kind: ClassVar[str] = "plain"
    columns: tuple[str, ...] = ("x",)
    classes: tuple[int, ...] = CLASSES
    booster: Trees = field(default_factory=lambda: Trees(50))


@dataclass(frozen=True)
class Network:
    """A sequence model: the mean of the window, plus what it has forgotten since."""

    kind: ClassVar[str] = "network"
    columns: tuple[str, ...] = ("x",)
    classes: tuple[int, ...] = CLASSES
    window: int = WINDOW
    head: str = "H5"
    off: float = 0.0
    off_in_batches: float = 0.0

    @property
    def reading(self) -> Any:
        return SimpleNamespace(head=self.head)

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        mean = rows["x"].rolling(self.window).mean().dropna()
        up = mean + self.off + (self.off_in_batches if len(mean) > 1 else 0.0)
        return pd.DataFrame({0: 1 - up, 1: up})


ROWS: Final = pd.DataFrame(
    {"x": np.random.default_rng(0).uniform(0.3, 0.7, 64 + WINDOW - 1)},
    index=pd.date_range("2025-01-01", periods=64 + WINDOW - 1, freq="h", tz="UTC"),
)


def answers(*candidates: str) -> bytes:
    said = {"knowing": Network().predict_proba(ROWS).to_numpy().tolist()}
    opens = [one.isoformat() for one in ROWS.index]
    return canonical_bytes(
        {
            "asofs": opens[WINDOW - 1 :],
            "features": {"f": {"columns": ["x"], "opens": opens, "rows": ROWS.to_numpy().tolist()}},
            "answers": dict.fromkeys(candidates, said),
        }
    )


def forecaster(**members: Any) -> Forecaster:
    made = {"noisy": Plain(), "knowing": Network(), **members}
    rates = RateCounts(CLASSES, (1, 1), end_of_hours(FOUND))
    keys = {name: MemberKey("any", "f") for name in made}
    return Forecaster(made, keys, PREQUENTIAL.rule, rates)


def gates(
    table: pd.DataFrame = TABLE, stored: bytes | None = None, **members: Any
) -> dict[str, GateResult]:
    found = gate_forecasters(
        {"H5": forecaster(**members)},
        evidence=evidence_bytes({"H5": table.set_index("open_time")}),
        answers=answers("H5") if stored is None else stored,
        interval="1h",
    )
    return {one.name: one for one in found["H5"]}


def failed(found: Mapping[str, GateResult]) -> set[str]:
    return {name for name, one in found.items() if not one.passed}


def test_a_sound_forecaster_passes_every_gate() -> None:
    found = gates()
    assert failed(found) == set()
    assert set(found) == {
        *("n_oof", "oof_gap", "trees:noisy", "parity:knowing"),
        *(f"{gate}:{name}" for gate in ("spread", "label") for name in ("noisy", "knowing")),
    }
    assert found["n_oof"].found == FOUND.rows["label"].notna().sum() > 10_000
    assert found["parity:knowing"].found == pytest.approx(0, abs=1e-9)


CUT: Final = TABLE.iloc[:9_000]


@pytest.mark.parametrize(
    "padded",
    [
        pytest.param(lambda: pd.concat([CUT, CUT]), id="rows twice"),
        pytest.param(
            lambda: pd.concat([CUT, TABLE.iloc[9_000:].assign(label=np.nan)]), id="without label"
        ),
        pytest.param(
            lambda: pd.concat([CUT, TABLE.iloc[9_000:].assign(fold=0)]), id="of an earlier fold"
        ),
        pytest.param(lambda: pd.concat([CUT, TABLE.iloc[9_000:].assign(fold=-1)]), id="of no fold"),
        pytest.param(
            lambda: pd.concat([CUT, TABLE.iloc[9_000:].assign(**{"knowing[1]": np.nan})]),
            id="not forecast by all",
        ),
        pytest.param(
            lambda: pd.concat(
                [CUT, TABLE.iloc[9_000:].assign(resolves_at=TABLE["as_of"].iloc[9_000:])]
            ),
            id="resolved at once",
        ),
        pytest.param(
            lambda: pd.concat(
                [CUT, CUT.assign(open_time=CUT["open_time"] + pd.Timedelta(minutes=30))]
            ),
            id="off their candle",
        ),
    ],
)
def test_only_rows_that_really_are_out_of_fold_count(padded: Callable[[], pd.DataFrame]) -> None:
    table = padded()
    assert len(table) > 10_000
    assert len(really_out_of_fold(table, horizon=5, interval="1h")) == 9_000
    found = gates(table)
    assert failed(found) == {"n_oof"}
    assert "9000 out-of-fold rows" in (found["n_oof"].reason or "")


def test_a_reversal_is_not_asked_for_rows() -> None:
    columns = {f"{name}[{label}]": 1 / 3 for name in ("published", "a") for label in (-1, 0, 1)}
    opens = pd.date_range("2020-01-01", periods=300, freq="D", tz="UTC")
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "candidate": "T5_X8",
            "as_of": opens + pd.Timedelta(days=1),
            "resolves_at": opens + pd.Timedelta(days=6),
            "label": random.choice([-1, 0, 1], 300),
            "fold": np.arange(300) // 30,
            **columns,
        },
        index=opens,
    )
    table.loc[:, ["a[0]", "a[1]"]] += np.column_stack([up := random.uniform(0, 0.1, 300), -up])
    [results] = gate_forecasters(
        {"T5_X8": replace(forecaster(), members={"a": Plain(classes=(-1, 0, 1))})},
        evidence=evidence_bytes({"T5_X8": table}),
        answers=answers("H5"),
        interval="1d",
    ).values()
    assert failed({one.name: one for one in results}) == set()


def test_too_few_trees_fail() -> None:
    assert failed(gates(noisy=Plain(booster=Trees(3)))) == {"trees:noisy"}


def test_a_constant_member_fails_though_each_fold_has_its_own() -> None:
    constant = TABLE.copy()
    constant["noisy[1]"] = constant.groupby("fold")["noisy[1]"].transform("mean")
    constant["noisy[1]"] = 1 - constant["noisy[1]"]
    assert failed(gates(constant)) == {"spread:noisy"}


def test_a_member_without_a_say_may_be_a_constant() -> None:
    """It was dropped: it is asked and shown, and what is published does not hang on it."""
    constant = TABLE.copy()
    constant["noisy[1]"] = constant.groupby("fold")["noisy[1]"].transform("mean")
    constant["noisy[1]"] = 1 - constant["noisy[1]"]
    whole = forecaster()
    rule = replace(whole.rule, method="knowing", members=("knowing",))
    found = gate_forecasters(
        {"H5": replace(whole, rule=rule)},
        evidence=evidence_bytes({"H5": constant.set_index("open_time")}),
        answers=answers("H5"),
        interval="1h",
    )["H5"]
    assert all(one.passed for one in found)
    assert "parity:knowing" in {one.name for one in found}
    assert "spread:noisy" not in {one.name for one in found}


@pytest.mark.parametrize(
    "network",
    [
        Network(off=2e-5),
        Network(off_in_batches=2e-5),
        Network(window=WINDOW + 1),
    ],
    ids=["another network", "only one at a time", "another window"],
)
def test_a_network_that_answers_otherwise_fails(network: Network) -> None:
    assert failed(gates(knowing=network)) == {"parity:knowing"}


def test_a_member_of_another_head_or_label_fails() -> None:
    other = Network(head="H12")
    assert failed(gates(knowing=other)) == {"label:knowing"}
    three = Plain(classes=(-1, 0, 1))
    assert failed(gates(noisy=three)) == {"label:noisy"}
    daily = cast(Any, FirstPassageModel(21, 0.08, cast(Any, None), cast(Any, None)))
    assert "label:noisy" in failed(gates(noisy=daily))


def test_skill_that_only_older_rows_show_fails() -> None:
    leak = TABLE.copy()
    early = np.arange(len(leak)) < 0.8 * len(leak)
    up = np.where(early & leak["label"].notna(), 0.5 + 0.02 * (leak["label"] - 0.5), 0.5)
    up = up + 0.01 * np.random.default_rng(1).standard_normal(len(leak))
    leak["published[1]"] = up
    assert failed(gates(leak)) == {"oof_gap"}


def test_evidence_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(BundleRefused, match="no evidence"):
        read_evidence(b"nothing")
    with pytest.raises(BundleRefused, match="lacks fold"):
        gates(TABLE.drop(columns="fold"))
    with pytest.raises(BundleRefused, match=r"lacks noisy\[1\]"):
        gates(TABLE.drop(columns="noisy[1]"))
    with pytest.raises(BundleRefused, match="unreadable"):
        gates(stored=b"{}")


def opened(
    stated: Mapping[str, str | None], *, rows: int = len(TABLE), **members: Any
) -> OpenBundle:
    """Return a bundle of the candidates stated, each with why it says it is for research only."""
    tables = {
        name: TABLE.iloc[:rows].assign(candidate=name).set_index("open_time") for name in stated
    }
    manifest = SimpleNamespace(
        interval="1h",
        candidates={name: SimpleNamespace(research_only=why) for name, why in stated.items()},
    )
    files = SimpleNamespace(
        name="made_up",
        manifest=manifest,
        files={EVIDENCE: evidence_bytes(tables), KNOWN_ANSWERS: answers(*stated)},
    )
    heads = {name: Network(head=name) for name in stated}
    made = {name: forecaster(**{"knowing": heads[name], **members}) for name in stated}
    return cast(OpenBundle, SimpleNamespace(files=files, forecasters=made))


def test_a_sound_bundle_may_be_promoted_and_says_what_was_found() -> None:
    report = refuse_without_view(opened({"H5": None}))
    assert cast(Any, report)["H5"]["n_oof"]["passed"] is True
    assert report == as_documents(gate_bundle(opened({"H5": None})))


def test_a_bundle_of_which_no_forecaster_may_have_a_view_is_refused() -> None:
    few = opened({"H5": "9000 out-of-fold rows, 10000 are demanded"}, rows=9_000)
    assert set(reasons(gate_bundle(few))) == {"H5"}
    with pytest.raises(GateRefused, match="research only") as refused:
        refuse_without_view(few)
    assert refused.value.exit_code == 5
    # The manifest's word is enough to bar, never to clear.
    with pytest.raises(GateRefused, match="research only"):
        refuse_without_view(opened({"H5": "its owner says so"}))


def test_a_failed_gate_that_the_manifest_hides_is_refused() -> None:
    with pytest.raises(GateRefused, match="does not own up"):
        refuse_without_view(opened({"H5": None}, noisy=Plain(booster=Trees(1))))


def test_one_forecaster_with_a_view_is_enough() -> None:
    refuse_without_view(opened({"H5": "its owner says so", "H5_R0.01bp": None}))
