"""`word`: one token for every frequent word; `word_splits` cuts texts and joins them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

import attrs

from textgen_core import TokenizerTrainer, option
from textgen_tokenizers.special_tokens import (
    SPECIAL_TOKENS,
    UNKNOWN,
    declare_special_tokens,
    number_tokens,
)

if TYPE_CHECKING:
    import tokenizers


@attrs.frozen(kw_only=True)
class WordTokenizerTrainer(TokenizerTrainer):
    """One token for every frequent word, sign and whitespace character.

    A word outside the vocabulary is `<UNK>`, together with the space before it; all else is
    decoded exactly under `split=words`. Under `split=whitespace`, the form in which the Penn
    Treebank is usually given, lines come back with single spaces between their words.
    """

    vocabulary_size: int = option(
        10_000, help="the most frequent words to keep, special tokens not counted", at_least=1
    )
    split: Literal["words", "whitespace"] = option(
        "words", help="words, signs and whitespace; or whatever stands between whitespace"
    )

    def train(self, texts: Iterable[str]) -> tokenizers.Tokenizer:
        """Return a tokenizer with the most frequent words of `texts`."""
        from tokenizers import Tokenizer, models, trainers

        from textgen_tokenizers import word_splits

        tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        if self.split == "words":
            word_splits.split_words(tokenizer)
        else:
            word_splits.split_whitespace(tokenizer)
        counter = trainers.WordLevelTrainer(  # counts every word: the choice follows
            vocab_size=2**31, show_progress=False, special_tokens=list(SPECIAL_TOKENS)
        )
        tokenizer.train_from_iterator(iter(texts), counter)
        ranks = tokenizer.get_vocab()  # by frequency, then by spelling
        # Whitespace comes before every word, since an unknown line end would hurt more.
        ordinary = sorted(ranks.keys() - SPECIAL_TOKENS, key=ranks.__getitem__)
        ordinary.sort(key=lambda token: not word_splits.is_whitespace(token))
        forms_of = word_splits.forms_of if self.split == "words" else _only_form
        chosen = _choose(ordinary, forms_of, self.vocabulary_size)
        tokenizer.model = models.WordLevel(vocab=number_tokens(chosen), unk_token=UNKNOWN)
        return declare_special_tokens(tokenizer)


def _choose(
    ranked: Iterable[str], forms_of: Callable[[str], tuple[str, ...]], size: int
) -> list[str]:
    """Return the first `size` of `ranked`, where each brings along its other forms."""
    chosen: dict[str, None] = {}
    for token in ranked:
        chosen |= dict.fromkeys(forms_of(token))
        if len(chosen) >= size:
            break
    return list(chosen)[:size]


def _only_form(token: str) -> tuple[str, ...]:
    return (token,)
