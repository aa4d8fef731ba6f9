"""What fewer bits cost is measured on the model's own text, and refused where it is too much."""

from __future__ import annotations

import math

import numpy as np
import pytest
from data.letters import letter_tokenizer

from textgen_core.data.reader import Reader
from textgen_core.errors import UsageError
from textgen_core.export.rounding import MOST, added_bits, check_added_bits
from textgen_core.generation.steps import Steps


class Fixed(Steps):
    """Gives the same logits at every step."""

    rows = 1
    compiled_with = "program"

    def __init__(self, logits):
        self.logits = np.array([logits], np.float32)
        self.read = []

    def restart(self):
        self.read = []

    def feed(self, token_ids):
        raise AssertionError

    def advance(self, token_ids):
        self.read.append(int(token_ids[0]))
        return self.logits


def reader():
    return Reader(tokenizer=letter_tokenizer("ab"), context_length=8)


def test_the_loss_grows_by_the_divergence_in_bits_for_each_byte():
    exact = Fixed([-50.0, -50.0, -50.0, -50.0, math.log(0.75), math.log(0.25)])
    rounded = Fixed([-50.0, -50.0, -50.0, -50.0, math.log(0.5), math.log(0.5)])
    divergence = 0.75 * math.log2(1.5) + 0.25 * math.log2(0.5)
    assert added_bits(exact, rounded, reader(), None) == pytest.approx(divergence, abs=1e-6)
    assert added_bits(exact, exact, reader(), None) == 0.0


def test_both_read_the_text_that_the_exact_one_writes_within_its_state():
    exact, rounded = Fixed([0.0, 0.0, 9.0, 9.0, 1.0, 1.0]), Fixed([0.0, 0.0, 9.0, 9.0, 1.0, 1.0])
    added_bits(exact, rounded, reader(), 40)
    assert exact.read == rounded.read
    assert len(exact.read) == 40
    assert exact.read[0] == 2
    assert set(exact.read[1:]) == {4, 5}  # no special token, however likely


@pytest.mark.parametrize("bits", [MOST * 1.01, math.nan, math.inf])
def test_what_costs_more_than_it_may_or_is_no_number_is_refused(bits):
    with pytest.raises(UsageError, match="int8"):
        check_added_bits(bits, "int8")
    check_added_bits(MOST, "int8")
