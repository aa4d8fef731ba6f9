"""Tokenizers small enough to know by heart, for the tests of this room."""

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from textgen_core.data.tokenizer import SPECIAL_TOKENS

LETTERS = " abcdefghijklmnopqrstuvwxyz\n"


def letter_tokenizer(alphabet=LETTERS):
    """One token for a letter: the letter at index i has the id i + 4."""
    vocabulary = {token: number for number, token in enumerate((*SPECIAL_TOKENS, *alphabet))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<UNK>"))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.encode_special_tokens = True
    return tokenizer


def byte_tokenizer():
    """One token for every byte of UTF-8."""
    tokenizer = letter_tokenizer(sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def word_tokenizer(words):
    """One token for a word with the space before it, which the first word is given."""
    vocabulary = {token: number for number, token in enumerate((*SPECIAL_TOKENS, *words))}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<UNK>"))
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r" \w+|\s"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.encode_special_tokens = True
    return tokenizer


def greedy_tokenizer(*words):
    """Cuts a text from its start into three letters at a time: no two contexts ever agree."""
    vocabulary = {token: number for number, token in enumerate((*SPECIAL_TOKENS, *words))}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<UNK>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w{3}"), behavior="isolated")
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.encode_special_tokens = True
    return tokenizer
