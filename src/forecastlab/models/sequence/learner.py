"""The learners `lstm` and `tft`: frozen configs of networks that all folds train together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.ports import Progress, Step
from forecastlab.models.base import TrainingSet
from forecastlab.models.sequence.model import LstmModel, Reading, SequenceModel, TftModel
from forecastlab.models.sequence.preparation import Prepared, Preparing, prepare
from forecastlab.models.sequence.windows import windows_ending_at

if TYPE_CHECKING:
    from forecastlab.models.sequence.export import Exported
    from forecastlab.models.sequence.training import Schedule, Shape, Trained

_PARITY_WINDOWS: Final = 64
"""Windows of the stopping block on which the exported graph must equal torch."""


@dataclass(frozen=True)
class SequenceLearner:
    """What both kinds of network share.

    What is pooled over symbols is how windows move the odds: a network's log odds are added to the
    log class frequencies of the window's own symbol, and its last layer starts at zero, so that it
    says the base rates until it has learnt something. An epoch that is no better than they are on
    the stopping block leaves it there.

    Attributes:
        symbols: symbols whose windows are pooled, the forecast one among them.
        length: rows of a window; the last is the as-of candle's.
        max_gap: most candles that may be missing in a window, in all.
        hidden: width of the network.
        stop_share: newest share of the as-ofs that only stops the training, in (0, 1); labels that
            reach into it are left out of fitting.
        epochs, patience: most epochs; those without gain on the stopping block that end it.
        batch, learning_rate, weight_decay, dropout: of AdamW, per model.
        label_smoothing: share of the label that is given to the base rates.
        focal_gamma: exponent that takes weight from what is already well forecast; 0 is log loss.
        augment_noise: standard deviation of the noise on scaled features while fitting.
        seeds: networks whose log odds are averaged in the artefact; they are never picked from.
        refit_every: folds from one refit to the next in a walk-forward.
        device: `cpu`, `cuda` (refused where there is none) or `auto`; the artefact says which one
            and why.
        precision: `float32`, or `mixed`: bfloat16 where torch holds it safe, never in recurrences.
        threads: of torch while training; another number changes the last bits.
        together: models that train in one module; 0 for all on a GPU, and on a CPU as many as its
            cache is worth.
    """

    kind: ClassVar[str]
    on_cpu: ClassVar[int]
    symbols: tuple[str, ...]
    feature_set: str = "flow"
    length: int = 48
    max_gap: int = 0
    hidden: int = 32
    stop_share: float = 0.2
    epochs: int = 15
    patience: int = 4
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    dropout: float = 0.3
    label_smoothing: float = 0.0
    focal_gamma: float = 0.0
    augment_noise: float = 0.0
    seeds: int = 1
    refit_every: int = 1
    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    together: int = 0

    def fit(self, training: TrainingSet, *, seed: int) -> SequenceModel:
        """Fit one candidate; see `fit_many`."""
        name = training.target.name
        return self.fit_many([{name: training}], seed=seed, progress=_Unseen())[0][name]

    def fit_many(
        self, jobs: Sequence[Mapping[str, TrainingSet]], *, seed: int, progress: Progress
    ) -> list[dict[str, SequenceModel]]:
        """Fit one network per job and seed, with one head per candidate, all of them together.

        Args:
            jobs: one per fold: candidate -> training set.

        Returns:
            For each job: candidate -> its model.

        Raises:
            ConfigError: torch is not installed, or the device is not there.
            DataUnavailable: a head has too few resolved windows.
            GateRefused: an exported graph does not equal torch.
        """
        prepared = [prepare(job, self._preparing()) for job in jobs]
        schedule, why = self._schedule()
        seeds = [seed * 1000 + place for place in range(self.seeds)]
        found: list[dict[str, SequenceModel]] = [{} for _ in jobs]
        with progress.track(f"train {self.kind}", len(jobs) * self.seeds) as bar:
            for places in self._groups(prepared, schedule.device):
                group = [prepared[place] for place in places]
                shape = self._shape(group[0])
                trained = _train(group, shape, schedule, seeds, bar)
                for place, networks in zip(places, trained, strict=True):
                    symbol = self.symbols.index(next(iter(jobs[place].values())).symbol)
                    made = _Made(prepared[place], shape, networks, symbol, len(self.symbols))
                    found[place] = self._models(made, {"device": schedule.device, "why": why})
        return found

    def describe(self) -> dict[str, Any]:
        """Return the parameters."""
        return {**dataclasses.asdict(self), "symbols": list(self.symbols)}

    def _shape(self, prepared: Prepared) -> Shape:
        raise NotImplementedError

    def _model(self) -> type[SequenceModel]:
        raise NotImplementedError

    def _sizes(self, prepared: Prepared) -> dict[str, int]:
        return {
            "columns": len(prepared.scaling.kept),
            "symbols": len(self.symbols),
            "heads": len(prepared.heads),
            "classes": len(prepared.classes),
            "hidden": self.hidden,
        }

    def _preparing(self) -> Preparing:
        names = [field.name for field in dataclasses.fields(Preparing)]
        return Preparing(**{name: getattr(self, name) for name in names})

    def _schedule(self) -> tuple[Schedule, str]:
        try:
            from forecastlab.models.sequence.training import (  # noqa: PLC0415 - torch: 1 s
                Schedule,
                choose_device,
            )
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"{self.kind} is trained with torch, which is not installed ({error}).",
                remedy="Install the extra: pip install 'forecastlab[train]'.",
            ) from error
        device, why = choose_device(self.device)
        names = {field.name for field in dataclasses.fields(Schedule)} - {"device"}
        return Schedule(device=device, **{name: getattr(self, name) for name in names}), why

    def _groups(self, prepared: Sequence[Prepared], device: str) -> Iterator[list[int]]:
        """Yield the jobs that train in one module: of one shape, and not too many at once."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for place, one in enumerate(prepared):
            key = (one.scaling.kept, one.heads, one.classes)
            groups.setdefault(key, []).append(place)
        most = self.together or (self.on_cpu if device == "cpu" else len(prepared) * self.seeds)
        size = max(most // self.seeds, 1)
        for places in groups.values():
            yield from (places[begin : begin + size] for begin in range(0, len(places), size))

    def _models(self, made: _Made, device: Mapping[str, str]) -> dict[str, SequenceModel]:
        prepared, graph = made.prepared, made.exported(self.length)
        history = {
            "ir": graph.ir,
            "opset": graph.opset,
            "parity": graph.apart,
            "seeds": self.seeds,
            "epochs": [one.epochs for one in made.networks],
            "stop_losses": [list(one.stop_losses) for one in made.networks],
            "precision": self.precision,
            **device,
        }
        return {
            head: self._model()(
                Reading(
                    length=self.length,
                    candle_ms=prepared.candle_ms,
                    max_gap=self.max_gap,
                    heads=prepared.heads,
                    head=head,
                    classes=prepared.classes,
                ),
                prepared.scaling,
                tuple(prepared.offsets[place].tolist()),
                graph.graph,
                history,
            )
            for place, head in enumerate(prepared.heads)
        }


@dataclass(frozen=True)
class Lstm(SequenceLearner):
    """Learner of a bidirectional LSTM with one head per candidate.

    Attributes:
        layers: LSTM layers, one on top of the other.
    """

    kind: ClassVar[str] = "lstm"
    on_cpu: ClassVar[int] = 8
    layers: int = 1

    def _shape(self, prepared: Prepared) -> Shape:
        from forecastlab.models.sequence.architecture.lstm import LstmShape  # noqa: PLC0415 - torch

        return LstmShape(**self._sizes(prepared), layers=self.layers)

    def _model(self) -> type[SequenceModel]:
        return LstmModel


@dataclass(frozen=True)
class Tft(SequenceLearner):
    """Learner of a temporal fusion transformer with one head per candidate.

    Attributes:
        attention: attention heads; they divide `hidden`.
    """

    kind: ClassVar[str] = "tft"
    on_cpu: ClassVar[int] = 1
    length: int = 96
    attention: int = 4

    def __post_init__(self) -> None:
        if self.hidden % self.attention:
            raise ConfigError(
                f"{self.attention} attention heads do not divide the width {self.hidden}.",
                remedy="Give tft a `hidden` that `attention` divides.",
            )

    def _shape(self, prepared: Prepared) -> Shape:
        from forecastlab.models.sequence.architecture.tft import TftShape  # noqa: PLC0415 - torch

        return TftShape(**self._sizes(prepared), attention=self.attention)

    def _model(self) -> type[SequenceModel]:
        return TftModel


@dataclass(frozen=True, eq=False)
class _Made:
    """The trained networks of one job, and what they were trained on."""

    prepared: Prepared
    shape: Shape
    networks: Sequence[Trained]
    symbol: int
    symbols: int

    def exported(self, length: int) -> Exported:
        import torch  # noqa: PLC0415 - 1 s that only a fit should pay

        from forecastlab.models.sequence.export import SeedMean, exported  # noqa: PLC0415 - torch
        from forecastlab.models.sequence.training import rebuilt  # noqa: PLC0415 - torch

        networks = [rebuilt(self.shape, one.parameters) for one in self.networks]
        last = self.prepared.task.stop.last
        spread = last[np.linspace(0, len(last) - 1, _PARITY_WINDOWS).astype(int)]
        windows = windows_ending_at(self.prepared.task.table, spread, length=length)
        symbol = torch.eye(self.symbols)[self.symbol]
        sizes = (len(self.prepared.heads), len(self.prepared.classes))
        module = SeedMean(networks, symbol, sizes)
        return exported(module, windows, self.prepared.offsets)


def _train(
    group: Sequence[Prepared], shape: Shape, schedule: Schedule, seeds: Sequence[int], bar: Step
) -> list[list[Trained]]:
    from forecastlab.models.sequence.training import train  # noqa: PLC0415 - torch

    tasks = [one.task for one in group]
    return train(tasks, shape, schedule, seeds=seeds, stopped=bar.advance)


class _Unseen:
    """Progress that nobody watches."""

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Step]:  # noqa: ARG002 - the port's names
        yield self

    def advance(self, steps: int = 1) -> None:
        pass
