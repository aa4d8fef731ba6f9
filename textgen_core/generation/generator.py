"""Writing texts: prompts in, pieces of text out, the same for any language model and samplers.

A prompt is fed after <START>, less what token healing takes back; <PAD>, <UNK> and <START> are
never drawn. More texts than fit into memory are written in several batches.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import tokenizers

from textgen_core.components import Sampler
from textgen_core.data.text_input import unknown_parts
from textgen_core.data.token_bytes import TokenBytes
from textgen_core.data.tokenizer import PAD, START, UNK
from textgen_core.errors import UsageError
from textgen_core.generation.batches import Plan, rows_that_fit
from textgen_core.generation.chain import Chain
from textgen_core.generation.loop import Loop
from textgen_core.generation.options import GenerationOptions
from textgen_core.generation.prompts import Prompts, read_prompts
from textgen_core.generation.stream import Generation, PieceStream
from textgen_core.models.language_model import LanguageModel

SUPPRESSED_TOKENS = (PAD, UNK, START)


class Generator:
    """Writes with one language model and one chain of samplers.

    What is compiled is kept, so that a second call with as many prompts starts at once. It is
    shared with the generators that `with_samplers` returns.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        samplers: Sequence[Sampler],
        *,
        labels: Sequence[str] | None = None,
        specs: Sequence[str] | None = None,
    ) -> None:
        """Bind the samplers.

        labels, specs: what they are called in errors and in traces, by default by their class.
        """
        names = [type(sampler).__name__ for sampler in samplers]
        self.language_model = language_model
        self._chain = Chain(
            samplers, labels or names, language_model.tokenizer, excluded=SUPPRESSED_TOKENS
        )
        self._options = self._chain.options(samplers)
        self._specs = tuple(specs or names)
        self._token_bytes = TokenBytes(language_model.tokenizer)
        # By batch size, capacity, the guide's states, alternatives, and what compiles.
        self._loops: dict[tuple[int, int, int, int, str], Loop] = {}

    def is_compatible(self, samplers: Sequence[Sampler]) -> bool:
        """Whether these samplers differ from the generator's in traced options at most."""
        return self._chain.is_compatible(samplers)

    def with_samplers(
        self, samplers: Sequence[Sampler], specs: Sequence[str] | None = None
    ) -> Generator:
        """Return a generator for compatible samplers, which compiles nothing again."""
        other = copy.copy(self)
        other._options = self._chain.options(samplers)
        other._specs = tuple(specs or self._specs)
        return other

    def stream(
        self, prompts: Sequence[str], options: GenerationOptions | None = None, **fields: Any
    ) -> PieceStream:
        """Return an iterator over the pieces of one text for each prompt, written side by side.

        Args:
            prompts: one or more; an empty text is a prompt.
            options: how the texts are written.
            fields: the fields of GenerationOptions, in place of it.

        Raises:
            UsageError: a value that cannot be used.
            PluginFailure: from the iterator, if the model or a sampler fails.
        """
        options = options or GenerationOptions(**fields)
        if isinstance(prompts, str):
            raise UsageError("The prompts are a single text.", "Allowed: a list of texts.")
        if not prompts:
            raise UsageError("There is no prompt.", "Allowed: one or more; one may be empty.")
        read = read_prompts(prompts, self.language_model, self._token_bytes)
        whole = self._plan(read, 0, options)
        fitting = rows_that_fit(
            self.language_model,
            whole.rows,
            whole.first_capacity(),
            1 + len(self._options),
            options.alternatives,
        )
        plans = [whole]
        if fitting < whole.rows:
            parts = (read.part(at, at + fitting) for at in range(0, whole.rows, fitting))
            plans = [self._plan(part, n * fitting, options) for n, part in enumerate(parts)]
        return PieceStream(plans, read, specs=self._specs)

    def _plan(self, prompts: Prompts, first: int, options: GenerationOptions) -> Plan:
        return Plan(
            prompts=prompts,
            first=first,
            options=options,
            sampler_options=self._options,
            loop_for=partial(self._loop, prompts, options),
        )

    def _loop(self, prompts: Prompts, options: GenerationOptions, capacity: int) -> Loop:
        """Return the loop for prompts, rows of a capacity and options, compiled once."""
        rows, states = len(prompts.rows), len(prompts.guide.bias)
        compile_with = options.compile_with(rows)
        key = (rows, capacity, states, options.alternatives, compile_with)
        if key not in self._loops:
            self._loops[key] = Loop(self.language_model, self._chain, capacity, compile_with)
        return self._loops[key]

    def generate(
        self, prompts: Sequence[str], options: GenerationOptions | None = None, **fields: Any
    ) -> Generation:
        """Write to the end and return all; the arguments are those of `stream`."""
        return self.stream(prompts, options, **fields).result()


def unknown_characters(tokenizer: tokenizers.Tokenizer, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of the texts that the tokenizer can only encode as <UNK>, each once.

    Single characters with a character tokenizer, whole words with a word tokenizer.
    """
    return unknown_parts(tokenizer, texts)
