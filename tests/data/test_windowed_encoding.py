import numpy as np
import pytest
from data.letters import byte_tokenizer, greedy_tokenizer, letter_tokenizer, word_tokenizer

from textgen_core.data import windowed_encoding as chunks
from textgen_core.data.tokenizer import encode
from textgen_core.data.windowed_encoding import encode_in_pieces

WORDS = ["one", "three", "fifteen", "a"]
TEXT = " ".join(WORDS[n * n % 7 % 4] + "\n" * (n % 5 == 0) for n in range(400))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 128)
    monkeypatch.setattr(chunks, "CONTEXT", 32)
    monkeypatch.setattr(chunks, "TOGETHER", 500)
    monkeypatch.setattr(chunks, "LONGEST", 2_000)


def tokens_and_pieces(documents, tokenizer):
    encoded = list(encode_in_pieces(documents, tokenizer))
    return np.concatenate([piece.token_ids for piece in encoded]).tolist(), encoded


@pytest.mark.parametrize(
    "tokenizer",
    [
        letter_tokenizer(),
        word_tokenizer([*(" " + word for word in WORDS), " ", "\n"]),
        word_tokenizer([" three", " "]),
    ],
    ids=["letters", "words", "words, some unknown"],
)
def test_pieces_give_the_tokens_of_the_whole_document(tokenizer):
    token_ids, encoded = tokens_and_pieces([TEXT], tokenizer)
    assert token_ids == encode(tokenizer, TEXT)
    assert len(encoded) > 5


def test_characters_of_several_tokens_are_not_cut_at_a_join():
    text = "👩🏽‍🚀 naïve ✓✓✓✓✓ " * 60
    token_ids, encoded = tokens_and_pieces([text], byte_tokenizer())
    assert token_ids == encode(byte_tokenizer(), text)
    assert len(token_ids) == len(text.encode())
    assert len(encoded) > 5


def test_chunks_that_do_not_agree_are_extended():
    tokenizer = greedy_tokenizer("abc", "dab", "cda", "bcd")
    text = "abcd" * 200
    token_ids, encoded = tokens_and_pieces([text, "abc"], tokenizer)
    assert token_ids == encode(tokenizer, text) + encode(tokenizer, "abc")
    assert len(encoded) < 5


def test_chunks_that_never_agree_are_cut_at_last_and_no_letter_is_lost(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 129)  # the next one begins within three letters
    monkeypatch.setattr(chunks, "LONGEST", 400)
    words = [a + b + c for a in "abcd" for b in "abcd" for c in "abcd"]
    tokenizer = greedy_tokenizer(*words, *"abcd", *(a + b for a in "abcd" for b in "abcd"))
    text = "abcd" * 500
    token_ids, encoded = tokens_and_pieces([text, "abc"], tokenizer)
    assert "".join(tokenizer.id_to_token(each) for each in token_ids) == text + "abc"
    assert len(encoded) > 3
    assert sum(piece.characters for piece in encoded) == len(text) + 3


@pytest.mark.parametrize("length", [127, 128, 129, 191, 192, 193, 256, 257])
def test_documents_about_as_long_as_a_piece_are_whole(length):
    tokenizer = letter_tokenizer()
    text = (TEXT * 2)[:length]
    token_ids, encoded = tokens_and_pieces([text, "x"], tokenizer)
    assert token_ids == encode(tokenizer, text + "x")
    assert [piece.ends_document for piece in encoded].count(True) == 2
    assert sum(piece.characters for piece in encoded) == length + 1


def test_an_empty_document_is_an_empty_piece():
    _, encoded = tokens_and_pieces(["", "ab", ""], letter_tokenizer())
    assert [len(piece.token_ids) for piece in encoded] == [0, 2, 0]
    assert all(piece.ends_document for piece in encoded)


def test_no_documents_are_no_pieces():
    assert list(encode_in_pieces([], letter_tokenizer())) == []


def test_unknown_tokens_tell_their_text():
    _, (piece,) = tokens_and_pieces(["a€b✓✓"], letter_tokenizer())
    assert piece.unknown == ("€", "✓", "✓")


def test_unknown_bytes_are_counted_once_over_all_pieces():
    tokenizer = word_tokenizer([" one", " three", " a", " ", "\n"])
    _, encoded = tokens_and_pieces([TEXT], tokenizer)
    hidden = TEXT.count("fifteen") * len(" fifteen") - TEXT.count("\nfifteen")
    hidden -= TEXT.startswith("fifteen")
    assert sum(len(text) for piece in encoded for text in piece.unknown) == hidden
