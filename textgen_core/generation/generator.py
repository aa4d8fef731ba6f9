"""Writing texts: prompts in, pieces of text out, the same for any language model and samplers.

A prompt is fed after <START>; <PAD>, <UNK> and <START> are never drawn. This module knows nothing
about runs, files or how a sampler is named on the command line.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tokenizers

from textgen_core.components import Sampler
from textgen_core.corpus.text import replace_surrogates
from textgen_core.data.tokenizer import END, PAD, START, UNK
from textgen_core.errors import UsageError
from textgen_core.generation.chain import Chain, Options
from textgen_core.generation.drawing import uniform_numbers
from textgen_core.generation.loop import Loop, Plan, first_rows
from textgen_core.generation.sample import SampleWriter
from textgen_core.generation.stream import Generation, PieceStream, Tracing
from textgen_core.models.language_model import LanguageModel

NEVER_DRAWN = (PAD, UNK, START)
SHORT = 512  # tokens that a graph writes before XLA has compiled
SMALLEST_CAPACITY = 128  # tokens in a row; doubled for longer texts, so that few are compiled for


class Generator:
    """Writes with one language model and one chain of samplers.

    What is compiled is kept, so that a second call with as many prompts starts at once. So does
    the generator that `retuned` returns, for the same samplers with other numbers.
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
        self._chain = Chain(samplers, labels or names, language_model.tokenizer, NEVER_DRAWN)
        self._options = self._chain.options(samplers)
        self._specs = tuple(specs or names)
        # By batch size, capacity, alternatives, and what compiles.
        self._loops: dict[tuple[int, int, int, str], Loop] = {}

    def serves(self, samplers: Sequence[Sampler]) -> bool:
        """Whether `retuned` can write with these samplers."""
        return self._chain.serves(samplers)

    def retuned(self, samplers: Sequence[Sampler], specs: Sequence[str] | None = None) -> Generator:
        """Return a generator for samplers that `serves` allows; nothing is compiled again."""
        other = copy.copy(self)
        other._options = self._chain.options(samplers)
        other._specs = tuple(specs or self._specs)
        return other

    def stream(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        seed: int,
        stop: Sequence[str] = (),
        first_sample: int = 0,
        alternatives: int = 0,
        once: bool = False,
    ) -> PieceStream:
        """Return an iterator over the pieces of one text for each prompt.

        Samples are numbered from `first_sample`, and the number makes a sample's random numbers:
        one prompt given N times brings N different texts. A text ends after `max_new_tokens`, at
        <END>, or before the first of the `stop` strings. With `alternatives` there is a trace, with
        so many tokens at each step. `once` says that no more is to follow: up to SHORT tokens are
        then written by a graph, which is slower than XLA and begins seconds sooner. Raises
        UsageError for values that cannot be used; the iterator raises PluginFailure if the model or
        a sampler fails.
        """
        _check(prompts, max_new_tokens, stop)
        tokenizer = self.language_model.tokenizer
        prompts = [replace_surrogates(prompt)[0] for prompt in prompts]
        prompt_ids = [_encode(tokenizer, prompt) for prompt in prompts]
        capacity = _capacity(max(map(len, prompt_ids)) + max_new_tokens)
        indices = range(first_sample, first_sample + len(prompts))
        numbers = uniform_numbers(seed, indices, max_new_tokens)
        writers = [
            SampleWriter(prompt, ids, tokenizer, max_new_tokens, tuple(stop), END)
            for prompt, ids in zip(prompts, prompt_ids, strict=True)
        ]
        is_short = once and len(prompts) * max_new_tokens <= SHORT
        compile_with = "graph" if is_short else "xla"
        tracing = None
        if alternatives:
            tracing = Tracing(
                seed=seed, prompt_ids=prompt_ids, specs=self._specs, tokenizer=tokenizer
            )
        return PieceStream(
            self._loop(len(prompts), capacity, alternatives, compile_with),
            self._chain,
            first_rows(prompt_ids, capacity, self.language_model, self._chain, alternatives),
            _plan(prompt_ids, numbers, capacity, self._options),
            writers,
            first_sample=first_sample,
            unknown_characters=unknown_characters(tokenizer, prompts),
            tracing=tracing,
        )

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        seed: int,
        stop: Sequence[str] = (),
        first_sample: int = 0,
        alternatives: int = 0,
    ) -> Generation:
        """Write to the end and return all; the arguments are those of `stream`."""
        pieces = self.stream(
            prompts,
            max_new_tokens=max_new_tokens,
            seed=seed,
            stop=stop,
            first_sample=first_sample,
            alternatives=alternatives,
        )
        for _ in pieces:
            pass
        return pieces.generation()

    def _loop(self, batch_size: int, capacity: int, alternatives: int, compile_with: str) -> Loop:
        key = (batch_size, capacity, alternatives, compile_with)
        if key not in self._loops:
            loop = Loop(self.language_model, self._chain, compile_with=compile_with)
            self._loops[key] = loop
        return self._loops[key]


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


def _encode(tokenizer: tokenizers.Tokenizer, prompt: str) -> list[int]:
    return [START, *tokenizer.encode(prompt, add_special_tokens=False).ids]


def _capacity(length: int) -> int:
    """Return the length rounded up to a power of two, and to the smallest capacity."""
    return max(SMALLEST_CAPACITY, 1 << (length - 1).bit_length())


def _plan(
    prompts: Sequence[Sequence[int]], numbers: np.ndarray, capacity: int, options: Options
) -> Plan:
    """Return what a batch holds to; `numbers` are those of the new tokens, one row a prompt."""
    count = numbers.shape[1]
    placed = np.zeros((len(prompts), capacity))
    for row, prompt, own in zip(placed, prompts, numbers, strict=True):
        row[len(prompt) : len(prompt) + count] = own
    lengths = np.array([len(prompt) for prompt in prompts], np.int32)
    return Plan(
        prompt_lengths=tf.constant(lengths),
        ends=tf.constant(lengths + np.int32(count)),
        numbers=tf.constant(placed),
        end_id=tf.constant(END),
        options=options,
    )


def _check(prompts: Sequence[str], max_new_tokens: int, stop: Sequence[str]) -> None:
    """Raise UsageError for arguments that nothing can be written with."""
    if isinstance(prompts, str) or isinstance(stop, str):
        raise UsageError(
            "The prompts or the stop strings are a single text.", "Allowed: a list of texts."
        )
    if not prompts:
        raise UsageError("There is no prompt.", "Allowed: one or more; an empty text is a prompt.")
    if max_new_tokens < 1:
        raise UsageError(f"max_new_tokens is {max_new_tokens}.", "Allowed: at least 1.")
    if not all(stop):
        raise UsageError("A stop string is empty.", "Allowed: at least one character.")
