"""`bpe`: byte pair encoding (Sennrich et al. 2016), over bytes or over characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import attrs

from textgen_core import TokenizerTrainer, option
from textgen_tokenizers.special_tokens import SPECIAL_TOKENS, UNKNOWN, declare_special_tokens

if TYPE_CHECKING:
    import tokenizers

BYTES = 256
_FEWEST, _PER_MEGABYTE = 500, 600  # tokens over bytes that suit a text

# Merges stay inside a word with the space before it, up to three digits, signs, or whitespace;
# marks count as letters, since many scripts write their vowels with them. Letters and signs never
# share a piece, so no merge can spell a special token. A run longer than any word is split: merging
# takes time quadratic in the length of a piece.
PIECES = (
    r" ?[\p{L}\p{M}]{1,256}(?:['’][\p{L}\p{M}]{1,256}){0,8}"
    r"| ?\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{M}\p{N}]{1,256}"
    r"|\s{1,256}(?!\S)"
    r"|\s"
)


@attrs.frozen(kw_only=True)
class BPETokenizerTrainer(TokenizerTrainer):
    """Byte pair encoding: frequent words are one token, rare ones several.

    Over bytes nothing is ever unknown, and every text is decoded exactly. Over characters, those
    that the training text never showed are `<UNK>`.
    """

    vocabulary_size: int | None = option(
        None,
        help="tokens to learn at most, special tokens not counted; over bytes, 256 or more; "
        "none: the bytes or characters, and as many merges as suit the length of the text",
        at_least=1,
    )
    units: Literal["bytes", "characters"] = option(
        "bytes", help="what merging starts from: bytes, or the characters of the training text"
    )
    minimum_frequency: int = option(
        50,
        help="merge no pair seen less often, which keeps a small corpus's vocabulary small",
        at_least=1,
    )
    sample_characters: int | None = option(
        10_000_000,
        help="characters of a longer training text, from all over it, that merges are learnt from; "
        "none: all of them",
        at_least=1_000,
    )

    def __attrs_post_init__(self) -> None:
        size = self.vocabulary_size
        if size is not None and self.units == "bytes" and size < BYTES:
            raise ValueError(f"vocabulary_size is {size}, and units=bytes needs at least {BYTES}")

    # The promise depends on an option, so it is the instance's, not the class's.
    @property
    def lossless(self) -> bool:  # type: ignore[override]
        """Whether any text comes back exactly: over bytes."""
        return self.units == "bytes"

    def train(self, texts: Iterable[str]) -> tokenizers.Tokenizer:
        """Return a tokenizer with the most frequent pairs of `texts` merged."""
        if self.vocabulary_size is None:
            texts = tuple(texts)
        tokenizer = (
            self._train_on_bytes(texts)
            if self.units == "bytes"
            else self._train_on_characters(tuple(texts))
        )
        return declare_special_tokens(tokenizer)

    def _train_on_bytes(self, texts: Iterable[str]) -> tokenizers.Tokenizer:
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        self._merge(tokenizer, texts, sorted(pre_tokenizers.ByteLevel.alphabet()))
        return tokenizer

    def _train_on_characters(self, texts: tuple[str, ...]) -> tokenizers.Tokenizer:
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        ranked = sorted(counts, key=lambda character: (-counts[character], character))
        tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
        tokenizer.decoder = decoders.Fuse()
        self._merge(tokenizer, texts, ranked[: self.vocabulary_size])
        return tokenizer

    def _merge(
        self, tokenizer: tokenizers.Tokenizer, texts: Iterable[str], alphabet: list[str]
    ) -> None:
        """Train `tokenizer` with exactly `alphabet` as its single symbols."""
        from tokenizers import trainers

        size = self.vocabulary_size
        if size is None:
            size = len(alphabet) + suitable_merges(texts)
        trainer = trainers.BpeTrainer(
            vocab_size=size + len(SPECIAL_TOKENS),
            min_frequency=self.minimum_frequency,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        )
        tokenizer.train_from_iterator(iter(texts), trainer)


def suitable_merges(texts: Iterable[str]) -> int:
    """Return how many merges suit training texts: a network has to see what they make often.

    The constants are those of the experiment log, of networks that trained for minutes.
    """
    size = sum(len(text.encode()) for text in texts)
    return max(_FEWEST, round(_PER_MEGABYTE * size / 1e6)) - BYTES
