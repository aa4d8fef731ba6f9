from __future__ import annotations

import math

import numpy as np
import pytest

from textgen_core.data.tokenizer import END
from textgen_core.evaluation.figures import measure_losses
from textgen_core.evaluation.surprisal import LEVEL_NAMES, ScoredText, level_of
from textgen_core.evaluation.token_texts import scored_tokens


@pytest.mark.parametrize(
    ("bits", "name"),
    [
        (0.0, "under 1"),
        (0.99, "under 1"),
        (1.0, "1–2"),
        (6.9, "4–7"),
        (11.0, "over 11"),
        (900.0, "over 11"),
        (math.inf, "over 11"),
    ],
)
def test_the_more_bits_the_higher_the_level(bits, name):
    assert LEVEL_NAMES[level_of(bits)] == name


def test_the_levels_are_named_without_a_gap():
    assert LEVEL_NAMES == ("under 1", "1–2", "2–4", "4–7", "7–11", "over 11")


def test_a_character_of_several_tokens_is_as_surprising_as_all_of_them():
    pieces = [(4, "a"), (5, "東"), (6, ""), (7, ""), (END, ""), (4, "b")]
    tokens = scored_tokens(pieces, np.full(len(pieces), math.log(2)))
    figures = measure_losses(np.full(len(pieces), math.log(2)), text_bytes=5, unknown_bytes=0)
    text = ScoredText(name="x", tokens=tokens, figures=figures, unknown_tokens=0)
    assert text.spans() == [
        ("a", pytest.approx(1.0)),
        ("東", pytest.approx(3.0)),
        ("", pytest.approx(1.0)),
        ("b", pytest.approx(1.0)),
    ]


def test_every_token_has_its_loss_and_its_surprisal_in_bits():
    tokens = scored_tokens([(4, "a"), (5, "b")], np.array([math.log(2), 0.0]))
    assert [token.text for token in tokens] == ["a", "b"]
    assert [token.bits for token in tokens] == pytest.approx([1.0, 0.0])
