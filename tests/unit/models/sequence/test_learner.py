from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastlab.adapters.progress import Silent
from forecastlab.contracts.errors import ConfigError, DataMalformed, DataUnavailable
from forecastlab.models.base import TrainingSet
from forecastlab.models.sequence.learner import Lstm, SequenceLearner, Tft
from forecastlab.models.sequence.model import SequenceModel
from forecastlab.models.sequence.preparation import Prepared, Preparing, prepare
from tests.support.optional import needs
from tests.support.sequences import DAY, LENGTH, SYMBOLS, feature_rows, memory_of, training_set

LSTM = Lstm(
    SYMBOLS, length=LENGTH, hidden=8, epochs=10, learning_rate=0.02, dropout=0.0, weight_decay=0.0
)
TFT = Tft(
    SYMBOLS, length=LENGTH, hidden=8, epochs=3, learning_rate=0.02, dropout=0.0, weight_decay=0.0
)
HOW = Preparing("lstm", SYMBOLS, "flow", LENGTH, 0, 0.2)
CLASSES = (-1, 0, 1)
TRAINING = training_set()


@pytest.fixture(scope="module")
def model() -> SequenceModel:
    return LSTM.fit(TRAINING, seed=1)


def test_it_finds_what_only_the_rows_before_show(model: SequenceModel) -> None:
    rows = feature_rows(300, seed=77)
    said = model.predict_proba(rows)
    memory = memory_of(rows).loc[said.index]
    certain = memory.abs() > 0.5
    assert certain.sum() > 40
    assert (np.sign(memory[certain]) == said.idxmax(axis=1)[certain]).mean() > 0.9


def test_it_says_which_columns_it_dropped(model: SequenceModel) -> None:
    assert model.columns == ("signal", "noise", "flat")
    assert model.scaling.dropped == ("flat",)
    told = model.history
    assert told["device"] == "cpu"
    assert told["parity"] <= 1e-5
    assert len(told["stop_losses"]) == LSTM.seeds


def test_heads_share_one_network_and_each_member_speaks_for_its_own() -> None:
    sets = {name: training_set(name=name) for name in ("T5_X8", "T3_X8")}
    found = LSTM.fit_many([sets], seed=1, progress=Silent())[0]
    near, far = found["T3_X8"], found["T5_X8"]
    assert near.graph == far.graph
    assert near.reading.heads == far.reading.heads == ("T5_X8", "T3_X8")
    rows = feature_rows(60, seed=5)
    assert not near.predict_proba(rows).equals(far.predict_proba(rows))


@pytest.mark.parametrize("learner", [LSTM, TFT], ids=["lstm", "tft"])
def test_folds_trained_together_forecast_as_if_alone(learner: SequenceLearner) -> None:
    """Two folds and two seeds: probabilities within 1e-4."""
    learner = replace(learner, seeds=2, epochs=2, together=4)
    jobs = [{"T5_X8": training_set(days)} for days in (250, 300)]
    together = learner.fit_many(jobs, seed=3, progress=Silent())
    rows = feature_rows(60, seed=5)
    for job, found in zip(jobs, together, strict=True):
        alone = learner.fit(job["T5_X8"], seed=3)
        assert alone.history["epochs"] == found["T5_X8"].history["epochs"]
        np.testing.assert_allclose(
            found["T5_X8"].predict_proba(rows), alone.predict_proba(rows), atol=1e-4
        )


def test_every_seed_has_a_network_of_its_own() -> None:
    told = replace(LSTM, epochs=1, seeds=3).fit(TRAINING, seed=1).history
    after = {losses[1] for losses in told["stop_losses"]}
    assert told["seeds"] == len(after) == 3


