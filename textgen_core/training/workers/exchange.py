"""What goes with the gradients from worker to worker, in front of the same vector.

The first worker says what comes next and at which learning rate, any may ask to stop, and each
shows what it goes by: marks of its batches and, now and then, of its weights. So all of them find
in the same step that one has drifted, or that there was no exchange.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from textgen_core.errors import WorkersError
from textgen_core.training.workers.transport import Collective

STEP, SAVE, OVER = range(3)  # what the first worker says: a step; a checkpoint comes first; the end
CHECK_EVERY = 16  # steps: a checksum reads all weights
_SAID = 3  # numbers before the marks: what comes, the learning rate, how many ask to stop
_MIXING = -1_640_531_535  # an odd number, whose bits are those of the golden ratio
_MARKS = 5  # of each worker: that it is there, and two halves for batches and for weights


class Told(NamedTuple):
    """What all workers know after an exchange; summed: the whole vector, with its header."""

    kind: int
    learning_rate: float
    stop: bool
    summed: Any


class Exchange:
    """The rounds in which workers exchange their vectors; `variables` are the same in all."""

    def __init__(self, collective: Collective, variables: Sequence[Any]) -> None:
        self.collective = collective
        self._variables = variables
        self._steps = 0
        # TensorFlow leaves integers of 32 bits to the processor, unless XLA compiles them.
        on_gpu = bool(tf.config.list_logical_devices("GPU"))
        self._checksum = tf.function(self._summed_bits, jit_compile=on_gpu, autograph=False)
        self.header_size = _SAID + _MARKS * collective.size

    def header(self, learning_rate: float, stop: bool, batches: Sequence[np.ndarray]) -> np.ndarray:
        """Return what this worker puts in front of its gradient, float32 `(header_size,)`.

        batches: the whole ones, which all workers make alike.
        """
        is_first = self.collective.rank == 0
        weights = 0
        if self._steps % CHECK_EVERY == 0:
            weights = int(self._checksum().numpy()) % 2**32
        data = 0
        for each in batches:
            data = zlib.crc32(np.ascontiguousarray(each).data, data)
        header = np.zeros(self.header_size, np.float32)
        header[:_SAID] = STEP, learning_rate if is_first else 0.0, stop
        here = _SAID + _MARKS * self.collective.rank
        header[here : here + _MARKS] = 1, *divmod(data, 2**16), *divmod(weights, 2**16)
        return header

    def step(self, vector: Any, before_saving: Callable[[], Any]) -> Told:
        """Return what comes of a step's vector, header and gradient, or that training is over.

        before_saving: takes part in what a checkpoint of the first worker asks for.
        """
        while True:
            told = self._told(self.collective.sum(vector))
            if told.kind != SAVE:
                self._steps += 1
                return told
            before_saving()

    def announce(self, kind: int, size: int) -> None:
        """Say, as the first worker, that another thing than a step comes; size: of its vector."""
        header = np.zeros(size, np.float32)
        header[0], header[_SAID] = kind, 1
        self._told(self.collective.sum(header))

    def _told(self, summed: Any) -> Told:
        header = np.asarray(summed[: self.header_size])
        kind = int(header[0])
        marks = header[_SAID:].reshape(self.collective.size, _MARKS)
        self._check_there(marks)
        if kind == STEP:
            self._check_alike(marks)
        return Told(kind, float(header[1]), bool(header[2]), summed)

    def _check_there(self, marks: np.ndarray) -> None:
        missing = np.flatnonzero(marks[:, 0] != 1)
        if len(missing):
            raise WorkersError(
                f"{_named(missing)} took no part in an exchange of the workers.",
                advice="Start all of them again: they go on from the newest checkpoint.",
            )

    def _check_alike(self, marks: np.ndarray) -> None:
        for what, here in (("batches", slice(1, 3)), ("weights", slice(3, 5))):
            others = np.flatnonzero((marks[:, here] != marks[0, here]).any(axis=1))
            if len(others):
                raise WorkersError(
                    f"{_named(others)} has other {what} than the first worker, at step "
                    f"{self._steps + 1} since they were started.",
                    "Allowed: the same seed, settings, text and versions in all workers.",
                    "Start all of them again: they go on from the newest checkpoint.",
                )

    def _summed_bits(self) -> Any:
        """Return a checksum of all variables, int32: the sums of their bits, mixed."""
        total = tf.constant(0)
        for variable in self._variables:
            value = tf.convert_to_tensor(variable)
            if value.dtype.size < tf.int32.size:
                value = tf.cast(value, tf.float32)
            total = total * _MIXING + tf.reduce_sum(tf.bitcast(value, tf.int32))
        return total


def _named(ranks: np.ndarray) -> str:
    """Return how an error begins that is about some workers."""
    return " and ".join(f"worker {rank}" for rank in ranks[:3].tolist()).capitalize()
