"""The decoding loop: feed a token, transform the logits, draw the next one, in all rows together.

The same loop whatever computes the steps. It sees token ids, no text: between two calls of `run`
the caller reads what was written.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from textgen_core.components import History
from textgen_core.data.tokenizer import END
from textgen_core.generation.drawing import draw, log_probabilities
from textgen_core.generation.faults import Fault, are_sound, check_shape, find_faults
from textgen_core.generation.plan import Plan
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.steps import Stages, Steps
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
        self._last_start = int(self.starts.max())
        self._first_end = int(self.starts.min()) + self._options.max_new_tokens
        self._prompt_lengths = self.starts.copy()  # as far as the prompts are written
        self._history = History(
            token_ids=self.token_ids,
            length=self.starts.copy(),
            prompt_length=self._prompt_lengths,
        )
        self._guided = plan.guided()
        self._bias = self._guide.bias[self._guided]
        self._uniforms = plan.uniforms(plan.capacity)
        self.is_open = np.arange(plan.rows) < plan.texts
        self.length = self.first_recorded = int(self.starts.min())
        self._held = 0  # tokens in the model's state
        self._fed: int | None = None  # tokens of the prompts that are fed or left out
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

    def prefill(self, most: int | None = None) -> bool:
        """Feed what all prompts have, but for the last token; return whether that is done.

        most: how many tokens are fed at once; None: all of them.
        """
        count = int(self.starts.min()) - 1
        if self._fed is None:
            self._steps.restart()
            self._stages.restart()
            self._held = held_after(count, self._state_capacity)
            self._fed = count - self._held
        end = count if most is None else min(count, self._fed + most)
        self._steps.feed(self.token_ids[:, self._fed : end])
        self._fed = end
        return end == count

    def run(self, count: int, is_abandoned: Callable[[], bool] = lambda: False) -> None:
        """Read or draw up to `count` more tokens in every row.

        Fewer, if every text ends before, if a fault is found, or once they are abandoned.
        """
        self._choose_rows()
        with np.errstate(all="ignore"):  # -inf is at home here, and NaN is a fault of its own
            for _ in range(count):
                if self.faults or self._are_closed or is_abandoned():
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
        allowed = logits + self._bias
        if place < self._last_start:
            np.maximum(self.starts, place, out=self._history.length)
        else:
            self._history.length.fill(place)
        left = self._stages.transform(allowed, self._history, self._is_drawing)
        tokens = self._draw(left[-1] if left else allowed)
        own = log_probabilities(logits, tokens)
        if not are_sound(own, allowed, left):
            self.faults = find_faults([logits, allowed, *left], self._is_drawing)
        self.log_probabilities[:, place] = own
        if self._options.alternatives:
            stages = [allowed, *left]
            self.records.append(record(logits, stages, tokens, self._options.alternatives))
        self._accept(tokens)

    def _choose_rows(self) -> None:
        """Note which rows draw the next token: those of open texts whose prompts are read."""
        self._is_drawing = (self.starts <= self.length) & self.is_open
        self._drawing = np.flatnonzero(self._is_drawing)
        self._are_closed = not self.is_open.any()

    def _draw(self, logits: np.ndarray) -> np.ndarray:
        """Return the next token of each row, int `(rows,)`: drawn, or that of its prompt."""
        place, rows = self.length, self._drawing
        if len(rows) == len(logits):
            return np.array(draw(logits, self._uniforms[:, place]))
        # A finished row reads its last token again, and so does one without a text.
        tokens = np.where(self.is_open, self.token_ids[:, place], self.token_ids[:, place - 1])
        tokens[rows] = draw(logits[rows], self._uniforms[rows, place])
        return tokens

    def _accept(self, tokens: np.ndarray) -> None:
        """Write the tokens, and close the texts that end with them."""
        self.token_ids[:, self.length] = tokens
        self.length += 1
        if self._guide.is_needed:
            self._follow_guide(tokens)
        if self.length >= self._first_end or END in tokens.tolist():
            is_last = self.length >= self._prompt_lengths + self._options.max_new_tokens
            self.is_open &= ~(self._is_drawing & ((tokens == END) | is_last))
            self._choose_rows()
        elif self.length <= self._last_start:
            self._choose_rows()

    def _follow_guide(self, tokens: np.ndarray) -> None:
        """Take the rows that draw to the guide's next states; the others stay in theirs."""
        following = self._guide.follows[self._guided, tokens]
        self._guided = np.where(self._is_drawing, following, self._guided)
        self._bias = self._guide.bias[self._guided]
        self._prompt_lengths += self._is_drawing & (following >= self._guide.consumed)

    def _next_logits(self) -> np.ndarray:
        if self._held == self._state_capacity:
            self._refill()
        logits = self._steps.advance(self.token_ids[:, self.length - 1])
        self._held += 1
        check_shape(logits, (len(self.token_ids), self._vocabulary_size))
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
        self._uniforms = self._plan.uniforms(capacity)
        self._history = attrs.evolve(self._history, token_ids=self.token_ids)
        self._stages.widen(capacity)


def held_after(count: int, capacity: int | None) -> int:
    """Return how many tokens a state holds once `count` were fed one by one.

    A full state is replaced, before the next token is fed, by a fresh one with its last half.
    """
    if capacity is None or count <= capacity:
        return count
    half = capacity // 2
    return half + 1 + (count - capacity - 1) % (capacity - half)
