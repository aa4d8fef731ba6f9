"""The phases' findings in lines for a person: the figures they were given, and no others."""

import math
from types import SimpleNamespace

import attrs
import numpy as np
import pytest

from textgen_core.config.resolve import configure
from textgen_core.corpus import Corpus
from textgen_core.corpus.analysis import analyse_corpus
from textgen_core.evaluation.diagnosis import Finding
from textgen_core.evaluation.error_analysis import Errors
from textgen_core.evaluation.evaluation import Evaluation
from textgen_core.models.build import LayerRow, ModelDescription
from textgen_core.pipeline.messages import (
    format_analysis,
    format_evaluation,
    format_model,
    format_no_gain,
    format_parameters,
    format_preparation,
    format_scores,
    split_analysis,
)
from textgen_core.registry.discovery import discover
from textgen_core.training.state import Plan, TrainingState


def analysed(text):
    return format_analysis(analyse_corpus(Corpus(documents=(text,))))


def test_an_analysis_is_told_in_two_columns():
    text = "The cat sat. The cat ran.\nThe dog sat.\n"
    lines = analysed(text)
    found = {line[:20].strip(): line[20:] for line in lines}
    assert {line[18:20] for line in lines} == {"  "}
    assert found["text"] == f"{len(text)} characters in 1 document, 2 lines"
    assert found["alphabet"] == "15 different characters; Latin"
    assert found["words"].startswith("9 of 5 types (type/token ratio 0.556), 2 of them once")
    assert found["frequent words"] == "The 3, cat 2, sat 2, ran 1, dog 1"
    assert found["frequent bigrams"].startswith("The cat 2")
    assert "Zipf's slope" not in found  # five types bear no slope


def test_what_recurs_is_told_a_line_each_with_its_count():
    header = "This is the header of a page"
    draw = iter(range(10**6))
    pages = [
        f"{header}\nPage {number}\n" + " ".join(f"w{next(draw)}" for _ in range(30)) + "\n\n"
        for number in range(12)
    ]
    lines = analysed("".join(pages))
    (phrase,) = [line for line in lines if line.startswith("recurrent phrases")]
    assert phrase.endswith(f"12 × {header} Page")
    (shape,) = [line for line in lines if line.startswith("lines of one shape")]
    assert shape.endswith("12 × Page #")


@pytest.mark.parametrize("text", ["word", "?!", "1", "\u4f60\u597d", "a b"])
def test_a_text_of_hardly_anything_is_told_without_an_empty_list(text):
    for line in analysed(text):
        assert line.strip()
        assert not line.rstrip().endswith(":")
        assert "nan" not in line


def test_several_documents_are_in_the_plural():
    lines = format_analysis(analyse_corpus(Corpus(documents=("one two", "three"))))
    assert lines[0].endswith("12 characters in 2 documents, 2 lines")


def test_a_run_tells_the_size_of_its_text_and_leaves_the_rest_to_the_details():
    analysis = analyse_corpus(Corpus(documents=("the mill and the miller\n" * 20,)))
    told, details = split_analysis(analysis)
    names = [line.split()[0] for line in told]
    assert names == ["text", "alphabet", "words", "frequent", "words"]  # the last: that mark it
    assert told[2].endswith("100, of which 4 are different")
    for line in format_analysis(analysis):
        assert line in (*told, *details), line
    assert not {*told} & {*details}


def prepared(size, **files):
    def token_file(tokens, unknown, text_bytes):
        return SimpleNamespace(
            token_ids=np.zeros(tokens + 1, np.uint16),
            unknown_tokens=unknown,
            text_bytes=text_bytes,
            unknown=(("seldom", unknown),) if unknown else (),
        )

    return SimpleNamespace(
        tokenizer=SimpleNamespace(get_vocab_size=lambda with_added_tokens: size),
        notes=("Folded 3 line ends.",),
        token_files={name: token_file(*facts) for name, facts in files.items()},
    )


def test_a_preparation_is_told_split_by_split_without_counting_the_start_token():
    configuration = configure({"tokenizer": "word:vocabulary_size=2000"}, discover())
    found = prepared(1504, train=(12000, 0, 60000), test=(10, 3, 45))
    lines = format_preparation(found, configuration)
    assert lines[0] == "Folded 3 line ends."
    assert "word:vocabulary_size=2000: 1,504 tokens" in lines[1]
    assert "fewer than 2,000: the text gives no more" in lines[1]
    assert lines[2] == "train: 12,000 tokens, 5.00 bytes a token"
    assert lines[3] == "test: 10 tokens, 3 unknown, 4.50 bytes a token"
    assert lines[4] == "  unknown in test: seldom 3"
    assert "fewer" not in format_preparation(prepared(2004), configuration)[1]


def test_a_split_without_a_token_is_no_division_by_zero():
    configuration = configure({"tokenizer": "character"}, discover())
    assert format_preparation(prepared(9, validation=(0, 0, 0)), configuration)[2].startswith(
        "validation: 0 tokens"
    )


def test_a_model_is_told_as_a_table_and_its_needs():
    row = LayerRow(
        name="output",
        kind="Dense",
        output_for_one="(1, 5, 13)",
        output_for_batch="(3, 5, 13)",
        parameters=1234567,
    )
    description = ModelDescription(
        layers=(row,),
        parameters=1234567,
        memory_bytes=3_400_000_000,
        vocabulary_size=10004,
        context_length=5,
        batch_size=3,
        precision="bfloat16",
    )
    columns, rows, lines = format_model(description)
    assert len(columns) == len(rows[0])
    assert rows == [("output", "Dense", "(1, 5, 13)", "(3, 5, 13)", "1,234,567")]
    assert columns[3] == "batch of 3"
    told = " ".join(lines)
    for figure in ("bfloat16", "3.4 GB", "3 x 5", "10,004"):
        assert figure in told
    assert (
        format_parameters("lstm", description) == "lstm: 1,234,567 parameters, random until trained"
    )


