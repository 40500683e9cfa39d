"""docs/analyst.md: the request that it writes is one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from forecastlab.contracts.analysis import InferenceRequest
from tests.support.pages import page


def test_its_request_is_one(tmp_path: Path) -> None:
    [text] = [one.text for one in page("docs/analyst.md").blocks if one.language == "python"]
    subprocess.run([sys.executable, "-c", text], cwd=tmp_path, check=True)
    asked = InferenceRequest.model_validate(json.loads((tmp_path / "request.json").read_bytes()))
    assert asked.market_data.prices_1h == asked.market_data.prices_24h[-12:]
