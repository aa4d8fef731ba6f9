"""Transforming logits by the programs of samplers, one interpreter for each.

Logits, options and states lie in the interpreters' own inputs. This module knows nothing about
TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from textgen_core.components import History
from textgen_core.errors import PluginFailure
from textgen_core.generation.chain import Link
from textgen_core.generation.runtime import Values
from textgen_core.generation.steps import Stages
from textgen_core.programs.program import Program


class ProgramStages(Stages):
    """A chain of samplers with the values of its options, for a number of rows."""

    def __init__(
        self,
        links: Sequence[Link],
        program_of: Callable[[int, int], Program],
        values: Values,
        capacity: int,
    ) -> None:
        """Load the programs of the samplers.

        Args:
            links: the samplers.
            program_of: returns the program of a sampler, by its number and a capacity.
            values: of each sampler's options, by name.
            capacity: how many tokens the texts have room for at first.
        """
        self._program_of = program_of
        self._stages = [
            Stage(link.name, program_of(number, capacity), own)
            for number, (link, own) in enumerate(zip(links, values, strict=True))
        ]

    def restart(self) -> None:
        """Begin again with fresh states of the samplers."""
        for stage in self._stages:
            stage.restart()

    def widen(self, capacity: int) -> None:
        """Take histories of another capacity from now on; the samplers' states stay."""
        for number, stage in enumerate(self._stages):
            if stage.capacity not in (None, capacity):
                self._stages[number] = stage.with_program(self._program_of(number, capacity))

    def transform(
        self, logits: np.ndarray, history: History, is_drawing: np.ndarray
    ) -> list[np.ndarray]:
        """Return what each sampler leaves, in their order; valid until the next call."""
        stages = []
        for stage in self._stages:
            logits = stage.transform(logits, history, is_drawing)
            stages.append(logits)
        return stages


class Stage:
    """One sampler.

    capacity: of its histories; None if it asks for no text. initial: its state at first.
    """

    def __init__(self, name: str, program: Program, values: Mapping[str, float]) -> None:
        self._name, self._values = name, values
        self._interpreter = interpreter = program.interpreter()
        about = program.about
        self.capacity: int | None = about["capacity"]
        history, options, count = about["history"], about["options"], len(about["per_row"])
        self._logits, *others = interpreter.inputs
        self._history = list(zip(history, others, strict=False))
        self._states = others[len(others) - count :]
        for option, view in zip(options, others[len(history) :], strict=False):
            view()[:] = values[option]
        self._left = interpreter.outputs[0]
        self._after = np.empty(program.outputs[0].shape, np.float32)
        self._next = list(
            zip(self._states, interpreter.outputs[1 : 1 + count], about["per_row"], strict=True)
        )
        self.initial: list[np.ndarray] = []
        if count:
            for view in interpreter.inputs[: 1 + len(history)]:
                view().fill(1)  # the first token counts: of none, some samplers make nothing
            for state in self._states:
                state().fill(0)
            self._run()
            self.initial = [each().copy() for each in interpreter.outputs[1 + count :]]

    def restart(self) -> None:
        for state, initial in zip(self._states, self.initial, strict=True):
            np.copyto(state(), initial)

    def with_program(self, program: Program) -> Stage:
        """Return the stage with another program of the sampler, in the same state."""
        other = Stage(self._name, program, self._values)
        for state, own in zip(other._states, self._states, strict=True):
            np.copyto(state(), own())
        return other

    def transform(self, logits: np.ndarray, history: History, is_drawing: np.ndarray) -> np.ndarray:
        np.copyto(self._logits(), logits)
        for name, view in self._history:
            np.copyto(view(), getattr(history, name))
        self._run()
        np.copyto(self._after, self._left())
        for state, new, is_per_row in self._next:
            if is_per_row:
                flags = is_drawing.reshape(-1, *[1] * (state().ndim - 1))
                np.copyto(state(), new(), where=flags)
            else:
                np.copyto(state(), new())
        return self._after

    def _run(self) -> None:
        try:
            self._interpreter.run()
        except RuntimeError as error:
            raise PluginFailure(f"{self._name} failed in its program: {error}") from error
