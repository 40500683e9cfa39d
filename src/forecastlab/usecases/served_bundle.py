"""A direction bundle that answers requests: from payloads to answers, many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np

from forecastlab.contracts.errors import BundleRefused, ForecastLabError, UsageError
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.wire_schema import WireSchema, wire_schema
from forecastlab.models.ensemble import Forecaster
from forecastlab.usecases.adjust_score import Adjustment, Chance, adjust
from forecastlab.usecases.array_members import Answered, ArrayMembers, Asked
from forecastlab.usecases.direction_answer import DirectionAnswer, Head
from forecastlab.usecases.feature_payload import Payload, PayloadReader, ReadPayload
from forecastlab.usecases.open_bundle import OpenBundle

_CLASSES: Final = (0, 1)
_RISE: Final = 1

MOST_ROWS: Final = 2000
"""Rows of one payload, unless the service says otherwise."""


@dataclass(frozen=True, eq=False)
class DirectionRequest:
    """What is asked of a bundle.

    Attributes:
        strict: the request states the bundle's schema, and must have exactly its columns.
    """

    payload: Payload
    sell_score: float = 0.0
    buy_score: float = 0.0
    strict: bool = False


@dataclass(frozen=True, eq=False)
class Published:
    """What a candidate's rule made of the members' answers."""

    up: float
    method: str


class ServedBundle:
    """A verified bundle, with everything that a request needs; safe to use from many threads.

    Args:
        device: where its networks compute.
        stacking: whether a stack may speak; else the pool does.

    Raises:
        BundleRefused: it forecasts no direction, or a member cannot be asked over the wire.
    """

    def __init__(
        self,
        bundle: OpenBundle,
        *,
        device: str = "cpu",
        stacking: bool = True,
        most_rows: int = MOST_ROWS,
    ) -> None:
        manifest = bundle.files.manifest
        odd = [name for name, one in manifest.candidates.items() if one.classes != _CLASSES]
        if odd:
            raise BundleRefused(
                f"{bundle.files.name} forecasts {', '.join(odd)}, which is no direction.",
                remedy="Leave the deployment out of what the service predicts.",
            )
        self.bundle = bundle
        self.device = device
        self.schema: WireSchema = wire_schema(manifest)
        self.members = ArrayMembers(bundle, self.schema.own)
        self._stacking = stacking
        self._payloads = PayloadReader(bundle, self.schema, self.members.rows, most_rows=most_rows)
        self._horizons = dict(
            sorted(
                ((name, one.horizon) for name, one in manifest.candidates.items()),
                key=lambda one: one[1],
            )
        )

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.bundle.files.name

    @cached_property
    def digest(self) -> str:
        """The digest of its manifest."""
        return self.bundle.files.digest

    @cached_property
    def base_rates(self) -> dict[str, float]:
        """Candidate -> share of rises up to the cut-off: the server has no candles for a newer."""
        return {name: _base_rate(one) for name, one in self.bundle.forecasters.items()}

    def answers(
        self, requests: Sequence[DirectionRequest], now: datetime
    ) -> list[DirectionAnswer | ForecastLabError]:
        """Answer each request, or say why not; what one of them lacks does not touch the others."""
        found: list[DirectionAnswer | ForecastLabError | None] = [None] * len(requests)
        read: list[tuple[int, ReadPayload]] = []
        for place, one in enumerate(requests):
            try:
                # The scores are looked at before any model is asked for them.
                self._adjusted(one, 0.5)
                read.append((place, self._payloads.read(one.payload, strict=one.strict, now=now)))
            except ForecastLabError as error:
                found[place] = error
        answered = self.members.answers([one.sets for _, one in read])
        published = self._published(answered, stacking=self._stacking)
        for (place, payload), said, made in zip(read, answered, published, strict=True):
            found[place] = self._answer(requests[place], payload, said, made)
        return [one for one in found if one is not None]

    def asked(self, asked: Sequence[Asked]) -> tuple[list[Answered], list[dict[str, Published]]]:
        """Return what members and rules say of rows that were never on the wire."""
        answered = self.members.answers(asked)
        return answered, self._published(answered, stacking=True)

    def _published(
        self, answered: Sequence[Answered], *, stacking: bool
    ) -> list[dict[str, Published]]:
        """Combine the members' answers, those of equal members together; no answers, no entry."""
        found: list[dict[str, Published]] = [{} for _ in answered]
        for candidate, forecaster in self.bundle.forecasters.items():
            alike: dict[tuple[str, ...], list[int]] = {}
            for place, one in enumerate(answered):
                alike.setdefault(tuple(one.members[candidate]), []).append(place)
            for members, places in alike.items():
                if not members:
                    continue
                tables = {
                    name: np.stack([answered[place].members[candidate][name] for place in places])
                    for name in members
                }
                method, values = forecaster.rule.combined(tables, stacking=stacking)
                rises = values[:, _CLASSES.index(_RISE)].tolist()
                for place, up in zip(places, rises, strict=True):
                    found[place][candidate] = Published(up, method)
        return found

    def _answer(
        self,
        request: DirectionRequest,
        payload: ReadPayload,
        said: Answered,
        made: Mapping[str, Published],
    ) -> DirectionAnswer | ForecastLabError:
        if len(made) < len(self._horizons):
            skipped = next(iter(said.skipped.values()))
            why = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
            return UsageError(
                f"No member of {self.name} can answer: {why}.",
                remedy="GET /info names the columns and the rows that the members read.",
            )
        heads = {
            name: Head(
                horizon=horizon,
                up=made[name].up,
                method=made[name].method,
                base_rate=self.base_rates[name],
                members={member: float(one[_RISE]) for member, one in said.members[name].items()},
                skipped=said.skipped[name],
            )
            for name, horizon in self._horizons.items()
        }
        lead = next(iter(self._horizons))
        rule, opens_at = self.bundle.forecasters[lead].rule, payload.opens_at
        return DirectionAnswer(
            heads=heads,
            adjustment=self._adjusted(request, heads[lead].up),
            stacks=rule.stacks and heads[lead].method == rule.method,
            stacking_off=rule.stacks and not self._stacking,
            as_of=None if opens_at is None else opens_at + DURATION[self.schema.interval],
            coverage=payload.coverage,
            warnings=payload.warnings,
        )

    def _adjusted(self, request: DirectionRequest, up: float) -> Adjustment:
        chance = Chance(up, self.base_rates[next(iter(self._horizons))])
        return adjust(request.sell_score, request.buy_score, chance, "relative")


def _base_rate(forecaster: Forecaster) -> float:
    counts = dict(zip(forecaster.rates.classes, forecaster.rates.counts, strict=True))
    return counts[_RISE] / sum(counts.values())
