"""What each column added to a sealed forecast: one document per record, created once."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from forecastlab.contracts.records import BundleReference, Digest, Document

EXACT: Final = 1e-6
"""How far base and contributions may sum from the raw score that they explain."""

Scores = dict[str, float]


class MemberExplanation(Document):
    """One member's raw scores, taken apart: `base` + contributions = `raw`, output by output.

    An output is a class (`"1"`, `"-1"`) or `event`; `unit` says what the numbers count and
    `base_is` what the base is. `apart` is the largest |Δp| between what the member says now and
    what the record holds.
    """

    unit: str
    base_is: str
    base: Scores
    contributions: dict[str, Scores]
    raw: Scores
    apart: float = Field(ge=0)

    @model_validator(mode="after")
    def _sums(self) -> Self:
        if not self.base.keys() == self.contributions.keys() == self.raw.keys():
            raise ValueError("base, contributions and raw are of other outputs")
        for output, parts in self.contributions.items():
            total = self.base[output] + sum(parts.values())
            if abs(total - self.raw[output]) > EXACT * max(1.0, abs(self.raw[output])):
                raise ValueError(f"the contributions to {output} do not sum to its raw score")
        return self


class CandidateExplanation(Document):
    """One candidate: what is published (`method`), its members explained, and why others are not.

    A member that the method does not ask is explained too; it has no say in what is published.
    """

    method: str
    members: dict[str, MemberExplanation]
    not_explained: dict[str, str]


class Explanation(Document):
    """What moved one sealed forecast.

    `replays`: every explained member says again what the record holds, within the tolerance of
    known answers. `same_candles`: the candles in force are those of the record, byte for byte.
    """

    schema_version: Literal[1] = 1
    deployment: str
    asof_date: str
    as_of: AwareDatetime
    created_at: AwareDatetime
    record: Digest
    bundle: BundleReference
    replays: bool
    same_candles: bool
    candidates: dict[str, CandidateExplanation]
