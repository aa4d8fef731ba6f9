"""What computes while a text is written: the steps of a model and the samplers, whatever runs them.

The decoding loop knows nothing else of a model. `tensorflow_runtime` computes with TensorFlow;
`textgen_core.programs` with LiteRT programs, for which TensorFlow is not imported.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textgen_core.data.reader import Reader
from textgen_core.generation.chain import Chain
from textgen_core.generation.mixing import MixedSteps
from textgen_core.generation.steps import Stages, Steps

Values = Sequence[Mapping[str, float]]  # of each sampler, the traced options by name


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

    def steps(self, rows: int, compile_with: str = "graph", *, is_alone: bool = False) -> Steps:
        """Return the model's steps for a number of rows that `rows_for` returned.

        Those of the mixture, where the reader has counts. compile_with: "xla" or "graph", for a
        runtime that compiles. is_alone: whether no other group is written meanwhile. What is
        returned serves one thread.
        """
        return self.mixed(self._steps(rows, compile_with, is_alone=is_alone))

    def mixed(self, network: Steps) -> Steps:
        """Return a network's steps, mixed with the counts of the reader if it has some."""
        counts = self.reader.counts
        return network if counts is None else MixedSteps(network, counts)

    @abstractmethod
    def _steps(self, rows: int, compile_with: str, *, is_alone: bool) -> Steps:
        """Return the steps of the network alone; the arguments are those of `steps`."""

    @abstractmethod
    def stages(
        self, chain: Chain, values: Values, *, rows: int, capacity: int, compile_with: str = "graph"
    ) -> Stages:
        """Return the chain's stages for as many rows, and texts of up to `capacity` tokens."""
