"""What computes while a text is written: the steps of a model and the samplers, whatever runs them.

The decoding loop knows nothing else of a model. `tensorflow_runtime` computes with TensorFlow;
`textgen_core.programs` with LiteRT programs, for which TensorFlow is not imported.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from textgen_core.components import History
from textgen_core.data.reader import Reader
from textgen_core.generation.chain import Chain

Values = Sequence[Mapping[str, float]]  # of each sampler, the traced options by name


class Steps(ABC):
    """A model that reads tokens in `rows` rows side by side, from fresh states on."""

    rows: int

    @property
    @abstractmethod
    def compiled_with(self) -> str:
        """What compiled them: "xla", "graph" or "program"."""

    @abstractmethod
    def restart(self) -> None:
        """Begin again with fresh states."""

    @abstractmethod
    def feed(self, token_ids: np.ndarray) -> None:
        """Read int32 `(rows, time)`, whose logits are not needed; time may be 0."""

    @abstractmethod
    def advance(self, token_ids: np.ndarray) -> np.ndarray:
        """Read int32 `(rows,)`; return the logits of what follows, float32 `(rows, vocabulary)`.

        They hold until the next call.
        """

    def release(self) -> None:  # noqa: B027 - nothing to do for most
        """Give back what may serve another text; the steps are not used again."""


class Stages(ABC):
    """A chain of samplers with the values of its options, for a number of rows."""

    @abstractmethod
    def restart(self) -> None:
        """Begin again with fresh states of the samplers."""

    @abstractmethod
    def widen(self, capacity: int) -> None:
        """Take histories of another capacity from now on; the samplers' states stay."""

    @abstractmethod
    def transform(
        self, logits: np.ndarray, history: History, is_drawing: np.ndarray
    ) -> list[np.ndarray]:
        """Return what each sampler leaves, in their order, float32 `(rows, vocabulary)` each.

        logits: float32 `(rows, vocabulary)`; history: of numpy arrays; is_drawing: bool `(rows,)`,
        the samplers' states of the other rows stay as they are.
        """

    def release(self) -> None:  # noqa: B027 - nothing to do for most
        """Give back what may serve another text; the stages are not used again."""


class Runtime(ABC):
    """Computes the steps of one model.

    reader: what reads texts for it. state_capacity: how many tokens its state holds; None: any
    number. side_by_side: how many groups of rows are written at the same time, each in a thread.
    is_bound_by_memory: whether texts are several groups because they do not fit together.
    compile_seconds: the time spent on compiling so far.
    """

    name: ClassVar[str]
    reader: Reader
    state_capacity: int | None
    side_by_side: int = 1
    is_bound_by_memory: ClassVar[bool] = False
    compile_seconds: float = 0.0

    def prepare(self, chain: Chain, rows: int, capacity: int) -> None:  # noqa: B027
        """Make what groups of so many rows need, and raise whatever stands in their way."""

    @abstractmethod
    def rows_for(
        self, texts: int, *, capacity: int = 0, stages: int = 1, alternatives: int = 0
    ) -> int:
        """Return how many rows the next group has, with so many texts to write; at least 1.

        capacity: tokens in a row; stages: of the chain; alternatives: that a trace shows.
        """

    @abstractmethod
    def steps(self, rows: int, compile_with: str = "graph", *, is_alone: bool = False) -> Steps:
        """Return the model's steps for a number of rows that `rows_for` returned.

        compile_with: "xla" or "graph", for a runtime that compiles. is_alone: whether no other
        group is written meanwhile. What is returned serves one thread.
        """

    @abstractmethod
    def stages(
        self, chain: Chain, values: Values, *, rows: int, capacity: int, compile_with: str = "graph"
    ) -> Stages:
        """Return the chain's stages for as many rows, and texts of up to `capacity` tokens."""
