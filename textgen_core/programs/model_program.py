"""One step of a language model as a program: a token for each row and the state, to logits.

The state is a list of tensors to whoever runs it. Scalars are given a dimension, so that all of
them are memory to write into. Of a tensor into which a step writes a slice the program returns
that slice alone: whoever keeps the state writes it where it belongs, and nothing is copied.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from textgen_core.errors import PluginFailure, component_errors
from textgen_core.models.language_model import LanguageModel
from textgen_core.programs.conversion import as_it_was, as_output, convert, spec_of
from textgen_core.programs.program import NotConvertible, Program

_PASSING = {"Identity", "IdentityN", "EnsureShape", "StopGradient", "PreventGradient"}
_DEEPEST = 40  # operations that are looked at to see whether two starts of slices are the same


def model_program(
    language_model: LanguageModel,
    rows: int,
    *,
    whole_states: bool = False,
    precision: str = "float32",
) -> Program:
    """Return the program that advances a model by one token in so many rows.

    language_model: built under the dtype policy float32, in which programs compute. whole_states:
    whether it returns each next state whole, for whoever knows nothing of slices. precision: that
    its weights are kept in, see `convert`. The program's `about` has `rows`, `vocabulary_size`,
    `state_capacity`, `initial`, the state before the first token, and `updates`: where the next
    state is found (see `ModelSteps`). Raises NotConvertible for a model without a state of its own,
    and for what LiteRT cannot compute.
    """
    if not language_model.can_advance:
        raise NotConvertible("The model offers no advance: it is run again for every token.")
    step = _Step(language_model, rows, whole_states=whole_states)
    about: dict[str, Any] = {
        "rows": rows,
        "vocabulary_size": language_model.vocabulary_size,
        "state_capacity": language_model.state_capacity,
        "initial": [_described(each.numpy()) for each in step.initial],
    }

    def advance(token_ids: Any, *state: Any) -> list[Any]:
        outputs, about["updates"] = step.advance(token_ids, state)
        return outputs

    inputs = [tf.TensorSpec((rows, 1), tf.int32), *map(spec_of, step.initial)]
    return convert(advance, inputs, kind="model", about=about, precision=precision)


class _Step:
    """What is traced: the structure of the model's state stays in here."""

    def __init__(self, language_model: LanguageModel, rows: int, *, whole_states: bool) -> None:
        self.language_model = language_model
        self.rows, self.whole_states = rows, whole_states
        try:
            with component_errors("The model", doing="initial_state"):
                state = language_model.initial_state(rows)
                self.structure = tf.nest.map_structure(tf.convert_to_tensor, state)
        except PluginFailure as error:
            raise NotConvertible(error.problem) from error
        self.initial: list[Any] = tf.nest.flatten(self.structure)
        for each in self.initial:
            _check(each)

    def advance(self, token_ids: Any, state: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Return the program's outputs, the logits first, and where each next state is in them."""
        held = [as_it_was(each, one) for each, one in zip(state, self.initial, strict=True)]
        logits, after = self.language_model.advance_to_last(
            token_ids, tf.nest.pack_sequence_as(self.structure, held)
        )
        wanted = (self.rows, self.language_model.vocabulary_size)
        if tuple(logits.shape) != wanted:
            raise NotConvertible(f"Its logits have shape {logits.shape}, not {wanted}.")
        outputs = _Outputs(logits, whole_states=self.whole_states)
        return outputs.tensors, [
            outputs.update(old, new) for old, new in zip(held, self._flat(after), strict=True)
        ]

    def _flat(self, after: Any) -> list[Any]:
        tf.nest.assert_same_structure(self.structure, after)
        flat = [tf.convert_to_tensor(each) for each in tf.nest.flatten(after)]
        for old, new in zip(self.initial, flat, strict=True):
            if (old.shape, old.dtype) != (new.shape, new.dtype):
                raise NotConvertible(
                    f"It turns a state of {old.dtype.name} {old.shape} "
                    f"into one of {new.dtype.name} {new.shape}."
                )
        return flat


class _Outputs:
    """The tensors that a program returns, gathered one after the other."""

    def __init__(self, logits: Any, *, whole_states: bool) -> None:
        self.tensors = [logits]
        self._whole_states = whole_states
        self._numbers: dict[Any, int] = {}
        self._starts: dict[int, int] = {}

    def update(self, old: Any, new: Any) -> dict[str, int]:
        """Return where the next state is found: nowhere if it is `old`, or the place of a slice."""
        if self._whole_states:
            return {"output": self._add(new)}
        source = _source(new, old)
        if source is old:
            return {}
        if source.op.type == "XlaDynamicUpdateSlice" and _source(source.op.inputs[0], old) is old:
            _, entries, start = source.op.inputs
            if entries.shape.is_fully_defined():
                return {"output": self._add(entries), "start": self._start(start)}
        return {"output": self._add(new)}

    def _add(self, tensor: Any) -> int:
        self.tensors.append(as_output(tensor))
        return len(self.tensors) - 1

    def _start(self, start: Any) -> int:
        """Return the output with where a slice begins: one for all slices that begin there."""
        number = self._number(start)
        if number not in self._starts:
            self._starts[number] = self._add(start)
        return self._starts[number]

    def _number(self, tensor: Any, depth: int = 0) -> int:
        """Return a number that only tensors share which are computed alike from the same."""
        operation = tensor.op
        if operation.type == "Placeholder" or depth == _DEEPEST:
            key: Any = tensor.name
        else:
            attributes = operation.node_def.attr
            key = (
                operation.type,
                tensor.value_index,
                tuple((name, attributes[name].SerializeToString()) for name in sorted(attributes)),
                tuple(self._number(each, depth + 1) for each in operation.inputs),
            )
        return self._numbers.setdefault(key, len(self._numbers))


def _check(state: Any) -> None:
    dtype = state.dtype
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        raise NotConvertible(f"The model's state has a tensor of {dtype.name}.")
    if not state.shape.num_elements():
        raise NotConvertible("The model's state has a tensor without elements.")


def _source(tensor: Any, end: Any) -> Any:
    """Return the tensor that `tensor` is but for operations that pass it on, or `end`."""
    while tensor is not end and tensor.op.type in _PASSING:
        place = tensor.value_index if tensor.op.type == "IdentityN" else 0
        tensor = tensor.op.inputs[place]
    return tensor


def _described(array: np.ndarray) -> dict[str, Any]:
    """Return what the state holds at first, as JSON: a number, or the bytes of all elements."""
    array = np.asarray(array, spec_of(tf.constant(array)).dtype.as_numpy_dtype)
    if (array == array.flat[0]).all():
        return {"fill": array.flat[0].item()}
    return {"bytes": base64.b64encode(array.tobytes()).decode()}
