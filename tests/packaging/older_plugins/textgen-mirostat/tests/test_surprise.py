"""The metric on losses that are given: each letter's bits are its place in the alphabet."""

from __future__ import annotations

import math

import numpy as np
import pytest
from textgen_core import Evidence
from tokenizers import Tokenizer, models, pre_tokenizers

from textgen_mirostat import SurpriseMetric

LETTERS = "abcdef"


def measure(samples: list[str], references: list[str], prompt: str = "ff") -> dict[str, float]:
    tokenizer = Tokenizer(models.WordLevel({letter: i for i, letter in enumerate(LETTERS)}))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")

    def score(text: str) -> np.ndarray:
        bits = [1.0 + LETTERS.index(letter) for letter in text]
        return np.asarray(bits, np.float32) * math.log(2)

    evidence = Evidence(
        samples=samples,
        prompts=[prompt] * len(samples),
        references=references,
        training_text=(),
        token_losses=np.zeros(0, np.float32),
        token_ids=np.zeros(0, np.int32),
        tokenizer=tokenizer,
        score=score,
    )
    return dict(SurpriseMetric().measure(evidence))


def test_the_bits_are_those_of_the_text_after_its_prompt() -> None:
    figures = measure(["aab", "bc"], ["cc", "dd"])
    assert figures["bits"] == pytest.approx((4 / 3 + 5 / 2) / 2)
    assert figures["bits_held_out"] == pytest.approx(3.5)


def test_texts_that_are_equally_surprising_do_not_deviate() -> None:
    assert measure(["abc", "b"], ["a", "a"])["deviation"] == pytest.approx(0)
    assert measure(["a", "c"], ["a", "a"])["deviation"] == pytest.approx(1)


def test_an_empty_sample_is_left_out_and_none_at_all_is_not_a_number() -> None:
    assert measure(["", "c"], ["a", "a"])["bits"] == pytest.approx(3)
    assert math.isnan(measure([""], ["a"])["bits"])
