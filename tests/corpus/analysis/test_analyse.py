from __future__ import annotations

import json
import math
import random
import subprocess
import sys

import pytest

from textgen_core.corpus.analysis.analyse import analyse_corpus, fit_zipf, ranks_of_curve
from textgen_core.corpus.analysis.survey import Limits
from textgen_core.corpus.documents import Corpus, store_documents
from textgen_core.corpus.reading.builtin import builtin_corpus


def analyse(*documents: str, **limits: int):
    return analyse_corpus(Corpus(documents=documents), limits=Limits(**limits))


def test_a_small_text_is_counted_as_by_hand():
    analysis = analyse("The cat saw the cat.\nIt ran.\n", "É!")
    assert (analysis.characters, analysis.bytes) == (31, 32)
    assert (analysis.documents, analysis.lines) == (2, 3)
    assert (analysis.words, analysis.types, analysis.hapaxes) == (8, 7, 6)
    assert analysis.type_token_ratio == pytest.approx(7 / 8)
    assert analysis.alphabet_size == len(set("The cat saw the cat.\nIt ran.\nÉ!"))
    assert analysis.scripts == {"Latin": 21}
    assert analysis.top_words[0] == ("cat", 2)
    assert ("saw the", 1) in analysis.top_bigrams
    assert ("ran É", 1) not in analysis.top_bigrams
    assert analysis.zipf is None
    assert analysis.sampled == ()


def test_analysis_json_holds_plain_finite_values_of_every_field():
    analysis = analyse("one two three. " * 2000)
    values = analysis.as_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["line_lengths"]["maximum"] == 30_000
    assert values["zipf"] is None
    assert values["top_words"][0] == ["one", 2000]


def test_a_text_without_a_word_can_be_analysed():
    analysis = analyse("… !?\n")
    assert (analysis.words, analysis.types, analysis.type_token_ratio) == (0, 0, 0)
    assert analysis.top_trigrams == ()
    assert analysis.rank_frequency == ()


def test_no_documents_can_be_analysed():
    assert analyse().characters == 0


def test_the_ratio_falls_with_length_but_not_in_slices():
    numbers = random.Random(0)
    draw = [f"w{int(numbers.paretovariate(1))}" for _ in range(20_000)]
    short, long = analyse(" ".join(draw[:5000])), analyse(" ".join(draw))
    assert long.type_token_ratio < 0.8 * short.type_token_ratio
    assert len(long.type_token_ratio_slices) == 10
    assert long.type_token_ratio_per_1000_words == pytest.approx(
        short.type_token_ratio_per_1000_words, rel=0.05
    )


def test_a_slope_is_that_of_the_law_that_made_the_frequencies():
    for exponent in (0.8, 1.0, 1.3):
        zipf = fit_zipf([round(1e7 * rank**-exponent) for rank in range(1, 2000)])
        assert zipf is not None
        assert zipf.slope == pytest.approx(-exponent, abs=0.01)
        assert (zipf.first_rank, zipf.last_rank) == (1, 1000)