def test_a_job_whose_columns_differ_trains_apart() -> None:
    """A column without variance in one fold only is dropped there, not in the other."""
    early, late = training_set(250), training_set(300)
    still = early.features["flow"].assign(noise=1.0)
    jobs = [{"T5_X8": replace(early, features={"flow": still})}, {"T5_X8": late}]
    found = replace(LSTM, epochs=1).fit_many(jobs, seed=1, progress=Silent())
    dropped = [one["T5_X8"].scaling.dropped for one in found]
    assert dropped == [("noise", "flat"), ("flat",)]


@pytest.mark.parametrize(
    "change",
    [
        {"label_smoothing": 0.2},
        {"focal_gamma": 2.0},
        {"augment_noise": 0.3},
        {"dropout": 0.4},
        {"weight_decay": 0.5},
        {"precision": "mixed"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_option_reaches_the_training(change: dict[str, object]) -> None:
    learner, rows = replace(LSTM, epochs=1), feature_rows(40, seed=5)
    plain = learner.fit(TRAINING, seed=1).predict_proba(rows)
    changed = replace(learner, **change).fit(TRAINING, seed=1).predict_proba(rows)  # type: ignore[arg-type]
    assert not changed.equals(plain)


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ConfigError, match="pools ETHUSDT"):
        replace(LSTM, symbols=("ETHUSDT",)).fit(TRAINING, seed=1)
    with pytest.raises(ConfigError, match="do not divide"):
        replace(TFT, hidden=10)


@needs("torch")
def test_a_device_that_nobody_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="device"):
        replace(LSTM, device="tpu").fit(TRAINING, seed=1)


def test_too_few_windows_are_refused() -> None:
    with pytest.raises(DataUnavailable, match="too few for lstm"):
        LSTM.fit(training_set(60), seed=1)
    with pytest.raises(DataUnavailable, match="too few for lstm"):
        replace(LSTM, length=350).fit(TRAINING, seed=1)


def prepared(training: TrainingSet, **change: object) -> Prepared:
    return prepare({"T5_X8": training}, replace(HOW, **change))  # type: ignore[arg-type]


def instants(found: Prepared, training: TrainingSet, part: str) -> pd.DataFrame:
    """As-of and resolution of the windows of a part."""
    index = training.features["flow"].index[getattr(found.task, part).last]
    return training.labels.loc[index]


def test_what_is_fitted_on_has_resolved_before_the_stopping_block() -> None:
    found = prepared(TRAINING)
    fit, stop = (instants(found, TRAINING, part) for part in ("fit", "stop"))
    assert fit["resolves_at"].max() < stop["as_of"].min()
    assert stop["as_of"].max() == TRAINING.labels["as_of"].max()
    share = stop["as_of"].nunique() / TRAINING.labels["as_of"].nunique()
    assert share == pytest.approx(0.2, abs=0.01)


def test_every_head_stops_at_the_same_instant() -> None:
    """A label of one head must not be fitted on where another is stopped: they share a network."""
    sets = {name: training_set(name=name) for name in ("T5_X8", "T21_X8")}
    found = prepare(sets, HOW)
    features = TRAINING.features["flow"].index
    begins = []
    for place, one in enumerate(sets.values()):
        for part in ("fit", "stop"):
            windows = getattr(found.task, part)
            known = one.labels.loc[features[windows.last[windows.happened[:, place] >= 0]]]
            begins.append((known["as_of"].min(), known["resolves_at"].max()))
    assert max(begins[0][1], begins[2][1]) < min(begins[1][0], begins[3][0])


def test_windows_end_at_labelled_rows_and_labels_may_be_thin() -> None:
    thin = training_set(every=3)
    found = prepared(thin)
    for part in ("fit", "stop"):
        windows = getattr(found.task, part)
        index = thin.features["flow"].index[windows.last]
        assert index.isin(thin.labels.index).all()
        expected = np.searchsorted(CLASSES, thin.labels["label"].loc[index])
        np.testing.assert_array_equal(windows.happened[:, 0], expected)
        own = np.array([SYMBOLS.index(one) for one in index.get_level_values("symbol")])
        np.testing.assert_array_equal(windows.symbol, own)
    assert len(found.task.fit.last) < len(prepared(TRAINING).task.fit.last) / 2


def test_scaling_knows_the_fitting_part_only() -> None:
    shifted = TRAINING.features["flow"].copy()
    fit = instants(prepared(TRAINING), TRAINING, "fit")["as_of"].max()
    later = shifted.index.get_level_values("open_time") >= fit
    shifted.loc[later, ["signal", "noise"]] += 100
    found = prepared(replace(TRAINING, features={"flow": shifted}))
    np.testing.assert_array_equal(found.scaling.mean, prepared(TRAINING).scaling.mean)
    assert found.task.table.max() == pytest.approx(found.scaling.clip)


def test_a_window_does_not_reach_across_a_gap_or_into_another_symbol() -> None:
    features = TRAINING.features["flow"]
    gone = ("BTCUSDT", features.index.get_level_values("open_time")[100])
    holed = replace(TRAINING, features={"flow": features.drop(index=[gone])})
    count = {
        max_gap: sum(len(part.last) for part in (found.task.fit, found.task.stop))
        for max_gap in (0, 1)
        for found in [prepared(holed, max_gap=max_gap)]
    }
    whole = prepared(TRAINING).task
    labelled = len(whole.fit.last) + len(whole.stop.last)
    # The row that is gone, and without an allowance the windows that would hold it.
    assert count == {0: labelled - LENGTH, 1: labelled - 1}
    opens = features.index.get_level_values("open_time")
    second = len(opens) // 2
    assert not set(whole.fit.last) & set(range(second, second + LENGTH - 1))


def test_base_rates_are_the_symbols_own() -> None:
    eth = TRAINING.labels.index.get_level_values("symbol") == "ETHUSDT"
    labels = TRAINING.labels.copy()
    labels.loc[eth, "label"] = 1
    found = prepared(replace(TRAINING, labels=labels))
    own = labels.loc[~eth, "label"].value_counts().reindex(CLASSES)
    expected = np.log((own + 1) / (own.sum() + 3))
    np.testing.assert_allclose(found.offsets[0], expected)
    assert np.exp(found.task.base[1, 0, 2]) > 0.98


def test_an_untrained_network_says_the_base_rates() -> None:
    model = replace(LSTM, epochs=0).fit(TRAINING, seed=1)
    said = model.predict_proba(feature_rows(30, seed=5))
    np.testing.assert_allclose(said, np.tile(np.exp(model.offset), (len(said), 1)))


def test_features_out_of_order_are_refused() -> None:
    features = TRAINING.features["flow"]
    with pytest.raises(DataMalformed, match="ascending"):
        prepared(replace(TRAINING, features={"flow": features.iloc[::-1]}))
    with pytest.raises(DataMalformed, match="missing or infinite"):
        prepared(
            replace(TRAINING, features={"flow": features.replace(features.iloc[9, 0], np.inf)})
        )


def test_candidates_of_other_classes_do_not_share_a_network() -> None:
    hourly = TRAINING.labels.assign(as_of=TRAINING.labels["as_of"] - DAY / 2)
    with pytest.raises(DataMalformed, match="different candles"):
        prepare({"T5_X8": TRAINING, "T3_X8": replace(TRAINING, labels=hourly)}, HOW)


def test_configs_and_models_load_neither_torch_nor_onnxruntime() -> None:
    modules = ("learner", "model", "preparation")
    names = ", ".join(f"forecastlab.models.sequence.{one}" for one in modules)
    code = f"import sys, {names}; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "forecastlab" in loaded
    assert loaded & {"torch", "onnx", "onnxruntime", "lightgbm"} == set()


def test_training_without_torch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "forecastlab.models.sequence.training", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"forecastlab\[train\]"):
        LSTM.fit(TRAINING, seed=1)
