from __future__ import annotations

import attrs
import pytest

from textgen_core.corpus.analysis.advice import advise_on
from textgen_core.corpus.analysis.analyse import analyse_corpus
from textgen_core.corpus.analysis.duplicates import NearDuplicates
from textgen_core.corpus.analysis.patterns import CONTENTS
from textgen_core.corpus.documents import Corpus

NEAR = NearDuplicates(
    compared=50, unit="document", pairs=3, share=0.12, examples=(), is_sample=False, is_bound=False
)


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
        ({"mojibake": 60}, "At 60 places there are signs like Ã©"),
        ({"replacement_characters": 60}, "60 characters could not be read"),
        (
            {"script_slices": ("Latin",) * 9 + ("Thai",)},
            "Tenth 10 of the text is in another",
        ),
        ({"language_slices": ("de", "", *("en",) * 8)}, "another language (de) than the rest (en)"),
        ({"near_duplicates": NEAR}, "12% of the documents are nearly the same as another"),
        (
            {"line_shapes": (("Page #", 90), (CONTENTS, 25))},
            "25 lines look like a table of",
        ),
        ({"licences": (("Project Gutenberg", 30),)}, "occurs 30 times (Project Gutenberg)"),
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


@pytest.mark.parametrize(
    "change",
    [
        {"mojibake": 4},
        {"mojibake": 40},  # of five million characters
        {"replacement_characters": 40},
        {"language_slices": ("en", "") * 5},
        {"near_duplicates": attrs.evolve(NEAR, share=0.01)},
        {"line_shapes": (("Page #", 90),)},
    ],
)
def test_little_of_a_weakness_is_none(well, change):
    assert advise_on(attrs.evolve(well, **change)) == ()
