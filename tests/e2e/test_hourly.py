"""An hourly deployment from candles to outcomes, and what it does when a part is missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_workspace, provenance
from forecastlab.contracts.candles import Market
from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.contracts.intervals import DURATION, asof_name
from forecastlab.evaluation.leakage.availability import Input
from forecastlab.features.catalogue import BY_KEY
from forecastlab.features.feature import FeatureKey, FeatureSet
from forecastlab.usecases import audit
from forecastlab.usecases.audit import promotion_gates
from forecastlab.usecases.open_bundle import OpenBundle, open_bundle
from forecastlab.usecases.promotion.gate import Gate
from forecastlab.usecases.train import TrainRequest, train
from forecastlab.usecases.workspace import Workspace
from tests.support.command_line import CommandLine
from tests.support.made_once import made_once
from tests.support.synthetic import START, synthetic_market, without
from tests.support.workspaces import write_candles

DAYS = 900
SYMBOLS = ("BTCUSDT", "ETHUSDT")
HOUR = DURATION["1h"]
LAST = START + timedelta(days=DAYS) - HOUR
CUT_OFF = LAST - timedelta(days=3)
# The bundle is trained in the first test's time.
pytestmark = pytest.mark.timeout(300)

DEPLOYMENT = "direction_1h_BTCUSDT"
MEMBERS = {"lightgbm", "lightgbm_cross", "lstm"}


def recipe() -> Recipe:
    """The shipped hourly recipe on three symbols, with one member of each kind of input."""
    text = (Path(__file__).parents[2] / "config" / "direction.toml").read_text()
    whole = parse_recipe(text, what="config/direction.toml")
    return whole.model_copy(
        update={
            "train": whole.train.model_copy(update={"symbols": SYMBOLS}),
            "features": whole.features.model_copy(update={"references": SYMBOLS}),
            "members": {
                name: {**table, **({"rounds": 20} if "rounds" in table else {"length": 12})}
                for name, table in whole.members.items()
                if name in MEMBERS
            },
        }
    )


@dataclass(frozen=True)
class HourlyLab:
    market: Market
    candles: Path
    models: Path
    bundle: str


@pytest.fixture(scope="session")
def trained_hourly(tmp_path_factory: pytest.TempPathFactory) -> HourlyLab:
    root = made_once(tmp_path_factory, "hourly", _train)
    models = root / "models"
    [name] = (path.parent.name for path in models.glob("*/meta.json"))
    return HourlyLab(synthetic_market(DAYS, SYMBOLS, seed=5), root / "candles", models, name)


def _train(root: Path) -> None:
    candles = write_candles(synthetic_market(DAYS, SYMBOLS, seed=5), root / "candles")
    models = root / "models"
    models.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECASTLAB_MODELS", str(models))
        choice = Choice(DEPLOYMENT, f"file:{candles}", str(root / "store"))
        workspace = open_workspace(chosen_settings(choice))
        request = TrainRequest(recipe(), asof_name(CUT_OFF, "1h"), quick=True)
        train(workspace, request, provenance())


@pytest.fixture
def lab(trained_hourly: HourlyLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HourlyLab:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECASTLAB_MODELS", str(trained_hourly.models))
    monkeypatch.setenv("FORECASTLAB_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENT", DEPLOYMENT)
    monkeypatch.setenv("FORECASTLAB_SOURCE", f"file:{trained_hourly.candles}")
    return trained_hourly


def manifest(lab: HourlyLab) -> dict[str, object]:
    found: dict[str, object] = json.loads((lab.models / lab.bundle / "meta.json").read_bytes())
    return found


def predict(cli: CommandLine, lab: HourlyLab, hours_after_cut_off: int) -> dict[str, object]:
    asof = asof_name(CUT_OFF + hours_after_cut_off * HOUR, "1h")
    ended = cli("predict", "--asof", asof, "--bundle", lab.bundle, "--json")
    assert ended.code == 0, ended.err
    document: dict[str, object] = ended.document
    return document


def test_an_hourly_record_carries_heads_members_regime_and_quantiles(
    lab: HourlyLab, cli: CommandLine
) -> None:
    record = predict(cli, lab, 5)
    assert record["asof_date"] == asof_name(CUT_OFF + 5 * HOUR, "1h")
    forecasts = record["forecasts"]
    assert set(forecasts) == {"H5", "H12", "H24"}
    for name, one in forecasts.items():
        assert set(one["pred_proba"]) == {"0", "1"}
        assert set(one["members"]) == MEMBERS
        resolves = CUT_OFF + (6 + int(name[1:])) * HOUR
        assert one["resolves_at"] == resolves.isoformat().replace("+00:00", "Z")
    assert record["degraded"] == []
    assert record["regime"]["name"] in {"trending", "volatile", "ranging"}
    for horizon in ("5", "12"):
        values = [
            record["quantiles"][horizon][level] for level in ("0.05", "0.25", "0.5", "0.75", "0.95")
        ]
        assert values == sorted(values)
    assert 0 <= record["position_scale"] <= 1


def test_the_same_hour_again_changes_nothing(lab: HourlyLab, cli: CommandLine) -> None:
    first = predict(cli, lab, 5)
    again = predict(cli, lab, 5)
    assert first["created_at"] == again["created_at"]


def test_outcomes_and_hindsight_are_kept_by_the_hour(lab: HourlyLab, cli: CommandLine) -> None:
    predict(cli, lab, 2)
    asof = asof_name(CUT_OFF + 2 * HOUR, "1h")
    store = Path("store") / "deployments" / DEPLOYMENT
    assert cli("score").code == 0
    assert (store / "outcomes" / "H24" / f"{asof}.json").exists()
    first, last = (asof_name(CUT_OFF + n * HOUR, "1h") for n in (0, 4))
    ended = cli("backfill", "--from", first, "--to", last, "--bundle", lab.bundle, "--json")
    assert ended.code == 0, ended.err
    assert len(list((store / "predictions" / "backfill" / lab.bundle).iterdir())) == 4
    replayed = cli("replay", asof, "--json")
    assert replayed.code == 0, replayed.err


def without_reference_candles(lab: HourlyLab, folder: Path) -> Path:
    opens = [CUT_OFF + 3 * HOUR]
    return write_candles(without(lab.market, "ETHUSDT", "1h", opens), folder)


def test_a_missing_reference_silences_the_members_that_need_it_and_says_so(
    lab: HourlyLab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candles = without_reference_candles(lab, tmp_path / "holed")
    monkeypatch.setenv("FORECASTLAB_SOURCE", f"file:{candles}")
    record = predict(cli, lab, 3)
    assert any(
        one.startswith("lightgbm_cross: missing_features(eth_") for one in record["degraded"]
    )
    for one in record["forecasts"].values():
        assert "lstm" in one["members"]
        assert "lightgbm_cross" not in one["members"]
        assert one["skipped"].keys() >= {"lightgbm_cross"}
        assert one["pred_proba"] != {"0": 0.5, "1": 0.5}


def test_a_reference_that_is_not_there_at_all_is_no_obstacle(
    lab: HourlyLab, cli: CommandLine, tmp_path: Path
) -> None:
    alone = Market([one for one in lab.market.series() if one.symbol == "BTCUSDT"])
    candles = write_candles(alone, tmp_path / "alone")
    asof = ("--asof", asof_name(CUT_OFF + 3 * HOUR, "1h"), "--bundle", lab.bundle)
    ended = cli("predict", *asof, "--source", f"file:{candles}")
    assert ended.code == 0, ended.err
    told = [line for line in ended.out.splitlines() if line.startswith("degraded: lightgbm_cross")]
    assert len(told) == 1


def test_a_network_demands_the_library_that_it_was_exported_for(
    lab: HourlyLab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    shutil.copytree(lab.models, models)
    path = models / lab.bundle / "meta.json"
    document = json.loads(path.read_bytes())
    for name in ("onnxruntime", "onnxruntime-gpu"):
        document["packages"][name] = "99.0.0"
    path.write_text(json.dumps(document))
    monkeypatch.setenv("FORECASTLAB_MODELS", str(models))
    ended = cli("predict", "--bundle", lab.bundle, "--asof", asof_name(CUT_OFF, "1h"))
    ended.refused(4, "onnxruntime 99.0.0")


def test_the_own_hour_missing_is_refused(lab: HourlyLab, cli: CommandLine, tmp_path: Path) -> None:
    asof_open = CUT_OFF + 3 * HOUR
    holed = without(lab.market, "BTCUSDT", "1h", [asof_open - HOUR])
    candles = write_candles(holed, tmp_path / "holed")
    ended = cli(
        "predict",
        "--asof",
        asof_name(asof_open, "1h"),
        "--bundle",
        lab.bundle,
        "--source",
        f"file:{candles}",
    )
    ended.refused(3, "serving window", "BTCUSDT 1h")


def test_the_manifest_says_what_serving_reads(lab: HourlyLab) -> None:
    found = manifest(lab)
    series = {(one["symbol"], one["interval"]) for one in found["serving"]["series"]}
    assert series == {(symbol, one) for symbol in SYMBOLS for one in ("1h", "4h", "1d")}
    assert found["serving"]["shortest"] < found["serving"]["daily_candles"]
    assert set(found["features"]) >= {"direction", "direction/scaled", "direction_cross"}
    assert found["context"]["feature_sets"] == ["regime", "quantile"]


def test_the_manifest_names_the_columns_without_a_source(lab: HourlyLab) -> None:
    found = manifest(lab)
    dropped = {name: set(columns) for name, columns in found["dropped"].items()}
    own = {"funding_rate", "funding_rate_ma", "oi_change", "oi_change_5"}
    assert dropped["direction"] == dropped["direction_cross"] == own
    assert set(dropped) == {"direction", "direction_cross", "regime", "quantile"}
    for name, columns in dropped.items():
        assert columns.isdisjoint(one["name"] for one in found["features"][name])
    assert "open interest" in found["dropped"]["direction"]["oi_change"]
    card = (lab.models / lab.bundle / "model_card.md").read_text()
    assert "`oi_change`, `oi_change_5`, `oi_z`: no candle source has open interest." in card


def test_the_card_names_the_members_without_a_say(lab: HourlyLab) -> None:
    card = (lab.models / lab.bundle / "model_card.md").read_text()
    for name, one in manifest(lab)["candidates"].items():
        dropped = [
            f"`{member}`" for member, removal in one["ablation"].items() if removal["dropped"]
        ]
        told = card.partition(f"### {name}\n")[2].partition("\n### ")[0]
        assert ("Without a say" in told) == bool(dropped)
        assert f"without them: {', '.join(dropped)}." in told or not dropped


def test_a_context_with_a_fault_speaks_and_every_record_says_so(
    lab: HourlyLab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, fault = tmp_path / "models", "the vol regime has 3 trees that split; it needs 10"
    shutil.copytree(lab.models, models)
    path = models / lab.bundle / "meta.json"
    document = json.loads(path.read_bytes())
    assert document["context"]["faults"] == []
    document["context"]["faults"] = [fault]
    path.write_text(json.dumps(document))
    monkeypatch.setenv("FORECASTLAB_MODELS", str(models))
    record = predict(cli, lab, 4)
    assert record["regime"] is not None
    assert record["degraded"] == [f"context: {fault}"]


def test_a_swapped_context_is_refused(
    lab: HourlyLab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    shutil.copytree(lab.models, models)
    files = sorted((models / lab.bundle / "context").glob("quantile_*.txt"))
    low, high = files[0].read_bytes(), files[-1].read_bytes()
    files[0].write_bytes(high)
    files[-1].write_bytes(low)
    monkeypatch.setenv("FORECASTLAB_MODELS", str(models))
    ended = cli("predict", "--bundle", lab.bundle, "--asof", asof_name(CUT_OFF, "1h"))
    ended.refused(4, "quantile")


def audited(
    lab: HourlyLab, monkeypatch: pytest.MonkeyPatch
) -> tuple[Workspace, OpenBundle, Mapping[str, Gate]]:
    """Open the gate of a promotion on the last 600 of the 900 days."""
    monkeypatch.setattr(audit, "INTRADAY_DAYS", 600)
    monkeypatch.setattr(audit, "GATE", audit.Depth(borders=2, random=2, poisoned=1, forecasts=2))
    workspace = open_workspace(chosen_settings(Choice(DEPLOYMENT, f"file:{lab.candles}")))
    return workspace, open_bundle(workspace.bundles.find(lab.bundle)), promotion_gates(workspace)


def test_the_audit_of_an_hourly_bundle_takes_recent_candles_and_passes(
    lab: HourlyLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[datetime, int]] = []
    honest = audit._inputs

    def noted(bench: audit._Bench, as_ofs: Iterable[datetime]) -> Iterator[Input]:
        whole = bench.market.series()
        first = min(one.frame.index[0] for one in whole)
        seen.append((first.to_pydatetime(), len(bench.borders)))
        assert all(border > first for border in bench.borders)
        return honest(bench, as_ofs)

    monkeypatch.setattr(audit, "_inputs", noted)
    _, bundle, gates = audited(lab, monkeypatch)
    report = gates["audit"](bundle)
    assert {name: one["passed"] for name, one in report.items()} == dict.fromkeys(
        ("L1", "L2", "L3", "L4", "L7"), True
    )
    assert all(one["comparisons"] > 0 for one in report.values())
    ((first, borders),) = seen
    assert first == LAST - timedelta(days=600)
    assert borders >= 2


def test_a_leak_in_an_hourly_set_shows_in_its_columns_and_in_sampled_forecasts(
    lab: HourlyLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, bundle, _ = audited(lab, monkeypatch)
    key = ("direction", "scaled")
    found = BY_KEY[key]

    def planted(asked: FeatureKey) -> FeatureSet:
        honest = found(asked)

        def leaking(*of: Any) -> pd.DataFrame:
            table = honest.rows(*of)
            return table.assign(move_1=table["move_1"].shift(-1))

        return replace(honest, rows=leaking)

    monkeypatch.setitem(BY_KEY, key, planted)
    checks = {one.check: one for one in audit._proved(workspace, bundle, audit.GATE)}
    for check in ("L1", "L2"):
        assert any("direction/scaled: move_1" in one.subject for one in checks[check].findings), (
            check
        )
    assert any("lightgbm" in one.subject for one in checks["L3"].findings)
