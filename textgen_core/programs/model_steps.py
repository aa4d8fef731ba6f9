"""Advancing a model by its program: the state lies in the interpreter's own inputs.

This module knows nothing about TensorFlow.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from textgen_core.generation.steps import Steps
from textgen_core.programs.program import Place, Program, ProgramInterpreter, View


class ModelSteps(Steps):
    """A model that reads tokens in `rows` rows side by side, from fresh states on.

    The program's `about` says in `updates` what follows each tensor of the state: itself where
    nothing is said, `output`, the output that replaces it, or with `start` the output that is
    written into it, from the index on that the output `start` holds.
    """

    def __init__(self, program: Program, threads: int = 1) -> None:
        """Load the program of a model, to be computed by so many threads.

        Raises NotConvertible if that is impossible here.
        """
        about, interpreter = program.about, program.interpreter(threads)
        self.rows: int = about["rows"]
        self._interpreter = interpreter
        self._token_ids, *self._states = interpreter.inputs
        self._initial = [
            initial_state(described, place)
            for described, place in zip(about["initial"], program.inputs[1:], strict=True)
        ]
        self._logits = np.empty((self.rows, about["vocabulary_size"]), np.float32)
        updates = list(zip(self._states, about["updates"], strict=True))
        self._replaced: list[tuple[View, View]] = [
            (state, interpreter.outputs[update["output"]])
            for state, update in updates
            if update and "start" not in update
        ]
        self._slices = _slices(program, interpreter)
        self.restart()

    @property
    def compiled_with(self) -> str:
        """What compiled them: "program"."""
        return "program"

    def restart(self) -> None:
        """Begin again with fresh states."""
        for state, initial in zip(self._states, self._initial, strict=True):
            np.copyto(state(), initial)

    def feed(self, token_ids: np.ndarray) -> None:
        """Read int32 `(rows, time)`, of which no logits are needed; time may be 0."""
        for column in token_ids.T:
            self._step(column)

    def advance(self, token_ids: np.ndarray) -> np.ndarray:
        """Read int32 `(rows,)`; return the logits of what follows, float32 `(rows, vocabulary)`.

        They are valid until the next call.
        """
        self._step(token_ids)
        np.copyto(self._logits, self._interpreter.outputs[0]())
        return self._logits

    def _step(self, token_ids: np.ndarray) -> None:
        self._token_ids()[:, 0] = token_ids
        self._interpreter.run()
        for state, output in self._replaced:
            np.copyto(state(), output())
        for slices in self._slices:
            slices.write()


@attrs.frozen(kw_only=True)
class _Slices:
    """Slices of one size that are written at one place, each into a tensor of the state.

    start: where they begin; last: the furthest place where they have room.
    """

    start: View
    sizes: tuple[int, ...]
    last: tuple[int, ...]
    pairs: list[tuple[View, View]] = attrs.field(factory=list)

    def write(self) -> None:
        """Write them, moved to where they have room, as TensorFlow does it."""
        starts = zip(self.start().tolist(), self.last, self.sizes, strict=True)
        begins = ((min(max(first, 0), last), size) for first, last, size in starts)
        where = tuple(slice(first, first + size) for first, size in begins)
        for state, entries in self.pairs:
            state()[where] = entries()


def _slices(program: Program, interpreter: ProgramInterpreter) -> list[_Slices]:
    found: dict[Any, _Slices] = {}
    for number, update in enumerate(program.about["updates"], start=1):  # 0: the token ids
        if "start" not in update:
            continue
        sizes = program.outputs[update["output"]].shape
        last = tuple(np.subtract(program.inputs[number].shape, sizes).tolist())
        start = interpreter.outputs[update["start"]]
        slices = found.setdefault(
            (update["start"], sizes, last), _Slices(start=start, sizes=sizes, last=last)
        )
        slices.pairs.append((interpreter.inputs[number], interpreter.outputs[update["output"]]))
    return list(found.values())


def initial_state(described: Mapping[str, Any], place: Place) -> np.ndarray:
    """Return what a tensor of the state holds at first, or a number that fills it."""
    if "fill" in described:
        return np.array(described["fill"], place.dtype)
    array = np.frombuffer(base64.b64decode(described["bytes"]), place.dtype)
    return array.reshape(place.shape)
