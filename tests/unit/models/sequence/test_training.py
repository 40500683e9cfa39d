from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from forecastlab.contracts.errors import ConfigError
from forecastlab.models.sequence.architecture.lstm import LstmShape
from forecastlab.models.sequence.architecture.recurrence import StackedLstm
from forecastlab.models.sequence.architecture.tft import TftShape
from forecastlab.models.sequence.batches import Tables
from forecastlab.models.sequence.optimizer import StackedAdamW
from forecastlab.models.sequence.tasks import Task
from forecastlab.models.sequence.training import Schedule, Shape, Trained, choose_device, train
from forecastlab.models.sequence.windows import windows_ending_at
from tests.support.sequences import LENGTH, task

SCHEDULE = Schedule(
    length=LENGTH,
    epochs=3,
    patience=9,
    batch=32,
    learning_rate=0.01,
    weight_decay=0.01,
    dropout=0.2,
    label_smoothing=0.05,
    focal_gamma=0.5,
    augment_noise=0.1,
    device="cpu",
    precision="float32",
    threads=1,
)
PLAIN = replace(SCHEDULE, dropout=0.0, label_smoothing=0.0, focal_gamma=0.0, augment_noise=0.0)

LSTM = LstmShape(columns=4, symbols=2, heads=2, classes=3, hidden=4, layers=1)
TFT = TftShape(columns=4, symbols=2, heads=2, classes=3, hidden=4, attention=2)


