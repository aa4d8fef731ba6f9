"""What a metric is given, and how one of its figures is to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Literal

import attrs

from textgen_core.components.verbatim_overlap import find_verbatim_spans, measure_longest_verbatim
from textgen_core.components.words import main_script, split_words

if TYPE_CHECKING:
    import numpy as np
    import tokenizers


@attrs.frozen
class Figure:
    """How to read one figure of a metric.

    Attributes:
        direction: which way is better; "neither" where none is, as of a length.
        low: the lowest possible value; None if there is none.
        high: the highest possible value; None if there is none.
        help: what the figure says, in a few words.
    """

    direction: Literal["higher", "lower", "neither"] = "neither"
    low: float | None = None
    high: float | None = None
    help: str = attrs.field(default="", kw_only=True)


@attrs.frozen(kw_only=True)
class Evidence:
    """Everything that a metric may look at.

    Attributes:
        samples: texts that the model generated, without their prompts.
        prompts: the held-out prompt of each sample.
        references: the held-out text that follows each prompt.
        training_text: the training split in chunks, which can be iterated again. A document of
            more than a megabyte comes in several, each of which ends at a space where there is one.
        token_losses: float32 `(tokens,)`, the loss of each scored held-out token in nats.
        token_ids: int32 `(tokens,)`, the scored held-out tokens.
        tokenizer: the run's tokenizer.
        score: returns the losses in nats, float32 `(tokens,)`, that the model gives to any text.
    """

    samples: Sequence[str]
    prompts: Sequence[str]
    references: Sequence[str]
    training_text: Iterable[str]
    token_losses: np.ndarray
    token_ids: np.ndarray
    tokenizer: tokenizers.Tokenizer
    score: Callable[[str], np.ndarray]

    @property
    def script(self) -> str:
        """The script of the held-out text, such as Latin or Han; Hiragana of Japanese, "" of none.

        Of a run without references it is that of the training text's first chunk.
        """
        return main_script(self.references) or main_script(islice(self.training_text, 1))

    @staticmethod
    def words(text: str) -> list[str]:
        """Split a text into words and punctuation marks, in any script.

        Where a script has no spaces between words, a unit is a Chinese character, a short run of
        kana, or about a syllable. The model's tokens play no part, so figures of such words compare
        models whose tokenizers differ.

        Args:
            text: any text, such as one of `samples`.

        Returns:
            The words and marks, in their order.
        """
        return split_words(text)

    def training_pieces(self) -> Iterator[tuple[str, bool]]:
        """Iterate over the training text with the ends of its documents.

        Yields:
            A chunk of text, and whether its document ends with it.
        """
        pieces = getattr(self.training_text, "pieces", None)
        if pieces is not None:
            yield from pieces()
        else:
            yield from ((text, True) for text in self.training_text)

    def copied(self, texts: Sequence[str], at_least: int = 20) -> list[list[tuple[int, int]]]:
        """Find the spans of texts that occur word for word in the training text.

        The training text is read once, however many the texts are.

        Args:
            texts: any texts, such as `samples`.
            at_least: the shortest span that counts, in characters.

        Returns:
            For each text its spans, as first character and the one after the last. Each is as
            long as it can be, so two may overlap.
        """
        return find_verbatim_spans(texts, self.training_pieces(), at_least)

    def longest_copied(self, texts: Sequence[str]) -> list[int]:
        """Measure the longest verbatim overlap of texts with the training text.

        Args:
            texts: any texts, such as `samples`.

        Returns:
            For each text the length in characters of its longest span that the training text has.
        """
        return measure_longest_verbatim(texts, self.training_pieces())
