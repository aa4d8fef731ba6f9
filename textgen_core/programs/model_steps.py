"""Advancing a model by its program: the state lies in the interpreter's own inputs.

This module knows nothing about TensorFlow.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from textgen_core.generation.runtime import Steps
from textgen_core.programs.program import Place, Program

View = Callable[[], np.ndarray]


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
        about, loaded = program.about, program.load(threads)
        self.rows: int = about["rows"]
        self._program = loaded
        self._token_ids, *self._states = loaded.inputs
        self._initial = [
            _initial(described, place)
            for described, place in zip(about["initial"], program.inputs[1:], strict=True)
        ]
        self._logits = np.empty((self.rows, about["vocabulary_size"]), np.float32)
        updates = list(zip(self._states, about["updates"], strict=True))
        self._replaced: list[tuple[View, View]] = [
            (state, loaded.outputs[update["output"]])
            for state, update in updates
            if update and "start" not in update
        ]
        self._slices = _slices(program, about["updates"])
        self.restart()

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
        np.copyto(self._logits, self._program.outputs[0]())
        return self._logits

    def _step(self, token_ids: np.ndarray) -> None:
        program = self._program
        self._token_ids()[:, 0] = token_ids
        program.run()
        for view, replaced_by in self._replaced:
            np.copyto(view(), replaced_by())
        for slices in self._slices:
            where = slices.at(program.outputs[slices.start]().tolist())
            for number, output in slices.pairs:
                program.inputs[number]()[where] = program.outputs[output]()


@attrs.frozen(kw_only=True)
class _Slices:
    """Slices of one size that are written at one place, each into a tensor of the state.

    start: the output with the place. sizes: of the slices. last: the furthest place where they
    have room. pairs: numbers of inputs and of the outputs that are written into them.
    """

    start: int
    sizes: tuple[int, ...]
    last: tuple[int, ...]
    pairs: list[tuple[int, int]] = attrs.field(factory=list)

    def at(self, start: Sequence[int]) -> tuple[slice, ...]:
        """Return the index of the slices, moved to where they have room, as TensorFlow does it."""
        begins = (min(max(first, 0), last) for first, last in zip(start, self.last, strict=True))
        return tuple(slice(first, first + size) for first, size in zip(begins, self.sizes))


def _slices(program: Program, updates: Sequence[Mapping[str, int]]) -> list[_Slices]:
    found: dict[Any, _Slices] = {}
    for number, update in enumerate(updates, start=1):  # the first input is the token ids
        if "start" not in update:
            continue
        sizes = program.outputs[update["output"]].shape
        last = tuple(np.subtract(program.inputs[number].shape, sizes).tolist())
        key = (update["start"], sizes, last)
        slices = found.setdefault(key, _Slices(start=update["start"], sizes=sizes, last=last))
        slices.pairs.append((number, update["output"]))
    return list(found.values())


def _initial(described: Mapping[str, Any], place: Place) -> np.ndarray:
    """Return what a tensor of the state holds at first, or a number that fills it."""
    if "fill" in described:
        return np.array(described["fill"], place.dtype)
    array = np.frombuffer(base64.b64decode(described["bytes"]), place.dtype)
    return array.reshape(place.shape)
