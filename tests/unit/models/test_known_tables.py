"""A refit is given what had opened by then, whether a table is asked for whole or by labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastlab.models.known_tables import KnownTables, find_rows, opened_by
from tests.support.pooled_training import training_set

TRAINING = training_set()
WHOLE = TRAINING.features["flow"]
OPENS = pd.DatetimeIndex(WHOLE.index.get_level_values("open_time"))
LAST = OPENS.unique().sort_values()[150]
KNOWN = KnownTables({"flow": WHOLE, "other": WHOLE.iloc[:9]}, LAST)
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def test_a_table_ends_with_what_had_opened() -> None:
    pd.testing.assert_frame_equal(KNOWN["flow"], WHOLE.loc[OPENS <= LAST])
    assert list(KNOWN) == ["flow", "other"]
    assert len(KNOWN) == 2
    assert len(opened_by(WHOLE, LAST)) < len(WHOLE)
    with pytest.raises(KeyError):
        KNOWN["no such set"]


def test_what_opened_later_is_not_found_though_it_is_in_the_table() -> None:
    table, places = find_rows(KNOWN, "flow", WHOLE.index)
    assert table is WHOLE
    assert (places[OPENS <= LAST] == np.flatnonzero(OPENS <= LAST)).all()
    assert (places[OPENS > LAST] == -1).all()


@pytest.mark.parametrize("symbols", [SYMBOLS, SYMBOLS[:1], ("SOLUSDT",)])
def test_labelled_rows_are_those_of_tables_that_were_cut_before(symbols: tuple[str, ...]) -> None:
    """Labels of later rows, in any order, and of rows that are not there, change nothing."""
    shuffled = TRAINING.labels.sample(frac=1, random_state=1)
    strange = pd.concat({"BNBUSDT": shuffled.xs("ETHUSDT").iloc[:20]}, names=WHOLE.index.names)
    later = replace(TRAINING, labels=pd.concat([shuffled, strange]))
    cut = replace(later, features={"flow": WHOLE.loc[OPENS <= LAST]})
    for found, expected in zip(
        replace(later, features=KNOWN).rows("flow", symbols),
        cut.rows("flow", symbols),
        strict=True,
    ):
        assert found.equals(expected)
        assert found.index.equals(expected.index)
    rows, labels = cut.rows("flow", symbols)
    own = WHOLE.loc[(OPENS <= LAST) & WHOLE.index.get_level_values("symbol").isin(symbols)]
    expected = own.loc[own.index.isin(TRAINING.labels.index)]
    pd.testing.assert_frame_equal(rows, expected)
    assert labels.equals(TRAINING.labels["label"].loc[expected.index])
    assert bool(len(rows)) == (symbols != ("SOLUSDT",))
