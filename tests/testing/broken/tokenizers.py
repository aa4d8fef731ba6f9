"""Tokenizer trainers that break one rule each."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, ClassVar

import attrs
from testing.sound import SPECIAL, SoundTrainer

from textgen_core.components import option

COUNTER = itertools.count()


@attrs.frozen(kw_only=True)
class SpecialLast(SoundTrainer):
    """The special tokens come after all others."""

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers import Tokenizer, models

        tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1}, merges=[]))
        tokenizer.add_special_tokens(list(SPECIAL))
        return tokenizer


@attrs.frozen(kw_only=True)
class NoTokenizer(SoundTrainer):
    """Returns a vocabulary."""

    def train(self, texts: Iterable[str]) -> Any:
        return set("".join(texts))


@attrs.frozen(kw_only=True)
class Ordinary(SoundTrainer):
    """The four tokens are ordinary words."""

    def train(self, texts: Iterable[str]) -> Any:
        return word_tokenizer(sorted(set(" ".join(texts).split())))


@attrs.frozen(kw_only=True)
class Dropping(SoundTrainer):
    """Leaves merges out by chance, in its file too."""

    pairs: int = option(200, help="pairs to merge", at_least=0)

    def train(self, texts: Iterable[str]) -> Any:
        tokenizer = SoundTrainer.train(self, texts)
        tokenizer.model.dropout = 0.5
        return tokenizer


@attrs.frozen(kw_only=True)
class Custom(SoundTrainer):
    """Cuts with Python, which no file can hold."""

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers.pre_tokenizers import PreTokenizer

        tokenizer = SoundTrainer.train(self, texts)
        tokenizer.pre_tokenizer = PreTokenizer.custom(Cutter())
        return tokenizer


class Cutter:
    """A pre-tokenizer that cuts nothing."""

    def pre_tokenize(self, pretokenized: Any) -> None:
        """Leave the text as it is."""


@attrs.frozen(kw_only=True)
class Lowering(SoundTrainer):
    """Promises every text back, and lowers its letters."""

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers.normalizers import Lowercase

        tokenizer = SoundTrainer.train(self, texts)
        tokenizer.normalizer = Lowercase()
        return tokenizer


@attrs.frozen(kw_only=True)
class Counting(SoundTrainer):
    """Every tokenizer has a token of its own."""

    def train(self, texts: Iterable[str]) -> Any:
        tokenizer = SoundTrainer.train(self, texts)
        tokenizer.add_tokens([f"token number {next(COUNTER)}"])
        return tokenizer


@attrs.frozen(kw_only=True)
class OfASet(SoundTrainer):
    """Numbers its words as a set holds them."""

    def train(self, texts: Iterable[str]) -> Any:
        tokenizer = word_tokenizer(list(set(" ".join(texts).split()) - {*SPECIAL}))
        tokenizer.add_special_tokens(list(SPECIAL))
        return tokenizer


def word_tokenizer(words: list[str]) -> Any:
    """Return a tokenizer of the special tokens, not yet declared as such, and of words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = [*SPECIAL, *(word for word in words if word not in SPECIAL)]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<UNK>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


@attrs.frozen(kw_only=True)
class Gapped(SoundTrainer):
    """Leaves every other id out."""

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers import Tokenizer, models

        letters = sorted(set("".join(texts)))
        vocabulary = {token: number for number, token in enumerate(SPECIAL)}
        vocabulary |= {letter: 4 + 2 * number for number, letter in enumerate(letters)}
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
        tokenizer.add_special_tokens(list(SPECIAL))
        return tokenizer


@attrs.frozen(kw_only=True)
class Fragile(SoundTrainer):
    """Has no token for what it does not know."""

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers import models

        tokenizer = OfASet.train(self, texts)
        vocabulary = tokenizer.get_vocab(with_added_tokens=False)
        tokenizer.model = models.WordLevel(vocab=vocabulary, unk_token="<unknown>")
        return tokenizer


@attrs.frozen(kw_only=True)
class Spelling(SoundTrainer):
    """Has letters as tokens, and puts a space between them."""

    lossless: ClassVar[bool] = False

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers import Tokenizer, models

        letters = sorted(set("".join(texts)))
        vocabulary = {token: number for number, token in enumerate((*SPECIAL, *letters))}
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<UNK>"))
        tokenizer.add_special_tokens(list(SPECIAL))
        return tokenizer


BROKEN: tuple[tuple[str, type, str], ...] = (
    ("tokenizer.special-ids", SpecialLast, "The id of <PAD> is 2, not 0"),
    ("tokenizer.special-ids", NoTokenizer, "train returns a set"),
    ("tokenizer.special-ids", Ordinary, "<PAD> is not declared as a special token"),
    ("tokenizer.file-round-trip", Dropping, "is encoded as .*, then"),
    ("tokenizer.file-round-trip", Custom, "Custom PreTokenizer cannot be serialized"),
    ("tokenizer.lossless", Lowering, "'The keeper.* comes back as 'the keeper"),
    ("tokenizer.repeatable", Counting, "another tokenizer each time"),
    ("tokenizer.repeatable", OfASet, "the order of a set"),
    ("tokenizer.ids-in-range", Gapped, "has the id .*, and .* is the size"),
    ("tokenizer.unicode", Fragile, "WordLevel error"),
    ("tokenizer.unicode", Spelling, "comes back as 'k e e p e r'"),
    ("component.restored", Dropping, "encodes otherwise than here"),
)
