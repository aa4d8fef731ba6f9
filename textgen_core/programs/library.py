"""The programs of one run: found in the cache, or made and kept there.

What makes a program needs TensorFlow and the model, which are loaded only then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from textgen_core.data.reader import Reader
from textgen_core.generation.chain import Link
from textgen_core.models.cores import cores
from textgen_core.programs import store
from textgen_core.programs.keys import model_key, sampler_key
from textgen_core.programs.program import NotConvertible, Program, interpreter_class
from textgen_core.registry.selection import ResolvedComponent

if TYPE_CHECKING:
    from textgen_core.models.language_model import LanguageModel

ROW_COUNTS = (1, 8)  # of programs: for a single text, and for many side by side
MOST_SAMPLERS = 256  # programs of samplers in memory; what was used longest ago goes


class Library:
    """The programs of one trained model and of the samplers that write with it."""

    def __init__(
        self,
        reader: Reader,
        component: ResolvedComponent,
        weights: Callable[[], str],
        load: Callable[[], LanguageModel],
        on_wait: Callable[[str], None],
    ) -> None:
        """Prepare to find programs; nothing is read yet.

        Args:
            reader: what is known of the model without TensorFlow.
            component: what builds it.
            weights: returns the SHA-256 of its weights.
            load: returns the model with its weights, built under the policy float32.
            on_wait: is told, in a sentence, what is waited for before each program that is made.
        """
        self.reader = reader
        self._component, self._weights = component, weights
        self._load, self._on_wait = load, on_wait
        self._models: dict[int, Program] = {}
        self._samplers: dict[tuple[Link, int, int], Program] = {}
        self._lock = threading.Lock()  # texts are written in several threads

    @cached_property
    def _digest(self) -> str:
        return self._weights()

    def model(self, rows: int) -> Program:
        """Return the program of the model's step for so many rows.

        Raises NotConvertible if there can be none.
        """
        with self._lock:
            if rows not in self._models:
                key = model_key(
                    self._component,
                    self._digest,
                    vocabulary_size=self.reader.vocabulary_size,
                    context_length=self.reader.context_length,
                    rows=rows,
                )
                found = self._find([key]) or self._make_model(key, rows)
                self._models[rows] = found
            return self._models[rows]

    def make_model(self, rows: int, *, whole_states: bool, precision: str) -> Program:
        """Return another program of the model's step, which is not kept; see `model_program`.

        Raises NotConvertible if there can be none.
        """
        with self._lock:
            self._say("the model")
            language_model = self._load()
            from textgen_core.programs.model_program import model_program

            return model_program(
                language_model, rows, whole_states=whole_states, precision=precision
            )

    def sampler(self, link: Link, rows: int, capacity: int) -> Program:
        """Return the program of a sampler for so many rows, and texts of up to `capacity` tokens.

        Raises NotConvertible if there can be none.
        """
        with self._lock:
            for each in ((link, rows, 0), (link, rows, capacity)):
                if each in self._samplers:
                    self._samplers[each] = found = self._samplers.pop(each)
                    return found
            keys = [self._sampler_key(link, rows, each) for each in (None, capacity)]
            found = self._find(keys) or self._make_sampler(keys, link, rows, capacity)
            reads_history = found.about["capacity"] is not None
            self._samplers[link, rows, capacity if reads_history else 0] = found
            if len(self._samplers) > MOST_SAMPLERS:
                del self._samplers[next(iter(self._samplers))]
            return found

    def _make_model(self, key: str | None, rows: int) -> Program:
        self._say("the model")
        language_model = self._load()
        from textgen_core.programs.model_program import model_program
        from textgen_core.programs.threads import with_threads

        def make() -> Program:
            return with_threads(model_program(language_model, rows), cores())

        return self._made([key], make)

    def _make_sampler(
        self, keys: Sequence[str | None], link: Link, rows: int, capacity: int
    ) -> Program:
        self._say("the samplers")
        from textgen_core.programs.sampler_program import sampler_program

        size = self.reader.vocabulary_size
        return self._made(keys, lambda: sampler_program(link, rows, size, capacity))

    def _sampler_key(self, link: Link, rows: int, capacity: int | None) -> str | None:
        return sampler_key(
            link.given,
            link.dtypes,
            tokenizer=self.reader.tokenizer,
            vocabulary_size=self.reader.vocabulary_size,
            rows=rows,
            capacity=capacity,
        )

    def _find(self, keys: Sequence[str | None]) -> Program | None:
        interpreter_class()  # before one is made: without it, none can run
        for key in keys:
            blob = store.find(key)
            if blob is not None:
                try:
                    return Program.from_bytes(blob, is_checked=True)
                except ValueError:  # of a version that wrote them otherwise
                    continue
            if (reason := store.find_refusal(key)) is not None:
                raise NotConvertible(reason)
        return None

    def _made(self, keys: Sequence[str | None], make: Callable[[], Program]) -> Program:
        """Return a new program, kept under the key that is its own: the last reads the history."""
        try:
            program = make()
        except NotConvertible as error:
            if error.is_lasting:
                store.keep_refusal(keys[0], error.problem)
            raise
        reads_history = program.about.get("capacity") is not None
        store.keep(keys[-1] if reads_history else keys[0], program.to_bytes())
        return program

    def _say(self, what: str) -> None:
        self._on_wait(f"Converting {what}, once: after that, writing starts at once.")
