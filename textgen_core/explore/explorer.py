"""Looks into a language model: neighbours, analogies, attention, temperature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import tokenizers

from textgen_core.data.tokenizer import SPECIAL_TOKENS, START
from textgen_core.errors import UsageError
from textgen_core.explore.checks import check_count, check_temperature
from textgen_core.explore.next_token import read_logits_after
from textgen_core.explore.results import (
    Analogy,
    AtTemperature,
    Attention,
    Choice,
    Neighbour,
    Neighbours,
    NextToken,
)
from textgen_core.explore.words import Word, find_word, token_texts
from textgen_core.generation import SUPPRESSED_TOKENS
from textgen_core.generation.loop import held_after
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.trace_recorder import token_text

if TYPE_CHECKING:
    from textgen_core.models.language_model import LanguageModel

COUNT = 10
TEMPERATURES = (0.5, 1.0, 1.5)


class Explorer:
    """Answers questions about one language model.

    Args:
        language_model: the model, or what returns it when it is first needed.
        name: what it is called in errors.
        runtime: returns what computes its steps; by default TensorFlow.
    """

    def __init__(
        self,
        language_model: LanguageModel | Callable[[], LanguageModel],
        name: str,
        runtime: Callable[[], Runtime] | None = None,
    ) -> None:
        self._get_model = language_model if callable(language_model) else lambda: language_model
        self._name = name
        self._get_runtime = runtime or self._on_tensorflow

    def _on_tensorflow(self) -> Runtime:
        from textgen_core.generation.tensorflow_runtime import TensorFlowRuntime

        return TensorFlowRuntime(self._language_model)

    @cached_property
    def _language_model(self) -> LanguageModel:
        return self._get_model()

    @cached_property
    def _runtime(self) -> Runtime:
        return self._get_runtime()

    @property
    def _tokenizer(self) -> tokenizers.Tokenizer:
        return self._language_model.tokenizer

    def neighbours(self, word: str, count: int = COUNT) -> Neighbours:
        """Return the tokens nearest to a word in the input embeddings, by the cosine.

        A word of several tokens lies at their mean. Special tokens and the word's own are left
        out. Raises UsageError for a word that the tokenizer has never seen, or if the model does
        not show its embeddings.
        """
        check_count(count)
        found = find_word(self._language_model, word)
        near = self._nearest(self._vector(found), [found], count)
        return Neighbours(word=found, neighbours=near)

    def analogy(self, first: str, second: str, third: str, count: int = COUNT) -> Analogy:
        """Return the tokens that fit best: first is to second as third is to which?

        The nearest to second - first + third, all of length 1 (3CosAdd, Mikolov et al. 2013,
        "Linguistic Regularities in Continuous Space Word Representations"); the tokens of the
        three are left out. Raises UsageError as `neighbours` does.
        """
        check_count(count)
        words = [find_word(self._language_model, each) for each in (first, second, third)]
        one, two, three = (_unit(self._vector(word)) for word in words)
        answers = self._nearest(two - one + three, words, count)
        return Analogy(words=tuple(words), answers=answers)

    def attention(self, text: str) -> Attention:
        """Return how much each token of a text attends to each before it, in all layers and heads.

        `<START>` comes first. Of a text that is longer than the training windows the last tokens
        are taken. Raises UsageError for an empty text, or if the model has no attention.
        """
        read = self._language_model.read(text)
        token_ids = [START, *read.token_ids]
        if len(token_ids) < 2:
            raise UsageError(
                f"The text {text[:40]!r} holds no token.", "Allowed: a text of one token or more."
            )
        kept = token_ids[-self._language_model.context_length :]
        from textgen_core.explore.inspection import read_attention

        shares = read_attention(self._language_model, kept, self._name)
        return Attention(
            text=read.text,
            token_ids=tuple(kept),
            tokens=token_texts(self._tokenizer, kept),
            shares=shares,
            left_out=len(token_ids) - len(kept),
            unknown=read.unknown,
            notes=read.notes,
        )

    def temperature(
        self, text: str, temperatures: Sequence[float] = TEMPERATURES, count: int = COUNT
    ) -> NextToken:
        """Return what may come after a text at each temperature, the `count` most probable tokens.

        The text is fed as a prompt is; an empty one is the beginning of a text. `<PAD>`, `<UNK>`
        and `<START>` are never drawn, and have no probability. Raises UsageError for a
        temperature that cannot be used.
        """
        check_count(count)
        for each in temperatures:
            check_temperature(each)
        runtime = self._runtime
        read = runtime.reader.read(text)
        token_ids = [START, *read.token_ids]
        held = held_after(len(token_ids), runtime.state_capacity)
        logits = read_logits_after(runtime, token_ids[-held:], self._name)
        ranked = [int(each) for each in np.argsort(-logits, kind="stable")]
        listed = [each for each in ranked if each not in SUPPRESSED_TOKENS][:count]
        return NextToken(
            text=read.text,
            left_out=len(token_ids) - held,
            temperatures=tuple(
                self._at_temperature(runtime.reader.tokenizer, logits, float(each), listed)
                for each in temperatures
            ),
            unknown=read.unknown,
            notes=read.notes,
        )

    @cached_property
    def _embeddings(self) -> np.ndarray:
        from textgen_core.explore.inspection import read_token_embeddings

        return read_token_embeddings(self._language_model, self._name)

    def _vector(self, word: Word) -> np.ndarray:
        mean: np.ndarray = self._embeddings[list(word.token_ids)].mean(axis=0)
        return mean

    def _nearest(
        self, vector: np.ndarray, words: Sequence[Word], count: int
    ) -> tuple[Neighbour, ...]:
        """Return the tokens nearest to a vector; of equally near ones the lower id comes first.

        Special tokens and those of the words are left out.
        """
        left_out = {
            *range(len(SPECIAL_TOKENS)),
            *(each for word in words for each in word.token_ids),
        }
        cosines = _unit(self._embeddings) @ _unit(vector)
        ranked = np.argsort(-cosines, kind="stable").tolist()
        return tuple(
            Neighbour(
                token=token_text(self._tokenizer, each),
                token_id=each,
                similarity=float(cosines[each]),
            )
            for each in [each for each in ranked if each not in left_out][:count]
        )

    @staticmethod
    def _at_temperature(
        tokenizer: tokenizers.Tokenizer,
        logits: np.ndarray,
        temperature: float,
        token_ids: Sequence[int],
    ) -> AtTemperature:
        scaled = np.array(logits, np.float64)
        scaled[list(SUPPRESSED_TOKENS)] = -np.inf
        weights = np.exp((scaled - scaled.max()) / temperature)
        probabilities = weights / weights.sum()
        held = probabilities[probabilities > 0]
        entropy = float(max(0.0, -(held * np.log2(held)).sum()))
        return AtTemperature(
            temperature=temperature,
            entropy=entropy,
            choices=2.0**entropy,
            tokens=tuple(
                Choice(
                    token=token_text(tokenizer, each),
                    token_id=each,
                    probability=float(probabilities[each]),
                )
                for each in token_ids
            ),
        )


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors `(..., width)` scaled to length 1, float64; one of length 0 stays so."""
    wide = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(wide, axis=-1, keepdims=True)
    scaled: np.ndarray = wide / np.where(lengths > 0, lengths, 1)
    return scaled
