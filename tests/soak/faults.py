"""The faults of real life: when each of them strikes, what it does, and what must be seen of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal

from tests.soak import strikes
from tests.soak.desk import Attempt, Desk
from tests.soak.signs import (
    Sign,
    counted,
    degraded,
    ends_with,
    exits,
    incident,
    nothing,
    posted,
    report,
    said,
    shadow_error,
    step,
    wrote,
)

When = Literal["all day", "before", "while", "instead", "after"]
"""`all day`: no morning succeeds. `before`: an attempt of its own, then all is well again.
`while`: the morning that publishes runs under it, and ends well. `instead`: its attempts are that
morning.
`after`: something is done once the record is sealed."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        strike: what is wrong while the context is open.
        attempts: what is run while it is; None runs the morning once.
        seen: what must be seen of it.
    """

    story: str
    when: When
    seen: tuple[Sign, ...]
    strike: Callable[[Desk], AbstractContextManager[None]] = lambda _: nullcontext()
    attempts: Callable[[Desk], list[Attempt]] = Desk.morning


SEALED: Final = wrote("predictions/daily/", "a record")

FAULTS: Final[dict[str, Fault]] = {
    # The exchange.
    "rate limit": Fault(
        "the exchange answers 429 and asks to wait",
        "while",
        (counted("exchange_request_failed"),),
        strikes.rate_limit,
    ),
    "region": Fault(
        "the first host answers 451, the second serves",
        "while",
        (counted("exchange_host_passed_over"),),
        strikes.region,
    ),
    "revised candle": Fault(
        "the exchange tells a sealed candle otherwise",
        "while",
        (counted("candles_revised"),),
        strikes.revised_candle,
    ),
    "late candle": Fault(
        "the as-of candle is not there yet",
        "before",
        (exits(3), report(3, "DataStale"), incident("update_failed"), nothing("predictions/")),
        strikes.late_candle,
    ),
    "outage": Fault(
        "no host answers all day",
        "all day",
        (exits(3, 3), report(3, "DataUnavailable"), nothing("predictions/daily/")),
        strikes.outage,
        lambda desk: [*desk.morning(), *strikes.again_later(desk)],
    ),
    # The machine.
    "machine off": Fault(
        "nobody runs the morning", "all day", (nothing(""),), attempts=lambda _: []
    ),
    "two at once": Fault(
        "the trigger fires twice",
        "instead",
        (exits(0, 0), report(0, "already_published"), nothing("predictions/conflicts/")),
        attempts=lambda desk: desk.processes("daily", "--json", count=2),
    ),
    "once more": Fault(
        "the trigger fires again, later",
        "after",
        (exits(0), report(0, "already_published"), nothing("predictions/")),
        attempts=strikes.again_later,
    ),
    "killed at candles": Fault(
        "SIGKILL while candles are written",
        "before",
        (exits(-9), nothing("predictions/")),
        attempts=lambda desk: desk.processes("daily", kill_at="/candles/"),
    ),
    "killed at record": Fault(
        "SIGKILL between the record's bytes and its name",
        "before",
        (exits(-9), nothing("predictions/")),
        attempts=lambda desk: desk.processes("daily", kill_at="predictions/daily/"),
    ),
    "killed at pointer": Fault(
        "SIGKILL between the record and latest.json",
        "before",
        (exits(-9), SEALED, nothing("predictions/latest")),
        attempts=lambda desk: desk.processes("daily", kill_at="predictions/latest"),
    ),
    "killed at message": Fault(
        "SIGKILL between the message and the word that it was sent",
        "before",
        (exits(-9), SEALED, wrote("messages/"), posted("T21_X8")),
        attempts=lambda desk: desk.processes("daily", kill_at=f"messages/{desk.asof}-sent"),
    ),
    "full disk": Fault(
        "the store cannot write one byte more",
        "before",
        (exits(3), said("No space left"), posted("store_unavailable opened"), nothing("")),
        strikes.full_disk,
    ),
    "damaged bundle": Fault(
        "a file of the champion has a flipped bit",
        "before",
        (
            *(exits(4), report(4, "BundleRefused"), incident("job_failed-daily")),
            nothing("predictions/"),
        ),
        strikes.damaged_bundle,
    ),
    "clock skew": Fault(
        "this machine's clock is three hours behind",
        "while",
        (ends_with(3), said("behind the exchange's")),
        strikes.clock_skew,
        lambda desk: [*desk.morning(), desk.run("doctor", "--json")],
    ),
    # Those who help, and can be done without.
    "no GPU": Fault(
        "the job's GPU is gone",
        "while",
        (degraded("gpu_unavailable"),),
        strikes.no_gpu,
    ),
    "inference server down": Fault(
        "the hourly deployment's inference server does not listen",
        "after",
        (
            exits(0),
            said('"path": "local"'),
            said("transport(ConnectionRefusedError)"),
            wrote("state/breaker/inference.json"),
        ),
        strikes.inference_server_down,
        strikes.hourly_forecast,
    ),
    "Redis down": Fault(
        "the analyst's cache dies between two questions",
        "after",
        (
            *(exits(0, 0), report(0, "already_published")),
            said("local with the cache healthy, local with the cache failing"),
        ),
        attempts=strikes.asks_without_redis,
    ),
    "provider down": Fault(
        "the language model's provider answers 503",
        "while",
        (step("note", "failed"), incident("step_failed"), nothing("notes/")),
        strikes.provider_down,
    ),
    # Those who want to speak.
    "challenger raises": Fault(
        "a challenger crashes",
        "while",
        (step("shadow", "done", "0 of 1"), shadow_error("ZeroDivisionError")),
        strikes.challenger_raises,
    ),
    "challenger lies": Fault(
        "a challenger is sure of itself, and writes to the champion's record",
        "while",
        (ends_with(5), said("does not pass: published"), wrote("shadow/", "its lie in the shadow")),
        strikes.challenger_lies,
        lambda desk: [*desk.morning(), strikes.shadow_report(desk)],
    ),
    "challenger hangs": Fault(
        "a challenger never ends",
        "while",
        (shadow_error("no answer within 0.2 s"),),
        strikes.challenger_hangs,
    ),
    "rollback": Fault(
        "another champion speaks, and is rolled back before noon",
        "after",
        (
            *(exits(0, 0, 0), wrote("registry/"), said("rolled_back")),
            *(report(0, "kept_as_conflict"), wrote("predictions/conflicts/")),
            nothing("predictions/daily/"),
        ),
        attempts=strikes.promoted_and_rolled_back,
    ),
}
"""Name -> fault: the catalogue that plans are made of."""


@contextmanager
def struck(names: tuple[str, ...], desk: Desk) -> Iterator[None]:
    """Open several faults at once."""
    if not names:
        yield
        return
    with FAULTS[names[0]].strike(desk), struck(names[1:], desk):
        yield
