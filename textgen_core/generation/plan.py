"""What a group of texts is written from, and how much room their rows have."""

from __future__ import annotations

import attrs
import numpy as np
import tokenizers

from textgen_core.data.token_bytes import TokenBytes
from textgen_core.generation.drawing import uniform_numbers
from textgen_core.generation.options import GenerationOptions
from textgen_core.generation.prompts import Prompt, Prompts

SMALLEST_CAPACITY = 128  # tokens in a row; doubled for longer texts, so that few shapes are met
FIRST_TOKENS = 4096  # new tokens that a row has room for at first, however many are allowed
GROWTH = 4  # how much more room a row gets that is full


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """A group of texts, written side by side.

    first: the number of its first text among all prompts. rows: how many rows there are for them.
    capacity: how many tokens a row has room for at first.
    """

    token_bytes: TokenBytes
    prompts: Prompts
    first: int
    rows: int
    capacity: int
    options: GenerationOptions

    @property
    def tokenizer(self) -> tokenizers.Tokenizer:
        """The model's tokenizer."""
        return self.token_bytes.tokenizer

    @property
    def texts(self) -> int:
        """How many texts are written."""
        return len(self.prompts.rows)

    @property
    def numbers(self) -> range:
        """The numbers of the texts, from which their random numbers follow."""
        start = self.options.first_sample + self.first
        return range(start, start + self.texts)

    def token_ids(self) -> np.ndarray:
        """Return the tokens that are fed, int32 `(rows, capacity)`, zeros after them.

        A row without a text of its own reads what the first one does.
        """
        token_ids = np.zeros((self.rows, self.capacity), np.int32)
        for row in range(self.rows):
            fed = self._prompt(row).cut.token_ids
            token_ids[row, : len(fed)] = fed
        return token_ids

    def starts(self) -> np.ndarray:
        """Return how many tokens of each row are read, int32 `(rows,)`; what follows is drawn."""
        lengths = [len(self._prompt(row).cut.token_ids) for row in range(self.rows)]
        return np.array(lengths, np.int32)

    def uniforms(self, capacity: int) -> np.ndarray:
        """Return the random number that each token is drawn with, float64 `(rows, capacity)`.

        A text's first number is that of its first new token; zeros where nothing is drawn.
        """
        uniforms = np.zeros((self.rows, capacity))
        numbers = uniform_numbers(self.options.seed, self.numbers, capacity)
        for row, own, start in zip(uniforms, numbers, self.starts(), strict=False):
            row[start:] = own[: capacity - start]
        return uniforms

    def guided(self) -> np.ndarray:
        """Return the guide's state of each row at its start, int32 `(rows,)`."""
        initial = self.prompts.guide.initial
        return np.array([*initial, *initial[:1] * (self.rows - self.texts)], np.int32)

    def next_capacity(self, capacity: int) -> int:
        """Return how many tokens a full row is given room for."""
        longest = _longest_prompt(self.prompts) + self.options.max_new_tokens
        return min(capacity * GROWTH, _power_of_two(longest))

    def _prompt(self, row: int) -> Prompt:
        return self.prompts.rows[row if row < self.texts else 0]


def first_capacity(prompts: Prompts, options: GenerationOptions) -> int:
    """Return how many tokens the rows of prompts have room for at first."""
    few = min(options.max_new_tokens, FIRST_TOKENS)
    return _power_of_two(_longest_prompt(prompts) + few)


def _longest_prompt(prompts: Prompts) -> int:
    return max(len(each.cut.token_ids) + each.tokens_written_again for each in prompts.rows)


def _power_of_two(size: int) -> int:
    return max(SMALLEST_CAPACITY, 1 << (size - 1).bit_length())
