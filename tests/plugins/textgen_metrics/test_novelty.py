"""Novelty against a search that looks everywhere in the training text."""

from __future__ import annotations

import math
import random
import re

import pytest

from textgen_core import Evidence
from textgen_metrics.novelty import NoveltyMetric

WORDS = ["sea", "sun", "sand", "the", "a", ","]


def evidence_of(samples, references, training):
    return Evidence(
        samples=samples,
        prompts=["" for _ in samples],
        references=references,
        training_text=training,
        token_losses=None,
        token_ids=None,
        tokenizer=None,
        score=None,
    )


def draw_text(draw, count):
    return " ".join(draw.choices(WORDS, k=count))


def slow_longest(text, documents):
    spans = [
        stop - start
        for start in range(len(text))
        for stop in range(start + 1, len(text) + 1)
        if any(text[start:stop] in document for document in documents)
    ]
    return max(spans, default=0)


def slow_share(texts, documents, order):
    """Counts by joining words with a bar, so that a phrase is a part of a line."""
    known = ["|" + "|".join(re.findall(r"\w+|,", document)) + "|" for document in documents]
    phrases = []
    for text in texts:
        words = re.findall(r"\w+|,", text)
        phrases += ["|".join(words[at : at + order]) for at in range(len(words) - order + 1)]
    found = [any(f"|{phrase}|" in line for line in known) for phrase in phrases]
    return sum(found) / len(found)


@pytest.mark.parametrize("seed", range(4))
def test_the_figures_are_those_of_a_search_everywhere(seed):
    draw = random.Random(seed)
    training = [draw_text(draw, 60) for _ in range(3)]
    samples = [draw_text(draw, 12) for _ in range(3)] + [training[1][20:90]]
    references = [draw_text(draw, 30) for _ in range(4)]
    measured = NoveltyMetric().measure(evidence_of(samples, references, training))
    assert set(measured) == set(NoveltyMetric.figures)
    cut = [text[: len(sample)] for text, sample in zip(references, samples, strict=True)]
    for suffix, texts in (("", samples), ("_held_out", cut)):
        longest = [slow_longest(text, training) for text in texts]
        assert measured[f"longest_copied{suffix}"] == max(longest)
        assert measured[f"mean_longest_copied{suffix}"] == pytest.approx(sum(longest) / 4)
        for order in (4, 8):
            expected = slow_share(texts, training, order)
            assert measured[f"copied_{order}{suffix}"] == pytest.approx(expected)


class InPieces:
    """Training text whose documents come in pieces that end at spaces."""

    def __init__(self, documents):
        self.documents = documents

    def __iter__(self):
        return (text for text, _ in self.pieces())

    def pieces(self):
        for document in self.documents:
            words = re.findall(r"\S+\s*", document)
            yield from ((word, False) for word in words[:-1])
            yield words[-1], True


def test_a_document_in_pieces_is_the_document_and_no_phrase_crosses_into_the_next():
    draw = random.Random(5)
    training = [draw_text(draw, 30) for _ in range(4)]
    samples = [training[0][-60:] + " " + training[1][:60], draw_text(draw, 20)]
    references = [training[2][10:80], draw_text(draw, 20)]
    metric = NoveltyMetric()
    whole = metric.measure(evidence_of(samples, references, training))
    assert metric.measure(evidence_of(samples, references, InPieces(training))) == whole
    assert whole["longest_copied"] < 110


def test_copied_samples_are_told_from_new_ones_of_the_same_words():
    draw = random.Random(3)
    training = [draw_text(draw, 2000)]
    copied, new = training[0][500:700], draw_text(draw, 45)
    measured = NoveltyMetric().measure(evidence_of([copied], [new], training))
    assert measured["longest_copied"] == 200
    assert measured["copied_8"] > 0.9
    assert measured["copied_8_held_out"] < 0.2
    assert measured["longest_copied_held_out"] < 60


def test_characters_serve_where_there_are_no_words():
    metric = NoveltyMetric(unit="character")
    measured = metric.measure(evidence_of(["春眠不覚暁"], ["処処聞啼鳥"], ["春眠不覚暗"]))
    assert measured["copied_4"] == 0.5
    assert measured["copied_4_held_out"] == 0
    assert math.isnan(measured["copied_8"])
    assert measured["longest_copied"] == 4


def test_phrases_are_looked_up_no_further_than_the_option_says():
    text = "one two three four five six seven"
    evidence = evidence_of(["four five six seven"], [""], ["x " * 10 + text])
    assert NoveltyMetric(characters=30).measure(evidence)["copied_4"] == 0
    assert NoveltyMetric(characters=None).measure(evidence)["copied_4"] == 1


def test_nothing_to_measure_gives_undefined_figures():
    measured = NoveltyMetric().measure(evidence_of([], [], []))
    assert all(math.isnan(value) for value in measured.values())
    measured = NoveltyMetric().measure(evidence_of([""], [""], ["text"]))
    assert measured["longest_copied"] == 0
    assert math.isnan(measured["copied_4"])


def test_samples_without_their_references_are_refused():
    with pytest.raises(ValueError, match="2 samples and 1 references"):
        NoveltyMetric().measure(evidence_of(["a", "b"], ["a"], []))
