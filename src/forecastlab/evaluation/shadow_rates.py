"""How a challenger behaved in shadow: shares of due bars and of answers, each against its bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.config import NETWORKS
from forecastlab.contracts.operations import ShadowTable
from forecastlab.contracts.records import Probabilities
from forecastlab.contracts.shadow import ShadowAnswer, ShadowChallenger, ShadowMember

SURE: Final = 0.98
"""An answer that gives one class this much is saturated. Of two classes that is the same as lying
outside (0.02, 0.98); of three a single class may be as unlikely as it is."""

LEAST_INSIDE: Final = 0.7
"""No class above it: of two classes both lie in [0.3, 0.7]."""

SAME_DIGITS: Final = 6
"""Digits at which two answers are equal: those of the known answers."""

FEWEST: Final = 5
"""Answers below which nothing can be said to be frozen."""

Entries = Mapping[str, ShadowChallenger]
"""As-of -> what became of the challenger, of the due bars that count; oldest first."""

_Answers = list[tuple[str, ShadowAnswer]]
_Members = dict[tuple[str, str], list[ShadowMember]]


@dataclass(frozen=True)
class ShadowCheck:
    """One figure of a shadow report.

    Attributes:
        value: None where it does not apply or nothing has answered.
        count: of how many bars, answers or errors the value is made.
        demanded: the bound; None for a figure that is reported and not judged.
        said: what was seen, for a person.
    """

    name: str
    value: float | None
    count: int
    demanded: float | None
    passed: bool
    said: str


def shadow_checks(
    due: Sequence[str], entries: Entries, demanded: ShadowTable, *, min_bars: int | None = None
) -> tuple[ShadowCheck, ...]:
    """Judge what a challenger answered of the bars that were due.

    Args:
        due: as-ofs of the span.
        entries: what became of the challenger at those of them that count.
        min_bars: bars that must have been answered; None: as coverage demands.

    >>> [one.name for one in shadow_checks(["2025-10-01"], {}, ShadowTable()) if not one.passed]
    ['coverage', 'stacking']
    """
    ordered = [(asof, entries[asof]) for asof in sorted(entries)]
    answers = [(name, one) for _, entry in ordered for name, one in sorted(entry.forecasts.items())]
    members = _members(answers)
    answered = sum(bool(entry.forecasts) for _, entry in ordered)
    return (
        _errors(ordered),
        _coverage(answered, len(due), demanded.coverage),
        *([] if min_bars is None else [_bars(answered, min_bars)]),
        _stacking(answers, demanded.stacking),
        *(_network(kind, members, demanded) for kind in NETWORKS),
        _published(answers, demanded.published),
        _moving(answers, demanded.frozen),
        _inside(answers, demanded.inside),
    )


def is_above(share: float, bound: float) -> bool:
    """Say whether a share is above its bound; all of it is enough for any.

    >>> is_above(0.8, 0.8), is_above(0.81, 0.8), is_above(1.0, 1.0)
    (False, True, True)
    """
    return share > bound or share >= 1


def is_saturated(probabilities: Probabilities) -> bool:
    """Say whether an answer is as good as certain.

    >>> is_saturated({"0": 0.02, "1": 0.98}), is_saturated({"-1": 0.5, "0": 0.01, "1": 0.49})
    (True, False)
    """
    return max(probabilities.values()) >= SURE


def likeliest(probabilities: Probabilities) -> str:
    """Return the most likely class; of equals the first.

    >>> likeliest({"-1": 0.2, "0": 0.5, "1": 0.3})
    '0'
    """
    return max(sorted(probabilities, key=int), key=lambda label: probabilities[label])


def _errors(ordered: Sequence[tuple[str, ShadowChallenger]]) -> ShadowCheck:
    found = [(asof, one.error) for asof, one in ordered if one.error is not None]
    said = f"{found[-1][0]}: {found[-1][1]}" if found else "none"
    return ShadowCheck("errors", float(len(found)), len(ordered), 0.0, not found, said)


def _coverage(answered: int, due: int, demanded: float) -> ShadowCheck:
    share = answered / due if due else None
    passed = share is not None and is_above(share, demanded)
    return ShadowCheck("coverage", share, due, demanded, passed, f"{answered} of {due} bars")


def _bars(answered: int, demanded: int) -> ShadowCheck:
    said = f"{answered} bars answered"
    return ShadowCheck(
        "min_bars", float(answered), answered, float(demanded), answered >= demanded, said
    )


def _stacking(answers: _Answers, demanded: float) -> ShadowCheck:
    others = Counter(one.method for _, one in answers if not one.own_method)
    told = ", ".join(f"{count} × {name} stood in" for name, count in sorted(others.items()))
    return _share("stacking", [one.own_method for _, one in answers], demanded, told)


def _published(answers: _Answers, demanded: float) -> ShadowCheck:
    fine = [not is_saturated(one.pred_proba) for _, one in answers]
    told = f"{fine.count(False)} saturated" if answers else ""
    return _share("published", fine, demanded, told, empty=True)


def _inside(answers: _Answers, demanded: float) -> ShadowCheck:
    near = [max(one.pred_proba.values()) <= LEAST_INSIDE for _, one in answers]
    if demanded > 0:
        return _share("inside", near, demanded, "")
    share = sum(near) / len(near) if near else None
    return ShadowCheck("inside", share, len(near), None, passed=True, said="reported only")


def _moving(answers: _Answers, demanded: float) -> ShadowCheck:
    """Judge the largest share of equal forecasts of one candidate."""
    tables: dict[str, list[Probabilities]] = {}
    for name, one in answers:
        tables.setdefault(name, []).append(one.pred_proba)
    shares = {name: _commonest(mine)[1] for name, mine in tables.items() if len(mine) >= FEWEST}
    if not shares:
        few = f"too few answers to tell (fewer than {FEWEST})"
        return ShadowCheck("frozen", None, len(answers), demanded, passed=True, said=few)
    worst = max(sorted(shares), key=lambda name: shares[name])
    passed = shares[worst] < demanded
    said = f"equal forecasts of {worst}: {shares[worst]:.0%}".replace("%", " %")
    return ShadowCheck("frozen", shares[worst], len(tables[worst]), demanded, passed, said)


def _network(kind: str, members: _Members, demanded: ShadowTable) -> ShadowCheck:
    """Judge the share of normal answers of all members of a kind."""
    mine = {key: said for key, said in members.items() if said[0].kind == kind}
    bound: float = getattr(demanded, kind)
    if not mine:
        said = f"not applicable: no {kind} in the bundle's answers"
        return ShadowCheck(kind, None, 0, bound, passed=True, said=said)
    faults = [fault for said in mine.values() for fault in _faults(said, demanded.frozen)]
    counted = Counter(fault for fault in faults if fault is not None)
    told = ", ".join(f"{count} × {fault}" for fault, count in sorted(counted.items()))
    return _share(kind, [fault is None for fault in faults], bound, told)


def _faults(answers: Sequence[ShadowMember], frozen: float) -> list[str | None]:
    """Return per answer of one member why it is not normal, or None."""
    tables = [one.probabilities for one in answers if one.probabilities is not None]
    common, share = _commonest(tables) if len(tables) >= FEWEST else ((), 0.0)
    stands = share >= frozen
    return [_fault(one, lambda table: stands and _rounded(table) == common) for one in answers]


def _fault(member: ShadowMember, is_frozen: Callable[[Probabilities], bool]) -> str | None:
    if member.probabilities is None:
        return f"skipped: {member.skipped}"
    if is_saturated(member.probabilities):
        return "saturated"
    if is_frozen(member.probabilities):
        return "frozen"
    return None if member.full_window else "not from a full window"


def _members(answers: _Answers) -> _Members:
    """Return (candidate, member) -> its answers, oldest first."""
    found: _Members = {}
    for candidate, answer in answers:
        for name, member in sorted(answer.members.items()):
            found.setdefault((candidate, name), []).append(member)
    return found


def _commonest(tables: Sequence[Probabilities]) -> tuple[tuple[float, ...], float]:
    """Return the commonest answer, rounded, and its share."""
    [(common, count)] = Counter(_rounded(one) for one in tables).most_common(1)
    return common, count / len(tables)


def _rounded(table: Probabilities) -> tuple[float, ...]:
    return tuple(round(table[label], SAME_DIGITS) for label in sorted(table))


def _share(
    name: str, fine: Sequence[bool], demanded: float, told: str, *, empty: bool = False
) -> ShadowCheck:
    """Judge a share of answers; without one it passes only if `empty` does."""
    if not fine:
        return ShadowCheck(name, None, 0, demanded, empty, "no answer")
    share, said = sum(fine) / len(fine), f"{sum(fine)} of {len(fine)} answers"
    said = f"{said}; {told}" if told else said
    return ShadowCheck(name, share, len(fine), demanded, is_above(share, demanded), said)
