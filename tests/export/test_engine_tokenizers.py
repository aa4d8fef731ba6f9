"""The engine's tokenizers equal the library's: token ids, places in the text, and decoding."""

from __future__ import annotations

import random
import unicodedata

import pytest
from export.in_node import in_node, needs_node

from textgen_core.data.tokenizer import encode_with_spans, train_tokenizer
from textgen_core.errors import UsageError
from textgen_core.export.page_tokenizer import describe_tokenizer, is_translated
from textgen_tokenizers.bpe import PIECES, BPETokenizerTrainer
from textgen_tokenizers.character import CharacterTokenizerTrainer
from textgen_tokenizers.word import WordTokenizerTrainer

TRAINERS = {
    "character": CharacterTokenizerTrainer(),
    "word": WordTokenizerTrainer(vocabulary_size=300),
    "word-whitespace": WordTokenizerTrainer(vocabulary_size=300, split="whitespace"),
    "bpe": BPETokenizerTrainer(vocabulary_size=400, minimum_frequency=2),
    "bpe-characters": BPETokenizerTrainer(
        vocabulary_size=300, minimum_frequency=2, units="characters"
    ),
}
BLOCKS = (
    *((0x20, 0x7F), (0xA0, 0x180), (0x370, 0x530), (0x590, 0x700), (0x900, 0x980)),
    *((0xE00, 0xE80), (0x1100, 0x1200), (0x2000, 0x2070), (0x3000, 0x3100), (0x4E00, 0x5000)),
    *((0xAC00, 0xB000), (0x1F300, 0x1F600), (0x1D400, 0x1D500)),
)
ODD = (" ", "  ", "\n", "\t", "\u2060", "\u0085", "\ufeff", "<END>", "'s", "\u3000", "e\u0301")


def mixed_text(size, seed):
    """Words of many scripts, signs, numbers and odd spaces."""
    draw = random.Random(seed)
    pieces, length = [], 0
    while length < size:
        low, high = draw.choice(BLOCKS)
        word = [chr(draw.randrange(low, high)) for _ in range(draw.randint(1, 7))]
        pieces.append("".join(each for each in word if unicodedata.category(each) != "Cn"))
        pieces.append(draw.choice(ODD) if draw.random() < 0.4 else " ")
        if draw.random() < 0.1:
            pieces.append(str(draw.randrange(100_000)))
        length += sum(map(len, pieces[-3:]))
    return "".join(pieces)


def units(text):
    """How many UTF-16 units come before each character, and in all."""
    found = [0]
    for character in text:
        found.append(found[-1] + (2 if ord(character) > 0xFFFF else 1))
    return found


def compared(trainer, size):
    """Assert that all of a text is read alike, cut into documents of some lines."""
    text = mixed_text(size, seed=3)
    tokenizer = train_tokenizer(trainer, [mixed_text(20_000, seed=4)])
    documents = [text[place : place + 2000] for place in range(0, len(text), 2000)]
    script = """const tokenizer = new Tokenizer(given.tokenizer);
    show(given.documents.map((text) => {
      const tokens = tokenizer.read(text), ids = tokens.map(({ id }) => id);
      return [ids, tokens.map(({ start, end }) => [start, end]), tokenizer.decode(ids)];
    }));"""
    found = in_node(script, {"tokenizer": describe_tokenizer(tokenizer), "documents": documents})
    for document, (ids, spans, decoded) in zip(documents, found, strict=True):
        expected, expected_spans = encode_with_spans(tokenizer, document)
        assert ids == list(expected)
        at = units(document)
        assert spans == [[at[start], at[end]] for start, end in expected_spans]
        assert decoded == tokenizer.decode(ids, skip_special_tokens=True)


@needs_node
@pytest.mark.parametrize("name", TRAINERS)
def test_twenty_kilobytes_are_read_alike(name) -> None:
    compared(TRAINERS[name], 20_000)


@needs_node
@pytest.mark.parametrize("name", TRAINERS)
def test_a_megabyte_is_read_alike(name) -> None:
    compared(TRAINERS[name], 1_000_000)


def test_patterns_that_mean_something_else_do_not_pass() -> None:
    assert is_translated(PIECES)
    assert is_translated(r"(?<=[^\p{L} ])(?=[\p{L}])| ?[^\s\p{L}]+|\A ")
    for pattern in (r"\bword", r"(?i)a", r"a++", r"[[:alpha:]]", r"(?>a)", r"^a", r"a.b", r"\h"):
        assert not is_translated(pattern), pattern


def test_a_tokenizer_that_the_engine_lacks_is_named() -> None:
    from tokenizers import Tokenizer, decoders, models, normalizers

    tokenizer = Tokenizer(models.WordLevel({"<PAD>": 0, "<UNK>": 1}, unk_token="<UNK>"))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.normalizer = normalizers.StripAccents()
    with pytest.raises(UsageError, match="StripAccents"):
        describe_tokenizer(tokenizer)
