"""The lake under any order of appends, any kill, and writers at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.contracts.candles import Candles
from tests.support.memory_store import Killed, MemoryStore
from tests.support.raw_candles import candles
from tests.support.synthetic import START, synthetic_market

HOUR = timedelta(hours=1)
SEEN = datetime(2018, 6, 1, tzinfo=UTC)
SERIES = candles(75, "1h")
HOURS = len(SERIES)
LAST = SERIES.last_open

CHUNKS = st.lists(
    st.tuples(st.integers(0, HOURS - 1), st.integers(0, HOURS - 1)).map(sorted), max_size=6
)


def chunk(first: int, last: int) -> Candles:
    return SERIES.between(START + first * HOUR, START + last * HOUR)


def contents(*series: Candles) -> dict[str, bytes]:
    store = MemoryStore()
    for one in series:
        CandleLake(store).append(one, seen_at=SEEN)
    return store.contents()


WHOLE = contents(SERIES)


@given(CHUNKS, st.randoms(use_true_random=False))
def test_order_and_overlap_of_appends_do_not_matter(chunks: list[list[int]], rng: object) -> None:
    parts = [chunk(first, last) for first, last in chunks]
    shuffled = list(parts)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert contents(*shuffled) == contents(*parts)
    assert contents(*shuffled, SERIES) == WHOLE


@given(CHUNKS, st.integers(0, HOURS - 1))
def test_counts_add_up_to_what_is_read(chunks: list[list[int]], last: int) -> None:
    lake = CandleLake(MemoryStore())
    seen: set[int] = set()
    for first, end in chunks:
        report = lake.append(chunk(first, end), seen_at=SEEN)
        hours = set(range(first, end + 1))
        assert (report.new, report.equal) == (len(hours - seen), len(hours & seen))
        seen |= hours
    read = lake.read("BTCUSDT", "1h", None, START + last * HOUR)
    kept = sorted(hour for hour in seen if hour <= last)
    assert [(open_time - START) // HOUR for open_time in read.frame.index] == kept


@given(CHUNKS)
def test_filling_the_missing_spans_completes_the_lake(chunks: list[list[int]]) -> None:
    store = MemoryStore()
    lake = CandleLake(store)
    for first, last in chunks:
        lake.append(chunk(first, last), seen_at=SEEN)
    spans = lake.missing_spans("BTCUSDT", "1h", START, LAST)
    for first_missing, last_missing in spans:
        assert first_missing is not None
        lake.append(SERIES.between(first_missing, last_missing), seen_at=SEEN)
    assert store.contents() == WHOLE
    assert lake.missing_spans("BTCUSDT", "1h", START, LAST) == ()


@given(CHUNKS, st.lists(st.integers(0, 4), max_size=4), st.booleans())
def test_killed_runs_are_completed_by_the_next(
    chunks: list[list[int]], survived_writes: list[int], after: bool
) -> None:
    store = MemoryStore()
    lake = CandleLake(store)
    for first, last in chunks:
        lake.append(chunk(first, last), seen_at=SEEN)
    for writes in survived_writes:
        left = [writes]

        def kill(_: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        setattr(store, "after_put" if after else "before_put", kill)
        with suppress(Killed):
            CandleLake(store).append(SERIES, seen_at=SEEN)
    store.before_put = store.after_put = lambda _: None
    CandleLake(store).append(SERIES, seen_at=SEEN)
    assert store.contents() == WHOLE


@given(st.lists(st.integers(0, HOURS - 1), min_size=1, max_size=8, unique=True), st.randoms())
def test_revisions_never_change_what_is_in_force_and_none_is_lost(
    hours: list[int], rng: object
) -> None:
    opens = [START + hour * HOUR for hour in hours]
    frame = SERIES.frame.loc[opens].sort_index()
    frame["trades"] += 1
    other = replace(SERIES, frame=frame)
    halves = [other.between(START, opens[0]), other.between(opens[0] + HOUR, LAST)]
    rng.shuffle(halves)  # type: ignore[attr-defined]
    store = MemoryStore()
    lake = CandleLake(store)
    lake.append(SERIES, seen_at=SEEN)
    assert sum(lake.append(half, seen_at=SEEN + HOUR).revised for half in halves) == len(hours)
    assert lake.read("BTCUSDT", "1h", None, LAST).digest() == SERIES.digest()
    assert lake.accept_revisions("BTCUSDT", "1h") == len(hours)
    expected = SERIES.frame.copy()
    expected.loc[frame.index, "trades"] += 1
    accepted = lake.read("BTCUSDT", "1h", None, LAST)
    assert accepted.digest() == replace(SERIES, frame=expected).digest()


@settings(max_examples=20)
@given(st.lists(CHUNKS, min_size=2, max_size=4))
def test_writers_at_once_lose_nothing(plans: list[list[list[int]]]) -> None:
    store = MemoryStore()

    def write(plan: list[list[int]]) -> None:
        lake = CandleLake(store)
        for first, last in plan:
            lake.append(chunk(first, last), seen_at=SEEN)

    with ThreadPoolExecutor(len(plans)) as pool:
        list(pool.map(write, plans))
    one_by_one = [chunk(first, last) for plan in plans for first, last in plan]
    assert store.contents() == contents(*one_by_one)


@settings(max_examples=20)
@given(st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=4))
def test_equal_content_gives_equal_bytes_for_every_interval(order: list[int]) -> None:
    series = synthetic_market(40).series()
    assert contents(*(series[i] for i in order), *series) == contents(*series)
