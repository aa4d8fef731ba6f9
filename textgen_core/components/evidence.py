"""What a metric is given, and how one of its figures is to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import attrs

from textgen_core.components.verbatim_overlap import find_copies, measure_longest_copies

if TYPE_CHECKING:
    import numpy as np
    import tokenizers


@attrs.frozen
class Figure:
    """How to read one figure of a metric: which way is better, and the range it lies in.

    A figure with no better direction (a length, say) has the direction "neither".
    """

    direction: Literal["higher", "lower", "neither"] = "neither"
    low: float | None = None
    high: float | None = None
    help: str = attrs.field(default="", kw_only=True)


@attrs.frozen(kw_only=True)
class Evidence:
    """All that a metric may look at.

    samples: texts that the model wrote, without their prompts; prompts: the held-out prompt of
    each; references: the held-out text that really followed each prompt.
    training_text: the training split in pieces, which may be iterated again; a document of more
    than a megabyte comes in several, each of which ends at a space where there is one.
    token_ids: int32 `(tokens,)`, the scored held-out tokens; token_losses: float32 `(tokens,)`,
    their losses in nats.
    score: the losses in nats (float32, one a token) that the model gives to any text.
    """

    samples: Sequence[str]
    prompts: Sequence[str]
    references: Sequence[str]
    training_text: Iterable[str]
    token_losses: np.ndarray
    token_ids: np.ndarray
    tokenizer: tokenizers.Tokenizer
    score: Callable[[str], np.ndarray]

    def training_pieces(self) -> Iterator[tuple[str, bool]]:
        """Yield the training text's pieces, and of each whether its document ends with it."""
        pieces = getattr(self.training_text, "pieces", None)
        if pieces is not None:
            yield from pieces()
        else:
            yield from ((text, True) for text in self.training_text)

    def copied(self, texts: Sequence[str], at_least: int = 20) -> list[list[tuple[int, int]]]:
        """Return for each text the stretches that stand in the training text word for word.

        Each is its first character and the one after its last; of at least `at_least` characters,
        and as long as they can be, so that two may overlap. The training text is read once, however
        many the texts are.
        """
        return find_copies(texts, self.training_pieces(), at_least)

    def longest_copied(self, texts: Sequence[str]) -> list[int]:
        """Return for each text the characters of the longest stretch that training text has too."""
        return measure_longest_copies(texts, self.training_pieces())
