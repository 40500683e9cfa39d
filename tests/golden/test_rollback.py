"""A fresh image goes back to any bundle that it ships by one variable, `PRODUCTION_DIR`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from forecastlab.contracts.manifest import ANSWER_TOLERANCE, KNOWN_ANSWERS, NETWORK_TOLERANCE
from tests.support.command_line import CommandLine
from tests.support.market_data import market_data_folder

ROOT = Path(__file__).parents[2]
PRODUCTION = ROOT / "models" / "production"
FIRST = "flow_T21X8_T14X8_20250930"
"""The first bundle of the daily deployment; it stays beside its successors."""

SHIPPED = sorted(path.parent.name for path in PRODUCTION.glob("flow_*/meta.json"))


def champion() -> str:
    champions = tomllib.loads((PRODUCTION / "champions.toml").read_text())
    return str(champions["flow_T21X8_T14X8"]["bundle"])


def test_the_first_bundle_is_still_shipped() -> None:
    assert FIRST in SHIPPED
    assert champion() in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_production_dir_makes_a_shipped_bundle_speak(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The store is empty, as a fresh image's first one is; the registry stays as it is."""
    candles = market_data_folder().resolve()
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PRODUCTION_DIR", f"models/production/{name}")
    cli = CommandLine(capsys, monkeypatch)
    store = ("--source", f"file:{candles}", "--store", str(tmp_path))
    ended = cli("predict", "--asof", "2025-09-30", *store, "--json")
    assert ended.code == 0, ended.err
    record = ended.document
    assert (record["bundle"]["name"], record["bundle"]["override"]) == (name, "PRODUCTION_DIR")
    for candidate, one in record["forecasts"].items():
        said = known_answers(name)[candidate]
        found = {"published": one["pred_proba"], **one["members"]}
        assert found.keys() == said.keys()
        for member, answer in said.items():
            assert list(found[member].values()) == pytest.approx(answer, abs=tolerance(said))
    stated = cli("status", *store, "--json").document
    assert stated["speaks"] == name
    assert stated["override"] == f"PRODUCTION_DIR=models/production/{name}"
    assert stated["champion"] is None and stated["first_champion"] == champion()


def known_answers(name: str) -> dict[str, dict[str, list[float]]]:
    """Return what the bundle itself says that its members answer at its cut-off."""
    document: dict[str, Any] = json.loads((PRODUCTION / name / KNOWN_ANSWERS).read_bytes())
    assert document["asofs"][-1] == "2025-09-30"
    return {
        candidate: {member: rows[-1] for member, rows in members.items()}
        for candidate, members in document["answers"].items()
    }


def tolerance(members: dict[str, list[float]]) -> float:
    return NETWORK_TOLERANCE if {"lstm", "tft"} & members.keys() else ANSWER_TOLERANCE
