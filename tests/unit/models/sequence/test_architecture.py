"""The layers of many models against torch's own, and against the formulas that they shorten."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from forecastlab.models.sequence.architecture.lstm import LstmShape
from forecastlab.models.sequence.architecture.recurrence import StackedLstm
from forecastlab.models.sequence.architecture.tft import InterpretableAttention, TftShape
from forecastlab.models.sequence.architecture.variable_selection import VariableSelection

SHAPES = {
    "lstm": LstmShape(columns=4, symbols=2, heads=2, classes=3, hidden=8, layers=2),
    "tft": TftShape(columns=4, symbols=2, heads=2, classes=3, hidden=8, attention=2),
}
MODELS, TIME, BATCH, COLUMNS = 3, 7, 5, 4


def same(x: Tensor) -> Tensor:
    return x


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def many(module: nn.Module) -> dict[str, Tensor]:
    """Parameters of `MODELS` models of the module's shape, all different."""
    return {
        name: drawn(MODELS, *one.shape[1:], seed=place).mul(0.5).requires_grad_()
        for place, (name, one) in enumerate(module.named_parameters())
    }


def torch_lstm(layer: StackedLstm, own: dict[str, Tensor], model: int) -> nn.LSTM:
    """Torch's LSTM with the weights of one of the models."""
    both_ways = layer.directions == 2
    reference = nn.LSTM(own["into"].shape[2], layer.hidden, bidirectional=both_ways)
    for way in range(layer.directions):
        end = "_reverse" if way else ""
        weights = {
            "weight_ih": own["into"][model, way].T,
            "weight_hh": own["over"][model, way].T,
            "bias_ih": own["bias"][model, way, 0],
            "bias_hh": torch.zeros(4 * layer.hidden),
        }
        for name, values in weights.items():
            getattr(reference, f"{name}_l0{end}").data = values.detach().contiguous()
    return reference


