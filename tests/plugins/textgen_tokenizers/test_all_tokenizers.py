"""What holds for every bundled tokenizer."""

import subprocess
import sys

import attrs
import pytest
from tokenizers import Tokenizer

from textgen_tokenizers import textgen_tokenizers
from textgen_tokenizers.bpe import BPETokenizerTrainer
from textgen_tokenizers.character import CharacterTokenizerTrainer
from textgen_tokenizers.word import WordTokenizerTrainer

SPECIAL_TOKENS = ["<PAD>", "<UNK>", "<START>", "<END>"]
TEXTS = (
    'The cat (a tabby) sat on the well-known mat; "don\'t!" said he.\n\n',
    "\tIndented,  twice spaced \r\nand a line with CRLF\r\n",
    "<END> and <UNK> are words here: <END>\n<START>",
    "naïve café, nai\u0308ve cafe\u0301, हिन्दी में, 日本語。 👩‍👩‍👧 ✓ €5 ½ …",
    " leading and trailing ",
)
TRAINERS = {
    "character": CharacterTokenizerTrainer(),
    "word": WordTokenizerTrainer(),
    "word by whitespace": WordTokenizerTrainer(split="whitespace"),
    "bpe over bytes": BPETokenizerTrainer(minimum_frequency=2),
    "bpe over characters": BPETokenizerTrainer(units="characters", minimum_frequency=2),
}
EXACT = sorted(TRAINERS.keys() - {"word by whitespace"})


@pytest.fixture(scope="module", params=sorted(TRAINERS))
def tokenizer(request):
    return TRAINERS[request.param].train(iter(TEXTS))


@pytest.fixture(scope="module", params=EXACT)
def exact(request):
    return TRAINERS[request.param].train(iter(TEXTS))


def test_the_plugin_names_its_tokenizers():
    assert textgen_tokenizers() == {
        "character": CharacterTokenizerTrainer,
        "word": WordTokenizerTrainer,
        "bpe": BPETokenizerTrainer,
    }


def test_the_plugin_imports_no_heavy_library():
    check = (
        "import sys, textgen_tokenizers; "
        "print({'tokenizers', 'numpy', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
def test_a_trainer_is_frozen_and_has_a_summary(trainer):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        trainer.vocabulary_size = 3
    assert type(trainer).__doc__


def test_special_tokens_have_the_first_ids_and_ids_have_no_gap(tokenizer):
    assert [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == [0, 1, 2, 3]
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))


@pytest.mark.parametrize("text", TEXTS)
def test_training_text_has_nothing_unknown_and_no_special_token(tokenizer, text):
    assert min(tokenizer.encode(text).ids) > 3


@pytest.mark.parametrize("text", [*TEXTS, "", "\n", " ", "".join(TEXTS)])
def test_decoding_gives_the_training_text_back(exact, text):
    assert exact.decode(exact.encode(text).ids) == text


@pytest.mark.parametrize("text", TEXTS)
def test_the_file_format_keeps_the_tokens(tokenizer, text):
    again = Tokenizer.from_str(tokenizer.to_str())
    again.encode_special_tokens = True
    assert again.encode(text).ids == tokenizer.encode(text).ids
    assert again.decode(again.encode(text).ids) == tokenizer.decode(tokenizer.encode(text).ids)


def test_special_token_text_is_ordinary_even_where_the_vocabulary_lacks_it():
    for trainer in TRAINERS.values():
        tokenizer = trainer.train(["plain text without the letters in question"])
        for text in (*SPECIAL_TOKENS, " <END> ", "<END><END>", "a<PAD>b"):
            assert not {0, 2, 3} & set(tokenizer.encode(text).ids)


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
def test_a_corpus_of_special_token_text_gives_them_no_second_meaning(trainer):
    tokenizer = trainer.train(["<END> <PAD> <START> <UNK>\n" * 200])
    ids = tokenizer.encode("<END> <PAD>").ids
    assert min(ids) > 3
    assert tokenizer.decode(ids) == "<END> <PAD>"


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
def test_training_twice_gives_the_same_file(trainer):
    assert trainer.train(TEXTS).to_str() == trainer.train(TEXTS).to_str()


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
def test_empty_text_trains_a_tokenizer_of_few_tokens(trainer):
    tokenizer = trainer.train([""])
    assert tokenizer.get_vocab_size() in (4, 4 + 256)
    assert tokenizer.encode("").ids == []


@pytest.mark.parametrize("name", EXACT)
def test_a_very_long_line_comes_back(name):
    line = "one line, and on it goes " * 8_000
    tokenizer = TRAINERS[name].train([line])
    assert tokenizer.decode(tokenizer.encode(line).ids) == line


@pytest.mark.parametrize("name", ["character", "bpe over bytes", "bpe over characters"])
def test_a_very_long_word_comes_back(name):
    word = "acgt" * 20_000
    tokenizer = TRAINERS[name].train([word])
    assert tokenizer.decode(tokenizer.encode(word).ids) == word
