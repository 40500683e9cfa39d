"""A part of the service is added as docs/architecture.md says: a component, in the tuple."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter

from tests.support.service import running
from tests.support.service_parts import Part

# What a file `api/rounding.py` holds.


class Rounding:
    """Answers with a number, rounded."""

    name = "rounding"
    ready = False

    def start(self) -> None:
        self.ready = True

    def stop(self) -> None:
        self.ready = False

    def health(self) -> Mapping[str, object]:
        return {"status": "ok", "digits": 2}

    def info(self) -> Mapping[str, object]:
        return {"digits": 2}

    def routers(self) -> Sequence[APIRouter]:
        router = APIRouter()

        @router.get("/rounded/{number}")
        async def rounded(number: float) -> dict[str, float]:
            return {"rounded": round(number, 2)}

        return (router,)


def test_it_answers_is_healthy_and_keeps_the_rules_of_all() -> None:
    part = Rounding()
    with running((Part(), part)) as (service, _):
        assert service.get("/rounded/1.236").document == {"rounded": 1.24}
        assert service.get("/health").document["components"]["rounding"]["digits"] == 2
        service.get("/rounded/many").refused(400)
    assert not part.ready