@pytest.mark.parametrize("stepped", [True, False], ids=["together", "one by one"])
@pytest.mark.parametrize("both_ways", [True, False])
@pytest.mark.parametrize("with_state", [True, False])
def test_the_recurrence_and_its_gradients_are_those_of_torch(
    stepped: bool, both_ways: bool, with_state: bool
) -> None:
    layer = StackedLstm(COLUMNS, 6, generator(), both_ways=both_ways)
    layer.stepped = stepped
    own, x = many(layer), drawn(MODELS, TIME, BATCH, COLUMNS).requires_grad_()
    state = tuple(drawn(MODELS, BATCH, 6, seed=s).requires_grad_() for s in (7, 8))
    first = state if with_state else None
    states = functional_call(layer, own, (x, first))
    direction = drawn(*states.shape, seed=9)
    wanted_of = [x, *own.values(), *(state if with_state else ())]
    gradients = torch.autograd.grad((states * direction).sum(), wanted_of)
    for model in range(MODELS):
        reference = torch_lstm(layer, own, model)
        read = x[model].detach().requires_grad_()
        start = [
            one[model].detach().expand(layer.directions, -1, -1).contiguous().requires_grad_()
            for one in state
        ]
        expected = reference(read, tuple(start) if with_state else None)[0]
        torch.testing.assert_close(states[model], expected, atol=1e-5, rtol=0)
        (expected * direction[model]).sum().backward()
        torch.testing.assert_close(gradients[0][model], read.grad, atol=1e-4, rtol=0)
        over = reference.weight_hh_l0.grad
        assert over is not None
        torch.testing.assert_close(gradients[2][model, 0], over.T, atol=1e-4, rtol=0)
        if with_state:
            for ours, one in zip(gradients[4:], start, strict=True):
                assert one.grad is not None
                torch.testing.assert_close(ours[model], one.grad.sum(0), atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", SHAPES)
def test_models_side_by_side_do_not_touch_each_other(kind: str) -> None:
    network = SHAPES[kind].build(1)
    own = many(network)
    x, symbols = drawn(MODELS, TIME, BATCH, COLUMNS), torch.eye(2)[torch.tensor([[0, 1, 0, 1, 1]])]
    symbols = symbols.expand(MODELS, -1, -1)
    together = functional_call(network, own, (x, symbols, same))
    assert together.shape == (MODELS, BATCH, 2, 3)
    for model in range(MODELS):
        alone = {name: one[model : model + 1] for name, one in own.items()}
        found = functional_call(network, alone, (x[model : model + 1], symbols[:1], same))
        torch.testing.assert_close(found[0], together[model], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_network_that_has_learnt_nothing_adds_nothing(kind: str) -> None:
    network = SHAPES[kind].build(5)
    odds = network(drawn(1, TIME, BATCH, COLUMNS), torch.eye(2)[None, :1], same)
    assert odds.abs().max() == 0


@pytest.mark.parametrize("kind", SHAPES)
def test_every_weight_can_learn(kind: str) -> None:
    """No weight is left out of the forecast: once the heads have moved, each has a gradient."""
    network = SHAPES[kind].build(5)
    for head in network.heads:
        nn.init.normal_(head.weight, generator=generator())
    odds = network(drawn(1, TIME, BATCH, COLUMNS), torch.eye(2)[None, [0, 1, 0, 1, 1]], same)
    odds.square().sum().backward()
    silent = [name for name, one in network.named_parameters() if not one.grad.abs().sum() > 0]
    # A constant that every time step shares shifts all attention scores alike.
    assert set(silent) <= {"pool.score.bias", "attention.key.bias"}


@pytest.mark.parametrize("kind", SHAPES)
def test_every_row_of_the_window_counts(kind: str) -> None:
    network = SHAPES[kind].build(5)
    for head in network.heads:
        nn.init.normal_(head.weight, generator=generator())
    x = drawn(1, TIME, 1, COLUMNS).requires_grad_()
    network(x, torch.eye(2)[None, :1], same).square().sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().sum(dim=(0, 2)) > 0).all()


def plain_gate(x: Tensor, gate: tuple[Tensor, Tensor], skip: Tensor) -> Tensor:
    return nn.functional.layer_norm(
        skip + nn.functional.glu(x @ gate[0] + gate[1], dim=-1), (skip.shape[-1],)
    )


def test_variable_selection_is_the_published_one() -> None:
    """The maps of the embedding's weights against the embedding itself, variable by variable."""
    width = 6
    layer = VariableSelection(COLUMNS, width, generator())
    own = {name: one.detach()[0] for name, one in layer.named_parameters()}
    x, context = drawn(1, TIME, BATCH, COLUMNS), drawn(1, BATCH, width, seed=3)
    embedded = [
        x[0, :, :, v, None] * own["slope"][v, 0] + own["level"][v, 0] for v in range(COLUMNS)
    ]
    wide = torch.cat(embedded, dim=-1)
    inner = wide @ own["mixing"].flatten(0, 1) + (
        context[0] @ own["mixing_context.weight"] + own["mixing_context.bias"]
    )
    second = nn.functional.elu(inner) @ own["mixing_second.weight"] + own["mixing_second.bias"]
    gate = (own["mixing_gate.gate.weight"], own["mixing_gate.gate.bias"])
    shares = plain_gate(second, gate, wide @ own["mixing_skip"].flatten(0, 1)).softmax(-1)
    mixed = torch.zeros(TIME, BATCH, width)
    for v, one in enumerate(embedded):
        inner = nn.functional.elu(one @ own["first"][v] + own["first_bias"][v])
        second = inner @ own["second"][v] + own["second_bias"][v]
        mixed += shares[..., v : v + 1] * plain_gate(
            second, (own["gate"][v], own["gate_bias"][v]), one
        )
    torch.testing.assert_close(layer(x, context, same)[0], mixed, atol=1e-5, rtol=0)


def test_attention_reads_what_its_query_asks_for() -> None:
    layer = InterpretableAttention(4, 2, generator())
    states = drawn(1, TIME, BATCH, 4)
    for one in (layer.query, layer.key):
        nn.init.zeros_(one.weight)
    even = layer(states[:, -1], states)
    expected = layer.out(layer.value(states).mean(dim=1))
    torch.testing.assert_close(even, expected, atol=1e-6, rtol=0)


def test_the_first_weights_depend_on_the_seed_alone() -> None:
    def weights(seed: int) -> list[Tensor]:
        return list(SHAPES["tft"].build(seed).state_dict().values())

    equal: Callable[[Tensor, Tensor], bool] = torch.equal
    assert all(map(equal, weights(1), weights(1)))
    assert not all(map(equal, weights(1), weights(2)))
