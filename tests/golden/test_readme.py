"""The README is short, and leads where it says; what it shows, `make docs` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from forecastlab.cli.output import percent
from forecastlab.contracts.records import ForecastRecord
from forecastlab.report.record_excerpt import excerpt, reading

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
GOLDEN: Final = Path(__file__).parent / "record_2025-09-30.json"


def is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and is_part(one, whole[key]) for key, one in part.items()
        )
    return bool(part == whole)


def test_it_fits_on_three_screens() -> None:
    assert README.count("\n") <= 150


def test_the_record_is_a_part_of_the_golden_one() -> None:
    golden = json.loads(GOLDEN.read_bytes())
    text = excerpt(golden, "T21_X8")
    assert text in README
    shown = json.loads(text.strip().removeprefix("```json").removesuffix("```"))
    assert is_part(shown, golden)
    assert not is_part({**shown, "close": 1.0}, golden)


def test_the_reading_says_what_the_record_says() -> None:
    record = ForecastRecord.parse(GOLDEN.read_bytes(), what="the golden record")
    text = reading(record)
    assert text in README
    for name, one in record.forecasts.items():
        [line] = [line for line in text.splitlines() if line.startswith(f" {name} ")]
        for key, share in one.pred_proba.items():
            assert f"{percent(share)} ({percent(one.base_rate[key])})" in line
        assert str(one.resolves_on) in line
