"""The decoding loop: feed a token, transform the logits, draw the next one, in all rows together.

The same loop whatever computes the steps. It sees token ids, no text: between two calls of `run`
the caller reads what was written.
"""

from __future__ import annotations

import numpy as np

from textgen_core.components import History
from textgen_core.data.tokenizer import END
from textgen_core.errors import PluginFailure
from textgen_core.generation.drawing import draw
from textgen_core.generation.faults import MODEL, Fault, find_faults
from textgen_core.generation.plan import Plan
from textgen_core.generation.runtime import Runtime, Stages, Steps
from textgen_core.generation.trace_recorder import StepRecord, record


class Loop:
    """A group of texts in the making.

    token_ids: int32 `(rows, capacity)`, prompts and new tokens, zeros after them.
    log_probabilities: float32 `(rows, capacity)`, the model's own. length: how many tokens every
    row has read or written; the last is not fed yet. is_open: bool `(rows,)`, False where a text
    has ended. faults: of the rows that have one, at the last token; `run` leaves off there.
    records: what a trace needs of each token from `first_recorded` on.
    """

    def __init__(self, runtime: Runtime, steps: Steps, stages: Stages, plan: Plan) -> None:
        """Prepare to write; the prompts are not fed yet. What computes is released in the end."""
        self._plan, self._options, self._guide = plan, plan.options, plan.prompts.guide
        self._runtime, self._compiled_before = runtime, runtime.compile_seconds
        self._steps, self._stages = steps, stages
        self._vocabulary_size = runtime.reader.vocabulary_size
        self._state_capacity = runtime.state_capacity
        self.token_ids = plan.token_ids()
        self.log_probabilities = np.zeros(self.token_ids.shape, np.float32)
        self.starts = plan.starts()
        self._prompt_lengths = self.starts.copy()  # as far as the prompts are written
        self._guided = plan.guided()
        self._uniforms = plan.uniforms(min(plan.capacity, self._options.max_new_tokens + 64))
        self.is_open = np.arange(plan.rows) < plan.texts
        self.length = self.first_recorded = int(self.starts.min())
        self._held = 0  # tokens in the model's state
        self.faults: dict[int, Fault] = {}
        self.records: list[StepRecord] = []

    @property
    def compile_seconds(self) -> float:
        """The time spent on compiling since it was made."""
        return self._runtime.compile_seconds - self._compiled_before

    @property
    def compiled_with(self) -> str:
        """What compiled the steps: "xla", "graph" or "program"."""
        return self._steps.compiled_with

    def prefill(self) -> None:
        """Feed what all prompts have, but for the last token."""
        self._steps.restart()
        self._stages.restart()
        count = self.length - 1
        self._held = held_after(count, self._state_capacity)
        self._steps.feed(self.token_ids[:, count - self._held : count])

    def run(self, count: int) -> None:
        """Read or draw up to `count` more tokens in every row.

        Fewer, if every text ends before, or if a fault is found.
        """
        with np.errstate(all="ignore"):  # -inf is at home here, and NaN is a fault of its own
            for _ in range(count):
                if self.faults or not self.is_open.any():
                    return
                self._step()

    def release(self) -> None:
        """Give back what computes; the loop is not used again."""
        self._steps.release()
        self._stages.release()

    def _step(self) -> None:
        """Feed the last token of every row, and draw or read the next."""
        place = self.length
        if place == self.token_ids.shape[1]:
            self._make_room()
        logits = self._next_logits()
        is_drawing = (self.starts <= place) & self.is_open
        allowed = logits + self._guide.bias[self._guided]
        history = History(
            token_ids=self.token_ids,
            length=np.full(len(is_drawing), place, np.int32),
            prompt_length=self._prompt_lengths,
        )
        stages = [allowed, *self._stages.transform(allowed, history, is_drawing)]
        self.faults = find_faults([logits, *stages], is_drawing)
        tokens = self._draw(stages[-1], is_drawing)
        highest = logits.max(axis=1)
        total = np.exp(logits - highest[:, None]).sum(axis=1)
        self.log_probabilities[:, place] = (
            logits[np.arange(len(tokens)), tokens] - highest - np.log(total)
        )
        if self._options.alternatives:
            self.records.append(record(logits, stages, tokens, self._options.alternatives))
        self._accept(tokens, is_drawing)

    def _draw(self, logits: np.ndarray, is_drawing: np.ndarray) -> np.ndarray:
        """Return the next token of each row: drawn, or that of its prompt."""
        place = self.length
        # A row without a text reads what the first one does, and a finished one its last token.
        tokens = np.where(self.is_open, self.token_ids[:, place], self.token_ids[:, place - 1])
        rows = np.flatnonzero(is_drawing)
        if len(rows):
            numbers = self._numbers(rows)
            tokens[rows] = draw(logits[rows], numbers)
        return tokens

    def _numbers(self, rows: np.ndarray) -> np.ndarray:
        places = self.length - self.starts[rows]
        while int(places.max()) >= self._uniforms.shape[1]:
            self._uniforms = self._plan.uniforms(2 * self._uniforms.shape[1])
        numbers: np.ndarray = self._uniforms[rows, places]
        return numbers

    def _accept(self, tokens: np.ndarray, is_drawing: np.ndarray) -> None:
        """Write the tokens, and close the texts that end with them."""
        place = self.length
        self.token_ids[:, place] = tokens
        if self._guide.is_needed:
            following = self._guide.follows[self._guided, tokens]
            self._guided = np.where(is_drawing, following, self._guided)
            self._prompt_lengths += is_drawing & (following >= self._guide.consumed)
        is_last = place + 1 >= self._prompt_lengths + self._options.max_new_tokens
        self.is_open &= ~(is_drawing & ((tokens == END) | is_last))
        self.length = place + 1

    def _next_logits(self) -> np.ndarray:
        if self._held == self._state_capacity:
            self._refill()
        logits = self._steps.advance(self.token_ids[:, self.length - 1])
        self._held += 1
        wanted = (len(self.token_ids), self._vocabulary_size)
        if logits.shape != wanted:
            raise PluginFailure(
                f"{MODEL} returned logits of shape {logits.shape} for the next token.",
                f"Allowed: {wanted}, the batch and the vocabulary of its tokenizer.",
            )
        return logits

    def _refill(self) -> None:
        """Replace a full state by a fresh one, which holds the last half of the tokens."""
        assert self._state_capacity is not None  # nothing else is ever full
        fed = self.length - 1
        self._held = self._state_capacity // 2
        self._steps.restart()
        self._steps.feed(self.token_ids[:, fed - self._held : fed])

    def _make_room(self) -> None:
        """Give the rows more room once they are full."""
        capacity = self._plan.next_capacity(self.token_ids.shape[1])
        more = ((0, 0), (0, capacity - self.token_ids.shape[1]))
        self.token_ids = np.pad(self.token_ids, more)
        self.log_probabilities = np.pad(self.log_probabilities, more)
        self._stages.widen(capacity)


def held_after(count: int, capacity: int | None) -> int:
    """Return how many tokens a state holds once `count` were fed one by one.

    A full state is replaced, before the next token is fed, by a fresh one with its last half.
    """
    if capacity is None or count <= capacity:
        return count
    half = capacity // 2
    return half + 1 + (count - capacity - 1) % (capacity - half)
