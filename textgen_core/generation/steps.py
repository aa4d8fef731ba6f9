"""The steps of a model and the stages of a chain of samplers, whatever computes them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from textgen_core.components import History


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
