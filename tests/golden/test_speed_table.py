"""docs/serving.md says what the committed measurement says."""

from __future__ import annotations

import json

from forecastlab.report.skill_table import with_table
from forecastlab.report.speed_table import speed_table
from tests.support.imports import ROOT


def test_the_table_is_that_of_the_result() -> None:
    # Mend with: python scripts/readme_numbers.py
    found = json.loads((ROOT / "docs" / "results" / "serving.json").read_bytes())
    document = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    assert with_table(document, speed_table(found), "speed") == document
    assert found["steady"]["errors"] == 0
