"""One sampler as a program: its `transform` for so many rows, with its options as inputs.

The inputs are the logits, those tensors of the history that the sampler asks for, its options that
are numbers at run time, and its state; the outputs are the logits that it leaves, its next state,
and the state before the first token, which may depend on the options.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from textgen_core.components import History
from textgen_core.errors import PluginFailure
from textgen_core.generation import transforming
from textgen_core.generation.chain import Link
from textgen_core.programs.conversion import as_it_was, as_output, convert, spec_of
from textgen_core.programs.program import NotConvertible, Program


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
    about = {
        "options": list(link.dtypes),
        "per_row": [bool(each.shape.rank) and each.shape[0] == rows for each in step.initial],
    }

    def not_asked_for() -> list[int]:
        history, asked = list(step.history), step.asked
        about["capacity"] = capacity if "token_ids" in asked else None
        about["history"] = [name for name in history if name in asked]
        return [number for number, name in enumerate(history, start=1) if name not in asked]

    return convert(
        step.transform, step.inputs, kind="sampler", about=about, leave_out=not_asked_for
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
        self.asked: set[str] = set()  # the tensors of the history, if only for a shape

    @property
    def inputs(self) -> list[Any]:
        """The program's inputs, if it takes the whole history."""
        return [
            tf.TensorSpec((self.rows, self.vocabulary_size), tf.float32),
            *self.history.values(),
            *(tf.TensorSpec((1,), dtype) for dtype in self.link.dtypes.values()),
            *map(spec_of, self.initial),
        ]

    def transform(self, logits: Any, *others: Any) -> list[Any]:
        """Return the program's outputs for its inputs."""
        places = iter(others)
        history = History(**{name: next(places) for name in self.history})
        options = {name: tf.reshape(next(places), ()) for name in self.link.dtypes}
        state = [as_it_was(each, one) for each, one in zip(places, self.initial, strict=True)]
        watched: Any = _Watched(history, self.asked)
        after, new_state = transforming.transform(
            self.link, logits, watched, tf.nest.pack_sequence_as(self.structure, state), options
        )
        states = [*tf.nest.flatten(new_state), *tf.nest.flatten(self._initial_state(options))]
        return [after, *map(as_output, states)]

    def _initial_state(self, options: dict[str, Any]) -> Any:
        return transforming.initial_state(self.link, self.rows, self.vocabulary_size, options)


class _Watched:
    """A history that notes which of its tensors are asked for."""

    def __init__(self, history: History, noted: set[str]) -> None:
        self._history, self._noted = history, noted

    def __getattr__(self, name: str) -> Any:
        self._noted.add(name)
        return getattr(self._history, name)
