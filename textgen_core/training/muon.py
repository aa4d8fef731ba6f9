"""Muon, whose matrices of one shape are orthogonalised together, outside of XLA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf


class Muon(keras.optimizers.Muon):
    """Keras's Muon (Jordan et al. 2024), whose update can be taken in three parts.

    `stacks` says what is to be orthogonalised, `orthogonalised` does it, and an update within
    `given` takes its result. So the products, most of an update's time, can be oneDNN's in a graph,
    in bfloat16 where it is fast, and XLA can compile what is before and after them.
    """

    _directions: Mapping[int, Any] = {}  # by variable, within `given`

    def stacks(self, gradients: Sequence[Any], variables: Sequence[Any], dtype: str) -> list[Any]:
        """Return the momenta after these gradients, those of one shape stacked, of norm 1.

        They are `(matrices, rows, columns)` in `dtype`, and have no more rows than columns.
        """
        found = {id(each): one for one, each in zip(gradients, variables, strict=True)}
        stacks = []
        for group in self._groups(variables):
            wide = [_widened(self._ahead(found[id(each)], each)) for each in group]
            stack = tf.stack([tf.cast(each, tf.float32) for each in wide])
            norms = tf.norm(stack, axis=(-2, -1), keepdims=True)
            stacks.append(tf.cast(stack / (norms + 1e-7), dtype))
        return stacks

    def orthogonalised(self, stack: Any) -> Any:
        """Return the stack after the Newton-Schulz iteration that Muon is defined by."""
        for _ in range(self.ns_steps):
            gram = tf.matmul(stack, stack, transpose_b=True)
            mixture = self.muon_b * gram + self.muon_c * tf.matmul(gram, gram)
            stack = self.muon_a * stack + tf.matmul(mixture, stack)
        return stack

    @contextmanager
    def given(self, stacks: Sequence[Any], variables: Sequence[Any]) -> Iterator[None]:
        """Have updates take what was orthogonalised, in the order of `stacks`."""
        self._directions = {
            self._get_variable_index(variable): _shaped(direction, variable)
            for group, stack in zip(self._groups(variables), stacks, strict=True)
            for variable, direction in zip(group, tf.unstack(stack), strict=True)
        }
        try:
            yield
        finally:
            self._directions = {}

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        direction = self._directions.get(self._get_variable_index(variable))
        if direction is None:
            super()._muon_update_step(gradient, variable, lr, m)
            return
        self.assign(m, self.momentum * m + gradient)
        direction = tf.cast(direction, variable.dtype)
        self.assign_sub(variable, self.lr_adjust(lr * direction))

    def _ahead(self, gradient: Any, variable: Any) -> Any:
        momentum = tf.convert_to_tensor(self.momentums[self._get_variable_index(variable)])
        after = self.momentum * momentum + gradient
        return gradient + self.momentum * after if self.nesterov else after

    def _groups(self, variables: Sequence[Any]) -> list[list[Any]]:
        groups: dict[tuple[int, ...], list[Any]] = {}
        for variable in variables:
            if not self._should_use_adamw(variable):
                groups.setdefault(tuple(sorted(variable.shape)), []).append(variable)
        return list(groups.values())


def _widened(matrix: Any) -> Any:
    return tf.transpose(matrix) if matrix.shape[0] > matrix.shape[1] else matrix


def _shaped(matrix: Any, variable: Any) -> Any:
    return matrix if tuple(matrix.shape) == tuple(variable.shape) else tf.transpose(matrix)
