"""The fitted sequence member: windows of rows in, probabilities out, by ONNX Runtime alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import (
    Json,
    canonical_bytes,
    digest,
    number,
    parse_document,
    whole,
)
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.models.base import aligned
from forecastlab.models.sequence.graph import CPU, INPUT, OUTPUT, open_session, read_header
from forecastlab.models.sequence.scaling import Scaling
from forecastlab.models.sequence.windows import complete_windows, epoch_ms, windows_ending_at
from forecastlab.models.softmax import softmax

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FORMAT: Final = 1
"""Version of the JSON document; a higher one comes from a newer ForecastLab."""

_BATCH: Final = 256
"""Windows that one run of the graph forecasts; more only fill memory."""


@dataclass(frozen=True)
class Reading:
    """How a network reads rows and names what it says.

    Attributes:
        length: rows of a window.
        candle_ms: from one candle's open to the next.
        max_gap: most candles that may be missing in a window, in all.
        heads: the candidates that the graph forecasts, in its order.
        head: the candidate that this member forecasts.
        classes: the label's values, ascending.
    """

    length: int
    candle_ms: int
    max_gap: int
    heads: tuple[str, ...]
    head: str
    classes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SequenceModel:
    """A network of one candidate; its graph forecasts the other heads as well.

    Attributes:
        scaling: from feature rows to the graph's input.
        offset: log class frequencies of the forecast symbol, which the graph's log odds add to.
        graph: the ONNX file.
        history: how it was trained, for people: seeds, epochs, stopping losses, device.
        providers: ONNX Runtime's execution providers, in order of preference.
    """

    kind: ClassVar[str]
    reading: Reading
    scaling: Scaling
    offset: tuple[float, ...]
    graph: bytes = dataclasses.field(repr=False)
    history: Mapping[str, Any] = dataclasses.field(repr=False)
    providers: tuple[str, ...] = CPU

    @property
    def columns(self) -> tuple[str, ...]:
        """The feature columns that `predict_proba` demands, dropped ones included."""
        return self.scaling.columns

    @property
    def classes(self) -> tuple[int, ...]:
        """The label's values, ascending."""
        return self.reading.classes

    @property
    def window(self) -> int:
        """Consecutive rows that one forecast reads, the as-of candle's last."""
        return self.reading.length

    @cached_property
    def session(self) -> InferenceSession:
        """The session, opened at the first use.

        Raises:
            BundleRefused: this ONNX Runtime does not read the graph.
        """
        return open_session(self.graph, self.providers)

    def __getstate__(self) -> dict[str, Any]:
        # A session does not cross process borders; the copy opens its own.
        return {name: value for name, value in self.__dict__.items() if name != "session"}

    def on(self, providers: Sequence[str]) -> Self:
        """Return the same model on other execution providers."""
        return dataclasses.replace(self, providers=tuple(providers))

    def complete(self, opens: pd.DatetimeIndex) -> np.ndarray:
        """Return which rows of one symbol end a complete window, shape (rows,).

        Raises:
            DataMalformed: the opens do not ascend.
        """
        opens_ms = epoch_ms(opens)
        if (np.diff(opens_ms) <= 0).any():
            raise DataMalformed(
                "the feature rows do not ascend in time.",
                remedy="Hand over the rows of one symbol, sorted by their open time.",
            )
        reading = self.reading
        return complete_windows(
            opens_ms,
            length=reading.length,
            candle_ms=reading.candle_ms,
            max_gap=reading.max_gap,
        )

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return P(class | window) of the rows that end a complete window.

        Args:
            rows: consecutive rows of one symbol, index `open_time` ascending, those before the
                first wanted one included.

        Returns:
            Index: the rows that end a complete window, none where no window is complete; columns
            `classes`; rows sum to 1.

        Raises:
            DataMalformed: a column is missing or unknown, a value is missing or infinite, or the
                rows do not ascend in time.
        """
        matrix = aligned(rows, self.columns)
        last = np.flatnonzero(self.complete(pd.DatetimeIndex(rows.index)))
        table = self.scaling.apply(matrix)
        said = np.empty((len(last), len(self.classes)))
        for begin in range(0, len(last), _BATCH):
            batch = slice(begin, begin + _BATCH)
            windows = windows_ending_at(table, last[batch], length=self.window)
            said[batch] = self.probabilities(self.log_odds(windows))
        return pd.DataFrame(said, index=rows.index[last], columns=list(self.classes))

    def log_odds(self, windows: np.ndarray) -> np.ndarray:
        """Return what the graph says of scaled windows, shape (windows, heads, classes).

        Args:
            windows: float32, shape (windows, length, kept columns).
        """
        return np.asarray(self.session.run([OUTPUT], {INPUT: windows})[0])

    def probabilities(self, log_odds: np.ndarray) -> np.ndarray:
        """Return P(class | window) of this member's head, shape (windows, classes)."""
        head = self.reading.heads.index(self.reading.head)
        odds = np.tile(np.array(self.offset), (len(log_odds), 1))
        odds += log_odds[:, head]
        return softmax(odds)

    def dump(self) -> dict[str, bytes]:
        """Return the graph, and everything else as JSON."""
        reading = {key: _plain(value) for key, value in dataclasses.asdict(self.reading).items()}
        document: dict[str, Json] = {
            "format": FORMAT,
            "graph": digest(self.graph),
            **reading,
            "scaling": self.scaling.document(),
            "offset": list(self.offset),
            "history": dict(self.history),
        }
        return {self._graph_file(): self.graph, self._document_file(): canonical_bytes(document)}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the model from what `dump` gave; its session is opened and checked.

        Raises:
            BundleRefused: a file is missing or broken, comes from a newer library, or the graph is
                not the one that the document describes.
        """
        try:
            document: dict[str, Any] = parse_document(
                files[cls._document_file()], what=cls._document_file()
            )
            graph = files[cls._graph_file()]
            model = cls._from_document(document, graph)
            ir, opset = read_header(graph)
            found = {"graph": digest(graph), "ir": ir, "opset": opset}
            history = model.history
            told = {"graph": document["graph"], "ir": history["ir"], "opset": history["opset"]}
        except (AttributeError, KeyError, TypeError, ValueError, DataMalformed) as error:
            raise BundleRefused(
                f"{cls._graph_file()} or {cls._document_file()} holds no model ({error!r}).",
                remedy="Restore the bundle; one from a newer ForecastLab needs that version.",
            ) from error
        _compare(found, told, cls.kind)
        _compare(model._ports(), model._described(), cls.kind)  # noqa: SLF001 - its own class
        return model

    @classmethod
    def _from_document(cls, document: Mapping[str, Any], graph: bytes) -> Self:
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']}, where {FORMAT} is known")
        reading = Reading(
            length=whole(document["length"]),
            candle_ms=whole(document["candle_ms"]),
            max_gap=whole(document["max_gap"]),
            heads=tuple(str(name) for name in document["heads"]),
            head=str(document["head"]),
            classes=tuple(whole(label) for label in document["classes"]),
        )
        offset = tuple(number(value) for value in document["offset"])
        if reading.head not in reading.heads or len(offset) != len(reading.classes):
            raise ValueError("heads, classes and offset do not fit each other")
        scaling = Scaling.from_document(document["scaling"])
        return cls(reading, scaling, offset, graph, dict(document["history"]))

    def _ports(self) -> dict[str, Any]:
        """Return the graph's inputs and outputs: name -> shape."""
        return {
            port.name: port.shape
            for port in (*self.session.get_inputs(), *self.session.get_outputs())
        }

    def _described(self) -> dict[str, Any]:
        """Return the inputs and outputs that the document asks for."""
        reading = self.reading
        return {
            INPUT: ["batch", reading.length, len(self.scaling.kept)],
            OUTPUT: ["batch", len(reading.heads), len(reading.classes)],
        }

    @classmethod
    def _graph_file(cls) -> str:
        return f"{cls.kind}.onnx"

    @classmethod
    def _document_file(cls) -> str:
        return f"{cls.kind}.json"


def _compare(found: Mapping[str, Any], told: Mapping[str, Any], kind: str) -> None:
    if found != told:
        raise BundleRefused(
            f"{kind}.onnx has {dict(found)}, but {kind}.json tells {dict(told)}.",
            remedy="Restore the bundle.",
        )


def _plain(value: Any) -> Json:
    plain: Json = list(value) if isinstance(value, tuple) else value
    return plain


class LstmModel(SequenceModel):
    """A fitted bidirectional LSTM."""

    kind: ClassVar[str] = "lstm"


class TftModel(SequenceModel):
    """A fitted temporal fusion transformer."""

    kind: ClassVar[str] = "tft"
