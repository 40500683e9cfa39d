"""The README shows what the product says: its record and table are the golden record's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from forecastlab.cli.output import percent
from forecastlab.cli.reading import CALLS
from forecastlab.contracts.records import ForecastRecord

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GOLDEN = Path(__file__).parent / "record_2025-09-30.json"


def between(name: str) -> str:
    found = re.search(rf"<!-- {name}:begin -->(.*)<!-- {name}:end -->", README, re.DOTALL)
    assert found, f"the README has no part {name}"
    return found[1]


def is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and is_part(one, whole[key]) for key, one in part.items()
        )
    return bool(part == whole)


def test_it_fits_on_three_screens() -> None:
    assert README.count("\n") <= 150


def test_the_record_is_a_part_of_the_golden_one() -> None:
    shown = json.loads(between("record").strip().removeprefix("```json").removesuffix("```"))
    golden = json.loads(GOLDEN.read_bytes())
    assert is_part(shown, golden)
    assert not is_part({**shown, "close": 1.0}, golden)


def test_the_table_says_what_the_record_says() -> None:
    record = ForecastRecord.parse(GOLDEN.read_bytes(), what="the golden record")
    for name, one in record.forecasts.items():
        [line] = [line for line in README.splitlines() if line.startswith(f" {name} ")]
        for key, share in one.pred_proba.items():
            assert f"{percent(share)} ({percent(one.base_rate[key])})" in line
        assert CALLS[one.call] in line
        assert str(one.resolves_on) in line


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