def test_rare_words_do_not_enter_the_slope():
    zipf = fit_zipf([60 // rank for rank in range(1, 61)])
    assert zipf is not None
    assert zipf.last_rank == 12
    assert fit_zipf([9, 8, 7]) is None


def test_ranks_of_the_curve_are_few_and_reach_both_ends():
    ranks = ranks_of_curve(5000)
    assert (ranks[0], ranks[-1]) == (1, 5000)
    assert 20 <= len(ranks) <= 40
    gaps = [math.log(b / a) for a, b in zip(ranks[-20:], ranks[-19:])]
    assert max(gaps) < 1.2 * min(gaps)
    assert ranks_of_curve(0) == []
    assert ranks_of_curve(1) == [1]


def test_what_was_counted_on_a_sample_is_said():
    analysis = analyse("one two three " * 1000, ngram_words=1000)
    assert analysis.sampled == ("N-grams and recurrent phrases were counted on 1,050 words.",)
    assert analysis.words == 3000
    assert analysis.top_words[0] == ("one", 1000)
    assert sum(count for _, count in analysis.top_bigrams) < 1000


SMALL = Limits(block=500, words=3000, ngram_words=1000, named=50, characters=5000, documents=20)
EXACT = (
    *("characters", "bytes", "documents", "lines", "alphabet_size", "scripts", "words", "types"),
    *("type_token_ratio", "hapaxes", "line_lengths", "top_words", "zipf", "rank_frequency"),
    *("repeated_lines", "repeated_characters", "domain_words", "licences", "language"),
)


def prose(words, seed=1):
    numbers = random.Random(seed)
    draw = [f"w{int(numbers.paretovariate(0.7)) % 10**6}" for _ in range(words)]
    ends = (" " if place % 9 else ".\n" for place in range(words))
    return "".join(map("".join, zip(draw, ends)))


@pytest.mark.parametrize("store", [tuple, store_documents])
def test_bounds_on_memory_change_no_figure_of_the_whole_text(store):
    documents = [prose(6000), prose(9000) + "\nend\n", *(prose(20, seed) for seed in range(300))]
    whole = analyse(*documents)
    bounded = analyse_corpus(Corpus(documents=store(documents)), limits=SMALL)
    for name in EXACT:
        assert getattr(bounded, name) == getattr(whole, name), name
    assert len(bounded.sampled) == 4
    assert whole.sampled == ()


def test_the_built_in_corpus_is_compared_with_nothing():
    analysis = analyse_corpus(builtin_corpus("file"))
    assert analysis.domain_words == ()
    assert analysis.reference is None
    assert (analysis.language, analysis.sentences) == ("en", "punctuation")
    assert analysis.near_duplicates.unit == "paragraph"


def test_words_are_compared_with_the_reference_that_is_given():
    reference = Corpus(documents=("the sea and the land " * 100,))
    text = Corpus(documents=("the whale and the sea " * 100,))
    analysis = analyse_corpus(text, reference=reference)
    assert [each.word for each in analysis.domain_words] == ["whale"]
    assert analyse_corpus(text).reference == "python:pydoc_data.topics"


def test_the_language_can_be_given():
    text = "Siehe z. B. hier. Gilt sofort."
    assert analyse(text).language == "en"  # too short to tell
    analysis = analyse_corpus(Corpus(documents=(text,)), language="de")
    assert (analysis.language, analysis.sentence_lengths.count) == ("de", 2)


def test_a_part_in_another_script_or_language_is_seen():
    english = "It was the best of times, and that is what they said to us.\n" * 800
    russian = "Он был не в том доме, что и она, но это всё, что я знал.\n" * 200
    german = "Es ist nicht leicht, das zu sagen, und die Frau war auch da.\n" * 200
    assert "Cyrillic" in analyse(english + russian, block=1000).script_slices
    assert set(analyse(english + german, block=1000).language_slices) == {"en", "de"}


@pytest.mark.parametrize(
    "repeated",
    ["a", "-", "'", ".", " ", "a'", ".'", "! ", "\n", "\r", " \n", "́", "中", "\x0c", "1", "Ã"],
)
def test_a_line_of_a_million_of_anything_is_analysed(repeated):
    """In time that grows with the length: otherwise this test would never end."""
    assert analyse(repeated * 1_000_000 + "x").characters == len(repeated) * 1_000_000 + 1


def test_reading_cleaning_and_splitting_import_neither_tensorflow_nor_numpy():
    program = (
        "import sys, textgen_core.corpus as corpus\n"
        "from textgen_core.config.settings import CorpusSettings as S\n"
        "c = corpus.clean_corpus(corpus.read_corpus([], S()), S())\n"
        "corpus.split_corpus(c, S())\n"
        "print([n for n in ('tensorflow', 'keras', 'tokenizers', 'numpy') if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
