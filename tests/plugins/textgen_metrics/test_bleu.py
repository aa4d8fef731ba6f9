from __future__ import annotations

import json
import logging
import math
import subprocess
import sys

import pytest
import sacrebleu
from evaluation.languages import TEXTS

from textgen_metrics.bleu import BleuMetric

SAMPLES = [
    "The cat sat on the mat, and slept.",
    "A dog barks at the moon .",
    "it was late\nat night",
]
REFERENCES = [
    "the cat sat on a mat and slept.",
    "A dog barked at the moon.",
    "It was late at night.",
]


@pytest.fixture
def bleu(measure):
    return lambda samples, references, **options: measure(
        BleuMetric(**options), samples, references
    )["bleu"]


@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, {}),
        ({"lowercase": True}, {"lowercase": True}),
        ({"tokenize": "char"}, {"tokenize": "char"}),
        ({"tokenize": "intl"}, {"tokenize": "intl"}),
        ({"tokenize": "none"}, {"tokenize": "none"}),
        ({"tokenize": "zh"}, {"tokenize": "zh"}),
        ({"smoothing": "floor"}, {"smooth_method": "floor"}),
        ({"smoothing": "add-k"}, {"smooth_method": "add-k"}),
        ({"smoothing": "none"}, {"smooth_method": "none"}),
    ],
)
def test_bleu_is_the_figure_of_sacrebleu_itself(bleu, options, theirs):
    expected = sacrebleu.corpus_bleu(SAMPLES, [REFERENCES], **theirs).score
    assert 0 < expected < 100
    assert bleu(SAMPLES, REFERENCES, **options) == expected


def test_bleu_is_what_the_command_of_sacrebleu_prints(bleu, tmp_path):
    hypotheses, references = tmp_path / "hyp.txt", tmp_path / "ref.txt"
    lines = [text.replace("\n", " ") for text in SAMPLES]
    hypotheses.write_text("\n".join(lines) + "\n", encoding="utf-8")
    references.write_text("\n".join(REFERENCES) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", references, "-i", hypotheses, "-w", "6"]
    printed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert bleu(lines, REFERENCES) == pytest.approx(printed["score"], abs=1e-6)
    assert BleuMetric().signature() == printed["signature"]


def test_the_order_is_the_longest_n_gram_compared(bleu):
    expected = sacrebleu.metrics.BLEU(max_ngram_order=2).corpus_score(SAMPLES, [REFERENCES]).score
    assert bleu(SAMPLES, REFERENCES, max_order=2) == expected
    assert bleu(["a b x"], ["a b c"], max_order=1, smoothing="none") == pytest.approx(200 / 3)


def test_bleu_of_the_reference_itself_is_a_hundred(bleu):
    assert bleu(REFERENCES, REFERENCES) == pytest.approx(100)


def test_a_short_sample_pays_the_brevity_penalty(bleu):
    # All four-grams match; 5 words stand against 10: exp(1 - 10 / 5).
    score = bleu(["a b c d e"], ["a b c d e f g h i j"])
    assert score == pytest.approx(100 * math.exp(-1))


def test_empty_samples_score_nothing(bleu):
    assert bleu(["", ""], ["a b c d", "e f g h"]) == 0


def test_bleu_of_no_samples_is_undefined(bleu):
    assert math.isnan(bleu([], []))


def test_a_sample_without_its_reference_is_refused(bleu):
    with pytest.raises(ValueError, match="2 samples and 1 references"):
        bleu(["a", "b"], ["a"])


def test_text_that_looks_tokenized_raises_no_warning(bleu, caplog):
    with caplog.at_level(logging.WARNING):
        bleu(["a cat ."] * 200, ["a cat ."] * 200)
    assert caplog.records == []


def test_the_signature_names_the_options_as_sacrebleu_does():
    theirs = sacrebleu.metrics.BLEU(lowercase=True, tokenize="char", smooth_method="floor")
    theirs.corpus_score(SAMPLES, [REFERENCES])
    ours = BleuMetric(lowercase=True, tokenize="char", smoothing="floor")
    assert ours.signature() == str(theirs.get_signature())


def test_the_help_of_the_figure_quotes_the_default_signature():
    stated = BleuMetric.figures["bleu"].help
    assert BleuMetric().signature().rsplit("|version", 1)[0] in stated


def test_the_tokenizer_is_chosen_by_the_script_of_what_really_followed(bleu, evidence_of):
    tokenizers = {"en": "13a", "hi": "13a", "ko": "13a", "zh": "zh", "ja": "char", "th": "char"}
    for language, tokenizer in tokenizers.items():
        text = TEXTS[language]
        samples, references = [text[:60] + "x" + text[60:]], [text]
        theirs = sacrebleu.metrics.BLEU(tokenize=tokenizer)
        expected = theirs.corpus_score(samples, [references]).score
        assert bleu(samples, references) == min(expected, 100), language
        assert expected > 90, language
        evidence = evidence_of(samples, references)
        assert f"tok:{tokenizer}|" in BleuMetric().signature(evidence), language
        assert "tok:intl|" in BleuMetric(tokenize="intl").signature(evidence), language
