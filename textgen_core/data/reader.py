"""How texts meet a model: its tokenizer, the cleaning of its corpus, and the length of its windows.

All that is known of a model without TensorFlow. `models.language_model` adds the model itself.
"""

from __future__ import annotations

from typing import Protocol

import attrs
import numpy as np
import tokenizers

from textgen_core.config.settings import CorpusSettings
from textgen_core.data.text_input import ReadText, TextInput

MANY_DOCUMENTS = 32  # from which a model learns how a text begins


@attrs.frozen(kw_only=True)
class MixtureWeights:
    """The factors of the network's logits and of the counts' log-probabilities.

    By default, where nothing was fitted yet, both weigh the same.
    """

    network: float = 0.5
    counts: float = 0.5


class MixedCounts(Protocol):
    """The n-gram counts that are mixed with a network, as `counts.Counts` describes them."""

    @property
    def order(self) -> int: ...
    @property
    def vocabulary_size(self) -> int: ...
    @property
    def weights(self) -> MixtureWeights: ...
    def contexts(self, token_ids: np.ndarray) -> np.ndarray: ...
    def fresh(self, rows: int) -> np.ndarray: ...
    def follow(self, contexts: np.ndarray, token_ids: np.ndarray) -> np.ndarray: ...
    def log_probabilities(self, contexts: np.ndarray) -> np.ndarray: ...


@attrs.frozen(kw_only=True, eq=False)
class Reader:
    """A tokenizer, and how a model was trained with it.

    context_length: the tokens of a window in training. cleaning: how its corpus was cleaned, and so
    is every text that the model meets. documents: how many the corpus has, as far as it is known.
    counts: of the n-grams of its training text, if they are mixed with the network.
    """

    tokenizer: tokenizers.Tokenizer
    context_length: int
    cleaning: CorpusSettings | None = None
    documents: int = 0
    counts: MixedCounts | None = None

    def read(self, text: str) -> ReadText:
        """Return a text as the model meets it: cleaned as its corpus was, and encoded."""
        return TextInput(self.tokenizer, self.cleaning).read(text)

    @property
    def vocabulary_size(self) -> int:
        """How many token ids there are, the four special ones included."""
        return int(self.tokenizer.get_vocab_size(with_added_tokens=True))

    @property
    def knows_starts(self) -> bool:
        """Whether many texts begin in the corpus: it was cut into documents, or has many files."""
        is_cut = self.cleaning is not None and self.cleaning.documents != "file"
        return is_cut or self.documents >= MANY_DOCUMENTS
