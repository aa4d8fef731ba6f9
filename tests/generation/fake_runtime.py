"""A runtime in numpy: the next token depends on the sum of all, as with AdvancingSumModel."""

from __future__ import annotations

import threading

import attrs
import numpy as np
from generation.letter_tokenizer import LETTERS, build_tokenizer

from textgen_core.components import Sampler
from textgen_core.data.reader import Reader
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.steps import Stages, Steps


class FakeRuntime(Runtime):
    """Computes logits by a table `(vocabulary, vocabulary)`, and samplers as they are.

    rows: of every group, however few texts there are; by default as many as there are texts. fed:
    how many tokens each call of the steps brought. open: how many steps and stages are in use.
    """

    name = "program"

    def __init__(
        self,
        table,
        *,
        letters=LETTERS,
        state_capacity=None,
        rows=None,
        side_by_side=1,
        counts=None,
    ):
        self.table = table
        tokenizer = build_tokenizer(letters)
        self.reader = Reader(tokenizer=tokenizer, context_length=16, counts=counts)
        self.state_capacity, self.side_by_side = state_capacity, side_by_side
        self._rows = rows
        self.fed: list[int] = []
        self.capacities: list[int] = []
        self.open, self._lock = 0, threading.Lock()

    def count_open(self, change):
        with self._lock:
            self.open += change

    def rows_for(self, texts, *, capacity=0, stages=1, alternatives=0):
        return self._rows or texts

    def _steps(self, rows, compile_with, *, is_alone):
        return FakeSteps(self, rows)

    def stages(self, chain, values, *, rows, capacity, compile_with="graph"):
        return FakeStages(self, chain, capacity)


class FakeSteps(Steps):
    compiled_with = "nothing"

    def __init__(self, runtime, rows):
        self._runtime, self.rows = runtime, rows
        self._sums, self._held = np.zeros(rows, np.int64), 0
        runtime.count_open(1)

    def restart(self):
        self._sums[:], self._held = 0, 0

    def feed(self, token_ids):
        assert token_ids.dtype == np.int32
        assert len(token_ids) == self.rows
        self._held += token_ids.shape[1]
        assert self._runtime.state_capacity is None or self._held <= self._runtime.state_capacity
        self._runtime.fed.append(token_ids.shape[1])
        self._sums += token_ids.sum(axis=1)

    def advance(self, token_ids):
        assert token_ids.shape == (self.rows,)
        self.feed(token_ids[:, None])
        return self._runtime.table[self._sums % len(self._runtime.table)]

    def release(self):
        self._runtime.count_open(-1)


class FakeStages(Stages):
    """Calls each sampler's `transform` with numpy arrays."""

    def __init__(self, runtime, chain, capacity):
        self._runtime, self._chain, self._capacity = runtime, chain, capacity
        runtime.count_open(1)
        runtime.capacities.append(capacity)

    def restart(self):
        pass

    def widen(self, capacity):
        self._capacity = capacity
        self._runtime.capacities.append(capacity)

    def transform(self, logits, history, is_drawing):
        assert history.token_ids.shape == (len(logits), self._capacity)
        assert (history.prompt_length <= history.length).all()
        stages = []
        for link in self._chain.links:
            logits = link.bound.transform(logits, history)
            stages.append(logits)
        return stages

    def release(self):
        self._runtime.count_open(-1)


@attrs.frozen(kw_only=True)
class Calling(Sampler):
    """Lets a function of logits and history transform, in numpy."""

    function: object

    def transform(self, logits, history):
        return self.function(logits, history)