class Stepped:
    """The same network, with the time steps of all models taken together, as on a GPU."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def build(self, seed: int) -> nn.Module:
        network = self.shape.build(seed)
        for layer in network.modules():
            if isinstance(layer, StackedLstm):
                layer.stepped = True
        return network


SHAPES: dict[str, Shape] = {
    "lstm": LSTM,
    "tft": TFT,
    "lstm, steps together": Stepped(LSTM),
    "tft, steps together": Stepped(TFT),
}

TASKS = [task(rows, seed=rows) for rows in (150, 260)]
"""Of different length: the shorter ones rest while the longer end their epoch."""


def apart(one: Trained, other: Trained) -> float:
    return float((one.parameters - other.parameters).abs().max())


@pytest.mark.parametrize("kind", SHAPES)
def test_together_is_one_by_one(kind: str) -> None:
    """Two tasks from two seeds: the same weights within 1e-4 after three epochs."""
    shape, seeds = SHAPES[kind], (1, 2)
    together = train(TASKS, shape, SCHEDULE, seeds=seeds)
    for own, found in zip(TASKS, together, strict=True):
        for seed, batched in zip(seeds, found, strict=True):
            # A network of its own reads by torch's LSTM.
            alone = train([own], shape, SCHEDULE, seeds=(seed,))[0][0]
            assert apart(alone, batched) < 1e-4
            np.testing.assert_allclose(alone.stop_losses, batched.stop_losses, atol=1e-4)
            assert alone.epochs == batched.epochs
    assert apart(together[0][0], together[0][1]) > 0.1
    assert apart(together[0][0], together[1][0]) > 0.01


def test_the_steps_taken_together_are_torchs_own() -> None:
    kinds = ("lstm, steps together", "lstm")
    ours, theirs = (train(TASKS, SHAPES[kind], SCHEDULE, seeds=(1,)) for kind in kinds)
    assert max(apart(a[0], b[0]) for a, b in zip(ours, theirs, strict=True)) < 1e-4


def misled(rows: int) -> Task:
    """What was learnt is wrong from then on: the stopping block has other labels."""
    own = task(rows, seed=3, heads=1)
    wrong = np.where(own.stop.happened < 0, -1, (own.stop.happened + 1) % 3)
    return replace(own, stop=replace(own.stop, happened=wrong))


ONE_HEAD = replace(LSTM, heads=1)


def test_who_loses_patience_stops_and_the_others_go_on() -> None:
    honest, schedule = task(400, seed=0, heads=1), replace(PLAIN, epochs=6, patience=2)
    stopped: list[int] = []
    found = train([honest, misled(300)], ONE_HEAD, schedule, seeds=(1,), stopped=stopped.append)
    goes_on, stops = (one[0] for one in found)
    assert (stops.epochs, len(stops.stop_losses)) == (0, 1 + schedule.patience)
    assert len(goes_on.stop_losses) == 1 + schedule.epochs
    assert goes_on.stop_losses[goes_on.epochs] == min(goes_on.stop_losses)
    assert sum(stopped) == 2
    assert apart(train([honest], ONE_HEAD, schedule, seeds=(1,))[0][0], goes_on) < 1e-4


def test_it_learns_what_the_row_before_says() -> None:
    own = task(900, seed=0, heads=1)
    found = train([own], ONE_HEAD, replace(PLAIN, epochs=8, learning_rate=0.03), seeds=(1,))[0][0]
    assert found.stop_losses[0] == pytest.approx(np.log(3))
    assert min(found.stop_losses) < 0.6 * np.log(3)


def test_where_no_epoch_helps_the_untrained_network_stays() -> None:
    found = train([misled(300)], ONE_HEAD, PLAIN, seeds=(4,))[0][0]
    assert found.epochs == 0
    first = torch.cat([one.flatten() for one in ONE_HEAD.build(4).parameters()])
    assert torch.equal(found.parameters, first)


def test_the_same_seed_gives_the_same_bits_and_torch_is_left_as_it_was() -> None:
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    torch.manual_seed(1)
    once = train(TASKS, TFT, SCHEDULE, seeds=(1,))
    torch.manual_seed(2)
    again = train(TASKS, TFT, SCHEDULE, seeds=(1,))
    assert all(
        torch.equal(a[0].parameters, b[0].parameters) for a, b in zip(once, again, strict=True)
    )
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_mixed_precision_stays_near() -> None:
    full = train(TASKS, LSTM, PLAIN, seeds=(1,))
    mixed = train(TASKS, LSTM, replace(PLAIN, precision="mixed"), seeds=(1,))
    for ours, theirs in zip(full, mixed, strict=True):
        assert not torch.equal(ours[0].parameters, theirs[0].parameters)
        np.testing.assert_allclose(ours[0].stop_losses, theirs[0].stop_losses, atol=0.02)


def test_a_label_that_is_not_known_teaches_nothing() -> None:
    own = task(150, seed=5)
    hidden = own.fit.happened.copy()
    hidden[:, 1] = -1
    other = own.fit.happened.copy()
    other[:, 1] = (other[:, 1].clip(0) + 1) % 3

    def heads(happened: np.ndarray) -> torch.Tensor:
        one = replace(own, fit=replace(own.fit, happened=happened))
        return train([one], LSTM, replace(PLAIN, epochs=1), seeds=(1,))[0][0].parameters

    assert not torch.equal(heads(own.fit.happened), heads(other))
    only_first = replace(own, fit=replace(own.fit, happened=hidden))
    network = LSTM.build(1)
    found = train([only_first], LSTM, PLAIN, seeds=(1,))[0][0].parameters
    names = [name for name, one in network.named_parameters() for _ in range(one.numel())]
    head = [place for place, name in enumerate(names) if name.startswith("heads.1")]
    assert found[head].abs().max() == 0


def test_batches_hold_the_windows_that_were_picked() -> None:
    tables = Tables.of(TASKS, LENGTH, "cpu")
    picked = torch.tensor([[3, -1], [9, 0]])
    batch = tables.batch(tables.fit, torch.tensor([0, 1]), picked)
    for model, own in enumerate(TASKS):
        for place, number in enumerate(picked[model].tolist()):
            if number < 0:
                assert (batch.happened[model, place] == -1).all()
                continue
            last = own.fit.last[[number]]
            expected = windows_ending_at(own.table, last, length=LENGTH)[0]
            np.testing.assert_array_equal(batch.windows[model, :, place], expected)
            np.testing.assert_array_equal(batch.happened[model, place], own.fit.happened[number])
            assert batch.symbols[model, place].argmax() == own.fit.symbol[number]


def test_the_optimizer_is_torchs_for_each_model() -> None:
    random = torch.Generator().manual_seed(0)
    start = torch.randn(2, 5, generator=random)
    gradients = [torch.randn(2, 5, generator=random) * 0.1 for _ in range(4)]
    ours = start.clone()
    adam = StackedAdamW.start(ours, decayed=torch.ones(5), learning_rate=0.1, weight_decay=0.3)
    rests = {1}
    for number, gradient in enumerate(gradients):
        adam.step(ours, gradient, torch.tensor([[True], [number not in rests]]))
    for model in range(2):
        theirs = nn.Parameter(start[model].clone())
        reference = torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.3)
        for number, gradient in enumerate(gradients):
            if model == 1 and number in rests:
                continue
            theirs.grad = gradient[model].clone()
            reference.step()
        torch.testing.assert_close(ours[model], theirs.data, atol=1e-6, rtol=0)


def test_the_gradient_is_cut_to_its_norm_per_model() -> None:
    start = torch.zeros(2, 3)
    adam = StackedAdamW.start(start, decayed=start[0], learning_rate=0.1, weight_decay=0.0)
    gradient = torch.tensor([[30.0, 40.0, 0.0], [0.3, 0.4, 0.0]])
    adam.step(start, gradient, torch.ones(2, 1))
    torch.testing.assert_close(adam.mean * 10, torch.tensor([[0.6, 0.8, 0.0], [0.3, 0.4, 0.0]]))


def test_cuda_without_a_gpu_is_refused_and_auto_says_why_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="cuda was asked for"):
        choose_device("cuda")
    device, why = choose_device("auto")
    assert device == "cpu"
    assert "no CUDA device" in why
    assert choose_device("cpu") == ("cpu", "asked for")
    with pytest.raises(ConfigError, match="tpu"):
        choose_device("tpu")
