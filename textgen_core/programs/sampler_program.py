"""One sampler as a program: its `transform` for so many rows, with its options as inputs.

The inputs are the logits, those tensors of the history that the sampler asks for, its options that
are numbers at run time, and its state; the outputs are the logits that it leaves, its next state,
and the state before the first token, which may depend on the options.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import tensorflow as tf

from textgen_core.components import History
from textgen_core.errors import PluginFailure, is_component_fault, reason_of
from textgen_core.generation import transforming
from textgen_core.generation.chain import Link
from textgen_core.programs.conversion import convert
from textgen_core.programs.program import NotConvertible, Program

_HALF = (tf.float16, tf.bfloat16)


def sampler_program(link: Link, rows: int, vocabulary_size: int, capacity: int) -> Program:
    """Return the program of a sampler.

    Args:
        link: the sampler, bound.
        rows: how many rows are transformed side by side.
        vocabulary_size: how many logits a row has.
        capacity: how many tokens the texts have room for.

    Returns:
        A program whose `about` has `capacity`, None if the sampler asks for no text; `history`, the
        tensors of the history that are inputs; `options`, by name; and `per_row`, of each tensor of
        the state whether it has a row for each text.

    Raises:
        NotConvertible: the sampler fails, draws or changes anything, or needs what LiteRT lacks.
    """
    step = _Step(link, rows, vocabulary_size, capacity)
    asked = step.asked_for()
    about = {
        "capacity": capacity if "token_ids" in asked else None,
        "history": [name for name in step.history if name in asked],
        "options": list(link.dtypes),
        "per_row": [bool(each.shape.rank) and each.shape[0] == rows for each in step.initial],
    }
    return convert(
        lambda *inputs: step.transform(inputs, asked),
        step.inputs(asked),
        kind="sampler",
        about=about,
    )


class _Step:
    """What is traced: the structure of the sampler's state stays in here."""

    def __init__(self, link: Link, rows: int, vocabulary_size: int, capacity: int) -> None:
        self.link, self.rows, self.vocabulary_size = link, rows, vocabulary_size
        self.history = {
            "token_ids": tf.TensorSpec((rows, capacity), tf.int32),
            "length": tf.TensorSpec((rows,), tf.int32),
            "prompt_length": tf.TensorSpec((rows,), tf.int32),
        }
        given = transforming.option_tensors(link, link.values_of(link.given))
        try:
            self.structure = self._initial_state(given)
        except PluginFailure as error:
            raise NotConvertible(error.problem) from error
        self.initial: list[Any] = tf.nest.flatten(self.structure)

    def inputs(self, asked: Collection[str]) -> list[Any]:
        """Return the program's inputs if it takes those tensors of the history."""
        return [
            tf.TensorSpec((self.rows, self.vocabulary_size), tf.float32),
            *(spec for name, spec in self.history.items() if name in asked),
            *(tf.TensorSpec((1,), dtype) for dtype in self.link.dtypes.values()),
            *map(_spec, self.initial),
        ]

    def asked_for(self) -> set[str]:
        """Return the tensors of the history that the sampler asks for, if only for a shape."""
        asked: set[str] = set()

        def watched(*inputs: Any) -> list[Any]:
            return self.transform(inputs, self.history, asked)

        try:
            function = tf.function(watched, autograph=False)
            function.get_concrete_function(*self.inputs(self.history))
        except BaseException as error:
            if isinstance(error, NotConvertible) or not is_component_fault(error):
                raise
            raise NotConvertible(f"It cannot be traced: {reason_of(error)}") from error
        return asked

    def transform(
        self, inputs: Sequence[Any], given: Collection[str], noted: set[str] | None = None
    ) -> list[Any]:
        """Return the program's outputs for its inputs, with `given` of the history among them."""
        logits, *others = inputs
        history = {
            name: others.pop(0) if name in given else tf.zeros(spec.shape, spec.dtype)
            for name, spec in self.history.items()
        }
        options = {name: tf.reshape(others.pop(0), ()) for name in self.link.dtypes}
        state = [
            tf.cast(tf.reshape(each, one.shape), one.dtype)
            for each, one in zip(others, self.initial, strict=True)
        ]
        watched: Any = _Watched(History(**history), set() if noted is None else noted)
        after, new_state = transforming.transform(
            self.link,
            logits,
            watched,
            tf.nest.pack_sequence_as(self.structure, state),
            options,
        )
        states = [*tf.nest.flatten(new_state), *tf.nest.flatten(self._initial_state(options))]
        return [after, *map(_as_output, states)]

    def _initial_state(self, options: dict[str, Any]) -> Any:
        return transforming.initial_state(self.link, self.rows, self.vocabulary_size, options)


class _Watched:
    """A history that notes which of its tensors are asked for."""

    def __init__(self, history: History, noted: set[str]) -> None:
        self._history, self._noted = history, noted

    def __getattr__(self, name: str) -> Any:
        self._noted.add(name)
        return getattr(self._history, name)


def _spec(tensor: Any) -> Any:
    """Return how a program takes and returns a tensor of the state: no scalar, nothing in half."""
    dtype = tf.float32 if tensor.dtype in _HALF else tensor.dtype
    return tf.TensorSpec(tensor.shape if tensor.shape.rank else (1,), dtype)


def _as_output(tensor: Any) -> Any:
    spec = _spec(tensor)
    return tf.cast(tf.reshape(tensor, spec.shape), spec.dtype)