def evaluation(**changes):
    given = {
        "split": "validation",
        "tokens": 100,
        "bytes": 400,
        "unknown_tokens": 0,
        "loss": 2.0,
        "perplexity": math.exp(2.0),
        "bits_per_byte": 0.7214,
        "metrics": {"bleu": {"bleu": 1.23456, "other": None}},
        "baselines": {},
        "diagnosis": (),
    }
    return Evaluation(**{**given, **changes})


def test_an_evaluation_is_told_with_its_split_and_figures():
    lines = format_evaluation(evaluation(), 50)
    assert lines[0] == "on validation: 0.721 bits per byte, loss 2.000 nats a token"
    assert "7.4" in lines[1]
    assert "bleu  bleu 1.23, other -" in lines
    assert not any("to beat" in line for line in lines)


def test_baselines_and_troubles_are_told_where_there_are_any():
    finding = Finding(trouble="overfitting", evidence="It rises.", advice="Drop more.")
    lines = format_evaluation(
        evaluation(
            baselines={"xz": {"bits_per_byte": 2.5}, "odd": {"bits_per_byte": None}},
            diagnosis=(finding,),
        ),
        50,
    )
    assert "to beat, in bits per byte: xz 2.500" in lines
    assert lines[-3:] == ["", "overfitting: It rises.", "  Drop more."]


def test_figures_that_are_not_finite_are_told_and_break_nothing():
    lines = format_evaluation(
        evaluation(
            loss=math.inf,
            perplexity=math.inf,
            bits_per_byte=math.nan,
            metrics={"bleu": {"bleu": math.nan}},
        ),
        50,
    )
    assert "bleu  -" in lines


def test_metrics_stand_below_one_another_and_held_out_figures_behind_the_samples_own():
    metrics = {
        "novelty": {"copied_8": 0.25, "copied_8_held_out": 0.125, "longest_copied": 1234.0},
        "diversity": {f"distinct_{order}": 0.123456 for order in range(1, 9)},
        "a": {"odd_held_out": 2.0},
    }
    lines = format_evaluation(evaluation(metrics=metrics), 50)[2:]
    assert lines[0] == "novelty    copied_8 0.25 (held-out 0.125), longest_copied 1,234"
    assert lines[1].startswith("diversity  distinct_1 0.123, distinct_2")
    assert lines[2].startswith(" " * 11 + "distinct_")
    assert lines[-1] == "a          odd_held_out 2"
    assert all(len(line) <= 92 for line in lines)


def test_the_baselines_are_told_the_best_first():
    costs = {"uniform": 6.0, "ngram": 2.25, "xz": 3.0}
    lines = format_evaluation(
        evaluation(baselines={name: {"bits_per_byte": bits} for name, bits in costs.items()}), 50
    )
    assert "to beat, in bits per byte: ngram 2.250, xz 3.000, uniform 6.000" in lines


def test_a_run_ends_with_the_models_place_among_the_baselines():
    costs = {"uniform": 6.0, "ngram": 0.5, "xz": 3.0}
    lines = format_scores(
        evaluation(baselines={name: {"bits_per_byte": bits} for name, bits in costs.items()}), 50
    )
    assert lines[0].startswith("bits per byte on the validation text")
    assert [line.split() for line in lines[1:5]] == [
        ["ngram", "0.500"],
        ["this", "model", "0.721"],
        ["xz", "3.000"],
        ["uniform", "6.000"],
    ]
    assert lines[5].startswith("perplexity 7.4: as unsure as if it chose among that many of its 50")
    assert format_scores(evaluation(bits_per_byte=math.nan), 50)[1].split()[-1] == "nan"


def test_the_parts_of_a_mixture_are_told_beside_it():
    parts = {"network": {"bits_per_byte": 3.5}, "counts": {"bits_per_byte": 2.25, "order": 6}}
    lines = format_evaluation(evaluation(parts=parts), 50)
    assert "its parts alone, in bits per byte: network 3.500, counts of 6-grams 2.250" in lines
    assert "its parts" not in " ".join(format_evaluation(evaluation(), 50))


def test_an_error_analysis_is_told_by_its_extremes_in_lines_that_fit():
    errors = Errors(
        by_frequency=[
            {"from": 0, "to": 0, "tokens": 3, "loss": 9.5},
            {"from": 1000, "to": 9999, "tokens": 90, "loss": 1.25},
        ],
        by_position=[],
        position_of="window",
        worst_lines=[{"text": "word " * 50, "tokens": 60, "bits_per_byte": 7.0}],
        over_length=[],
        over_length_held_out=[],
        loops=(),
        gap=[],
    )
    told = format_evaluation(evaluation(errors=errors), 50)[3:]
    assert told[0] == (
        "tokens never seen in training cost 9.50 nats, those seen 1,000 times or more 1.25"
    )
    assert told[1].startswith("the worst line, 7.00 bits per byte: word word")
    assert all(len(line) <= 92 for line in told)


def test_a_resumption_that_gave_nothing_is_told():
    before = TrainingState(step=200, best_step=150, plan=Plan(last_step=200))
    after = attrs.evolve(before, step=1450)
    assert format_no_gain(before, after) == (
        "1,250 more steps gave no lower validation loss than step 150 has: what follows is that "
        "checkpoint's, as before."
    )
    assert format_no_gain(before, before) == "There was no time for a step after step 200."
