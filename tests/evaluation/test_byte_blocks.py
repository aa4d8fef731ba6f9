"""Losses of tokens as bits of blocks of bytes: nothing is lost, whatever a token is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data.letters import byte_tokenizer, letter_tokenizer, word_tokenizer

from textgen_core.data.token_files import tokenize_documents
from textgen_core.evaluation.byte_blocks import bits_by_block, block_borders, place_tokens
from textgen_core.evaluation.figures import measure_losses

DOCUMENTS = ["so it is", "a döner ✓ for 日本", "it is so"]


@pytest.mark.parametrize(
    "tokenizer",
    [letter_tokenizer(), byte_tokenizer(), word_tokenizer([" so", " it", " is", " a", " for"])],
    ids=["letters", "bytes", "words"],
)
def test_the_blocks_together_are_the_bits_per_byte_of_the_whole(
    tokenizer: object, tmp_path: Path
) -> None:
    file = tokenize_documents(DOCUMENTS, tokenizer, "test", tmp_path)  # type: ignore[arg-type]
    placed = place_tokens(DOCUMENTS, tokenizer)  # type: ignore[arg-type]
    assert placed.token_ids.tolist() == file.token_ids.tolist()
    losses = np.random.default_rng(0).uniform(0, 9, len(placed.ends)).astype(np.float32)
    whole = measure_losses(losses, file.text_bytes, file.unknown_bytes)
    for borders in (block_borders(placed.size), np.array([0, 1, 11, placed.size])):
        bits = bits_by_block(placed, losses, borders)
        assert len(bits) == len(borders) - 1
        assert bits.sum() / placed.size == pytest.approx(whole.bits_per_byte)


def test_a_token_across_a_border_counts_in_both_blocks_by_its_bytes() -> None:
    tokenizer = word_tokenizer([" so", " it"])
    placed = place_tokens(["so it"], tokenizer)
    bits = bits_by_block(placed, np.log(np.array([4.0, 8.0])), np.array([0, 3, 5]))
    # "so" has the first two bytes for 2 bits, " it" the others for 3.
    assert bits.tolist() == pytest.approx([2 + 1, 2])


def test_what_is_unknown_pays_for_its_bytes_where_it_stands() -> None:
    placed = place_tokens(["aéa"], letter_tokenizer())
    bits = bits_by_block(placed, np.zeros(3), np.array([0, 1, 3, 4]))
    assert bits.tolist() == pytest.approx([0, 16, 0])


def test_the_end_of_a_document_counts_though_it_has_no_bytes() -> None:
    placed = place_tokens(["ab", "", "c"], letter_tokenizer())
    costs = np.log(2) * np.array([1.0, 1, 5, 5, 1])
    assert bits_by_block(placed, costs, np.array([0, 2, 3])).sum() == pytest.approx(13)


def test_blocks_are_of_about_one_size_and_those_of_a_short_text_shorter() -> None:
    assert np.ptp(np.diff(block_borders(123_457))) <= 1
    assert len(block_borders(123_457)) == 62
    assert len(block_borders(3_000)) == 31
    assert block_borders(3).tolist() == [0, 1, 2, 3]
