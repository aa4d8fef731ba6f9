from __future__ import annotations

import itertools
import random

import pytest

from textgen_core.corpus.analysis.blocks import iterate_blocks
from textgen_core.corpus.analysis.duplicates import DuplicateFinder
from textgen_core.corpus.analysis.vocabulary import VocabularyCounter
from textgen_core.corpus.analysis.words import split_words


def find(documents, unit="document", *, block=1 << 18, **limits):
    vocabulary, finder = VocabularyCounter(), DuplicateFinder(unit, **limits)
    for part in iterate_blocks(documents, size=block):
        words = split_words(part, by_paragraph=unit == "paragraph")
        finder.add(words, vocabulary.add(words.words)[1])
    return finder.finish()


def prose(draw, words):
    return [f"w{draw.randrange(2000)}" for _ in range(words)]


def changed(draw, words, changes):
    copy = list(words)
    for place in draw.sample(range(len(copy)), changes):
        copy[place] = f"x{draw.randrange(10**6)}"
    return copy


def triples(words):
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}


def jaccard(one, other):
    """Return the share of the triples of both that they share."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


@pytest.fixture(scope="module")
def family():
    """Documents of which some are copies with more or fewer words changed."""
    draw = random.Random(1)
    documents = []
    for _ in range(40):
        original = prose(draw, draw.randrange(20, 200))
        documents.append(original)
        for share in (0.0, 0.01, 0.05, 0.1, 0.3):
            documents.append(changed(draw, original, int(share * len(original))))
    draw.shuffle(documents)
    return documents


def test_pairs_agree_with_comparing_all_documents_by_brute_force(family):
    near = find([" ".join(words) for words in family])
    of_three = [triples(words) for words in family]
    alike = {
        (one, other): jaccard(of_three[one], of_three[other])
        for one, other in itertools.combinations(range(len(family)), 2)
    }
    assert near.compared == len(family)
    assert near.pairs <= sum(each >= 0.7 for each in alike.values())
    assert near.pairs >= sum(each >= 0.8 for each in alike.values())
    paired = {place for pair, share in alike.items() if share >= 0.7 for place in pair}
    assert near.share == pytest.approx(len(paired) / len(family), abs=0.01)
    assert not near.is_sample
    assert not near.is_bound


def test_examples_are_the_first_words_of_both_with_their_resemblance():
    draw = random.Random(2)
    one = prose(draw, 100)
    other = [*one[:60], "new", *one[61:]]
    near = find([" ".join(one), "something else " * 30, " ".join(other)])
    ((first, second, alike),) = near.examples
    assert " ".join(one).startswith(first)
    assert first == second
    assert len(first) <= 80
    assert alike == pytest.approx(jaccard(triples(one), triples(other)), abs=0.001)
    assert near.pairs == 1
    assert near.share == pytest.approx(2 / 3)


def test_of_a_single_document_paragraphs_of_twenty_words_are_compared():
    draw = random.Random(3)
    long, short = " ".join(prose(draw, 30)), "only a few words here"
    near = find([f"{long}\n\n{short}\n\n{short}\n \n{long}\n"], "paragraph")
    assert (near.unit, near.compared, near.pairs) == ("paragraph", 2, 1)


def test_documents_in_several_blocks_are_compared_whole():
    draw = random.Random(4)
    one, other = ("\n".join(prose(draw, 300)) for _ in range(2))
    whole = find([one, other, one + "\nend", "a b c"])
    assert find([one, other, one + "\nend", "a b c"], block=50) == whole
    assert (whole.compared, whole.pairs) == (3, 1)


def test_too_few_documents_are_not_compared():
    assert find(["one two three four five six seven eight nine"]) is None
    assert find([]) is None
    assert find(["a", "b", "c"]) is None


def test_of_very_many_documents_copies_stay_together():
    draw = random.Random(5)
    originals = [" ".join(prose(draw, 20)) for _ in range(1000)]
    near = find(originals + originals, kept_documents=200)
    assert near.is_sample
    assert 50 <= near.compared <= 200
    assert near.share == 1
    assert near.pairs == near.compared // 2


def test_many_copies_of_one_document_are_counted_without_looking_at_each_pair():
    near = find(["the very same words of a document again and again"] * 20_000)
    assert near.pairs == 20_000 * 19_999 // 2
    assert near.share == 1


def test_many_documents_of_one_form_are_quick_and_said_to_be_more():
    form = "dear sir we thank you for your letter of the last week and remain yours truly " * 3
    near = find([f"{form}{number}" for number in range(2000)], most_pairs=5000)
    assert near.is_bound
    assert near.share > 0.9
    assert near.pairs > 1000
