"""Every error of the project has a status of HTTP."""

from __future__ import annotations

import json

import pytest

from forecastlab.api.failure import failure, status_of
from forecastlab.contracts.errors import ForecastLabError


def kinds(of: type[ForecastLabError]) -> list[type[ForecastLabError]]:
    return [one for kind in of.__subclasses__() for one in (kind, *kinds(kind))]


@pytest.mark.parametrize("kind", kinds(ForecastLabError), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status(kind: type[ForecastLabError]) -> None:
    status = status_of(kind("Facts.", remedy="Remedy."))
    assert status == {2: 400, 3: 503, 4: 503, 5: 503, 6: 409}[kind.exit_code] or status == 404


def test_what_is_added_never_hides_what_is_always_there() -> None:
    told = json.loads(failure(503, "Not ready.", "1f", more={"ready": False}).body)
    assert told == {"success": False, "error": "Not ready.", "request_id": "1f", "ready": False}
