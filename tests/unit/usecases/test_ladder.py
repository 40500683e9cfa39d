"""The ladder steps down by what is at hand, says why, and never makes a row up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.candles import Market
from forecastlab.features.build import build_features
from forecastlab.usecases.ladder import Inputs, Rung, inputs_at, step_down
from tests.support.signal_market import END, HOUR, SYMBOLS, key, market
from tests.support.synthetic import START, without

LADDER = ("v2_7", "v2_6", "v1")
OTHERS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "ADAUSDT")


def inputs(*missing: str, hours: int = 1440, four_hours: int = 360) -> Inputs:
    """Return what is at hand for SOLUSDT without some of the others."""
    return Inputs("SOLUSDT", hours, four_hours, {one: one not in missing for one in OTHERS})


def test_with_everything_the_best_version_answers() -> None:
    assert step_down(inputs(), LADDER) == Rung("v2_7")


@pytest.mark.parametrize("symbol", OTHERS)
def test_one_missing_reference_is_named_and_kept_going(symbol: str) -> None:
    rung = step_down(inputs(symbol), LADDER)
    assert rung.version == "v2_7"
    assert rung.reasons == (f"v2_7_reference_symbol_missing({symbol})",)
    assert rung.missing_references == (symbol,)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (("BNBUSDT", "ADAUSDT"), "v2_7: too_few_reference_symbols(2<3)"),
        (OTHERS, "v2_7: v2_7_all_reference_symbols_missing"),
    ],
)
def test_too_few_references_step_down_to_the_version_that_needs_none(
    missing: tuple[str, ...], reason: str
) -> None:
    rung = step_down(inputs(*missing), LADDER)
    assert rung.version == "v2_6"
    assert rung.reasons[-1] == reason
    assert rung.missing_references == missing


def test_without_bitcoin_and_ether_there_is_nothing_to_compare_with() -> None:
    wide = Inputs(
        *("XRPUSDT", 200, 200),
        {"BTCUSDT": False, "ETHUSDT": False, "BNBUSDT": True, "SOLUSDT": True, "ADAUSDT": True},
    )
    assert step_down(wide, LADDER).version == "v2_6"
    assert step_down(wide, LADDER).reasons[-1] == "v2_7: neither_BTCUSDT_nor_ETHUSDT"
    # Bitcoin's own signal has Bitcoin.
    own = Inputs("BTCUSDT", 200, 200, {"ETHUSDT": False, **dict.fromkeys(OTHERS[2:], True)})
    assert step_down(own, LADDER).version == "v2_6"  # two others are too few
    four = Inputs("BTCUSDT", 200, 200, {**own.references, "SOLUSDT": True})
    assert step_down(four, LADDER).version == "v2_7"


@pytest.mark.parametrize("four_hours", [0, 34, 99])
def test_too_few_four_hour_candles_step_down_to_v1(four_hours: int) -> None:
    rung = step_down(inputs(four_hours=four_hours), LADDER)
    assert rung.version == "v1"
    why = f"too_few_4h_candles({four_hours}<100)"
    assert rung.reasons == (f"v2_7: {why}", f"v2_6: {why}")


@pytest.mark.parametrize("hours", [0, 1, 99])
def test_without_its_own_hours_there_is_no_signal(hours: int) -> None:
    rung = step_down(inputs(hours=hours), LADDER)
    assert (rung.version, rung.reasons) == (None, (f"SOLUSDT: too_few_1h_candles({hours}<100)",))


def test_a_ladder_without_a_lower_version_ends_without_a_signal() -> None:
    assert step_down(inputs(four_hours=0), ("v2_7",)).version is None
    assert step_down(inputs(*OTHERS), ("v2_7", "v1")).version == "v1"


@given(
    st.frozensets(st.sampled_from(OTHERS)),
    st.frozensets(st.sampled_from(OTHERS)),
    st.integers(0, 150),
    st.integers(0, 150),
)
def test_more_at_hand_never_means_a_lower_version(
    some: frozenset[str], more: frozenset[str], hours: int, four_hours: int
) -> None:
    def rank(*missing: str, more: int = 0) -> int:
        found = step_down(
            inputs(*missing, hours=hours + more, four_hours=four_hours + more), LADDER
        )
        return LADDER.index(found.version) if found.version else len(LADDER)

    assert rank(*(some & more)) <= rank(*some)
    assert rank(*some, more=50) <= rank(*some)


def test_what_is_at_hand_is_counted_to_the_as_of() -> None:
    found = inputs_at(market().as_of(END), "SOLUSDT", SYMBOLS)
    assert found == Inputs("SOLUSDT", 1440, 360, dict.fromkeys(OTHERS, True))


def test_a_stale_series_counts_as_none() -> None:
    last = [END - HOUR]
    stale = without(market(), "ADAUSDT", "1h", last)
    assert inputs_at(stale.as_of(END), "SOLUSDT", SYMBOLS).missing_references == ("ADAUSDT",)
    assert inputs_at(stale.as_of(END), "ADAUSDT", SYMBOLS).hours == 0
    four = without(market(), "SOLUSDT", "4h", [END - 4 * HOUR])
    assert inputs_at(four.as_of(END), "SOLUSDT", SYMBOLS).four_hours == 0
    # Half an hour into the next candle nothing is stale yet.
    assert inputs_at(market().as_of(END + HOUR / 2), "SOLUSDT", SYMBOLS).hours == 1440


def test_a_long_hole_ends_what_windows_may_span() -> None:
    lost = [START + k * HOUR for k in range(1300, 1313)]
    found = without(market(), "SOLUSDT", "1h", lost)
    assert inputs_at(found.as_of(END), "SOLUSDT", SYMBOLS).hours == 127


def test_a_version_that_is_let_through_has_all_it_needs() -> None:
    """Whatever is missing, no price or volume level of the chosen version is."""
    for lost in (
        [("ADAUSDT", "1h", 1)],
        [("BTCUSDT", "1h", 1)],
        [("SOLUSDT", "4h", 1)],
        [("BTCUSDT", "1h", 1), ("ETHUSDT", "1h", 1)],
    ):
        found: Market = market()
        for symbol, interval, count in lost:
            step = HOUR * (4 if interval == "4h" else 1)
            opens = [END - k * step for k in range(1, count + 1)]
            found = without(found, symbol, interval, opens)  # type: ignore[arg-type]
        view = found.as_of(END)
        rung = step_down(inputs_at(view, "SOLUSDT", SYMBOLS), LADDER)
        assert rung.version is not None
        row = build_features(view, "SOLUSDT", key(rung.version)).iloc[-1]
        own = [name for name in row.index if not name.startswith(("btc", "eth", "market"))]
        assert row[own].notna().all()
