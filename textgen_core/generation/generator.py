"""Writing texts: prompts in, pieces of text out, the same for any language model and samplers.

A prompt is fed after <START>; <PAD>, <UNK> and <START> are never drawn.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tokenizers

from textgen_core.components import Sampler
from textgen_core.corpus.text import replace_surrogates
from textgen_core.data.tokenizer import END, PAD, START, UNK, encode
from textgen_core.errors import UsageError
from textgen_core.generation.chain import Chain, Options
from textgen_core.generation.drawing import uniform_numbers
from textgen_core.generation.loop import Batch, Loop
from textgen_core.generation.options import GenerationOptions
from textgen_core.generation.sample import SampleWriter
from textgen_core.generation.stream import Generation, PieceStream
from textgen_core.models.language_model import LanguageModel

SUPPRESSED_TOKENS = (PAD, UNK, START)
SMALLEST_CAPACITY = 128  # tokens in a row; doubled for longer texts, so that few are compiled for


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
        # By batch size, capacity, alternatives, and what compiles.
        self._loops: dict[tuple[int, int, int, str], Loop] = {}

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
        tokenizer = self.language_model.tokenizer
        prompts = [replace_surrogates(prompt)[0] for prompt in prompts]
        prompt_ids = [[START, *encode(tokenizer, prompt)] for prompt in prompts]
        longest = max(map(len, prompt_ids)) + options.max_new_tokens
        capacity = max(SMALLEST_CAPACITY, 1 << (longest - 1).bit_length())  # a power of two
        compile_with = options.compile_with(len(prompts))
        key = (len(prompts), capacity, options.alternatives, compile_with)
        if key not in self._loops:
            self._loops[key] = Loop(self.language_model, self._chain, capacity, compile_with)
        loop = self._loops[key]
        return PieceStream(
            loop,
            loop.initial_state(prompt_ids, self._options, options.alternatives),
            _batch(prompt_ids, capacity, options, self._options),
            [
                SampleWriter(prompt, ids, tokenizer, options)
                for prompt, ids in zip(prompts, prompt_ids, strict=True)
            ],
            options,
            specs=self._specs,
            unknown_characters=unknown_characters(tokenizer, prompts),
        )

    def generate(
        self, prompts: Sequence[str], options: GenerationOptions | None = None, **fields: Any
    ) -> Generation:
        """Write to the end and return all; the arguments are those of `stream`."""
        return self.stream(prompts, options, **fields).result()


def unknown_characters(tokenizer: tokenizers.Tokenizer, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of the texts that the tokenizer can only encode as <UNK>, each once.

    Single characters with a character tokenizer, whole words with a word tokenizer.
    """
    unknown: dict[str, None] = {}  # in the order of their appearance
    for text in texts:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        for token_id, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            if token_id == UNK:
                unknown[text[start:end]] = None
    return tuple(unknown)


def _batch(
    prompts: Sequence[Sequence[int]],
    capacity: int,
    options: GenerationOptions,
    sampler_options: Options,
) -> Batch:
    """Return what stays the same while the prompts' texts are written."""
    count = options.max_new_tokens
    samples = range(options.first_sample, options.first_sample + len(prompts))
    uniforms = np.zeros((len(prompts), capacity))
    numbers = uniform_numbers(options.seed, samples, count)
    for row, prompt, own in zip(uniforms, prompts, numbers, strict=True):
        row[len(prompt) : len(prompt) + count] = own
    lengths = np.array([len(prompt) for prompt in prompts], np.int32)
    return Batch(
        prompt_lengths=tf.constant(lengths),
        max_lengths=tf.constant(lengths + np.int32(count)),
        uniforms=tf.constant(uniforms),
        end_id=tf.constant(END),
        options=sampler_options,
    )
