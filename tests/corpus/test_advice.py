from __future__ import annotations

import attrs
import pytest

from textgen_core.corpus.advice import advise_on
from textgen_core.corpus.analyse import analyse_corpus
from textgen_core.corpus.documents import Corpus


@pytest.fixture(scope="module")
def well():
    analysis = analyse_corpus(Corpus(documents=("A plain text.\n",)))
    return attrs.evolve(
        analysis,
        characters=5_000_000,
        words=900_000,
        types=30_000,
        hapaxes=12_000,
        type_token_ratio_slices=(0.1,) * 10,
    )


def test_a_good_text_needs_no_advice(well):
    assert advise_on(well) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"characters": 5_000}, "very little"),
        ({"characters": 500_000}, "more text of the same kind"),
        ({"repeated_characters": 0.5}, "50% of the text stands in lines that occurred before"),
        ({"type_token_ratio_slices": (0.1,) * 9 + (0.3,)}, "tenth 10 of the text differs"),
        ({"scripts": {"Han": 90, "Latin": 10}}, "no spaces between words"),
        ({"alphabet_size": 3000}, "3,000 different characters"),
        ({"hapaxes": 25_000}, "25,000 of 30,000 different words occur once"),
    ],
)
def test_each_weakness_gets_its_sentence(well, change, words):
    (sentence,) = advise_on(attrs.evolve(well, **change))
    assert words in sentence


def test_an_endless_line_is_pointed_out(well):
    lengths = attrs.evolve(well.line_lengths, maximum=2_000_000)
    (sentence,) = advise_on(attrs.evolve(well, line_lengths=lengths))
    assert "2,000,000 characters" in sentence


def test_the_same_line_a_hundred_thousand_times_is_noticed():
    advice = advise_on(analyse_corpus(Corpus(documents=("the same old line\n" * 100_000,))))
    assert any("Remove the copies" in sentence for sentence in advice)
