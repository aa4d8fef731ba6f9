from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from typing import ClassVar

import attrs
import numpy as np
import pytest
from evaluation.fake_models import BigramModel, UniformModel, draw_token_ids, language_model
from generation.fake_counts import FakeCounts

from textgen_core.components import Figure, Metric
from textgen_core.config.settings import EvaluationSettings
from textgen_core.data.tokenizer import START
from textgen_core.evaluation.evaluation import evaluate
from textgen_core.evaluation.evidence import HeldOut, TrainingData
from textgen_core.evaluation.scoring import Scorer
from textgen_core.evaluation.verdict import read_verdict
from textgen_core.evaluation.verdict_case import RunFacts
from textgen_core.pipeline.messages import format_evaluation

VOCABULARY = 16
SETTINGS = EvaluationSettings(prompts=3, prompt_tokens=2, continuation_tokens=4)
KEYS = [
    "split", "tokens", "bytes", "unknown_tokens", "loss", "perplexity", "bits_per_byte",
    "metrics", "baselines", "diagnosis", "signatures", "readings", "errors", "written",
    "samples", "empty_samples", "verdict",
]  # fmt: skip


@attrs.frozen(kw_only=True)
class GivenTokens:
    token_ids: np.ndarray
    text_bytes: int
    unknown_tokens: int = 0
    unknown_bytes: int = 0


@attrs.frozen(kw_only=True)
class LookingMetric(Metric):
    """Looks at everything that the evidence offers."""

    figures: ClassVar[Mapping[str, Figure]] = {
        name: Figure() for name in ("loss", "samples", "scored", "training", "rep_4", "undefined")
    }

    def measure(self, evidence):
        return {
            "loss": float(evidence.token_losses.mean()),
            "samples": len(evidence.samples),
            "scored": float(evidence.score("w4 w5 w6").sum()),
            "training": len("".join(evidence.training_text)),
            "rep_4": 0.5,
            "undefined": math.nan,
        }


def evaluate_model(model, held_out, training=None, metrics=(), scored=None):
    return evaluate(
        Scorer(scored or language_model(model, VOCABULARY)),
        HeldOut(split="test", documents=["w4 w5 " * 30], tokens=held_out),
        training or TrainingData(),
        settings=SETTINGS,
        metrics=metrics,
        continue_prompts=lambda prompts, count: ["w4 " * count for _ in prompts],
    )


def test_a_uniform_model_needs_the_logarithm_of_the_vocabulary_for_each_token():
    held_out = GivenTokens(token_ids=draw_token_ids(41, VOCABULARY), text_bytes=80)
    evaluation = evaluate_model(UniformModel(VOCABULARY), held_out)
    assert evaluation.tokens == 40
    assert evaluation.loss == pytest.approx(math.log(16))
    assert evaluation.perplexity == pytest.approx(16)
    assert evaluation.bits_per_byte == pytest.approx(40 * 4 / 80)
    assert evaluation.baselines["uniform"]["bits_per_byte"] == pytest.approx(40 * 4 / 80)


def test_the_loss_is_the_mean_over_the_split_and_unknown_bytes_are_paid_for():
    model = BigramModel(np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)))
    token_ids = draw_token_ids(60, VOCABULARY)
    held_out = GivenTokens(token_ids=token_ids, text_bytes=100, unknown_tokens=2, unknown_bytes=7)
    evaluation = evaluate_model(model, held_out)
    losses = model.numpy_losses(token_ids)
    assert evaluation.loss == pytest.approx(losses.mean(), rel=1e-5)
    expected = (losses.sum() / math.log(2) + 8 * 7) / 100
    assert evaluation.bits_per_byte == pytest.approx(expected, rel=1e-5)
    assert (evaluation.bytes, evaluation.unknown_tokens) == (100, 2)


def test_json_has_the_keys_of_evaluation_json_and_null_where_a_figure_is_undefined():
    held_out = GivenTokens(token_ids=draw_token_ids(41, VOCABULARY), text_bytes=0)
    training = TrainingData(documents=["w4 w5"], token_ids=draw_token_ids(99, VOCABULARY))
    evaluation = evaluate_model(UniformModel(VOCABULARY), held_out, training)
    plain = json.loads(json.dumps(evaluation.as_json(), allow_nan=False))
    assert list(plain) == KEYS
    assert plain["bits_per_byte"] is None
    assert plain["baselines"]["xz"] == {"bits_per_byte": None}
    assert plain["diagnosis"][0]["trouble"] == "worse than counting tokens"
    assert list(plain["diagnosis"][0]) == ["trouble", "evidence", "advice", "setting", "said"]


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_verdict_is_part_of_an_evaluation_and_knows_what_was_scored(split):
    training = TrainingData(
        documents=["w4 w5"],
        token_ids=draw_token_ids(99, VOCABULARY),
        facts=RunFacts(flags={"longer": "--minutes 10"}),
    )
    evaluation = evaluate(
        Scorer(language_model(UniformModel(VOCABULARY), VOCABULARY)),
        HeldOut(
            split=split,
            documents=["w4 w5 " * 30],
            tokens=GivenTokens(token_ids=draw_token_ids(41, VOCABULARY), text_bytes=80),
        ),
        training,
        settings=SETTINGS,
        metrics=(),
        continue_prompts=lambda prompts, count: ["w4 " * count for _ in prompts],
    )
    verdict = read_verdict(json.loads(json.dumps(evaluation.as_json())))
    assert verdict == evaluation.verdict
    assert (verdict.outcome, verdict.values["flag"]) == ("undertrained", "--minutes 10")
    assert "guesses" in verdict.clauses
    assert ("split" in verdict.values) == (split == "validation")


def test_errors_and_what_was_written_are_part_of_an_evaluation():
    model = BigramModel(np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)))
    token_ids = np.array([START, *[4, 5] * 30], np.int32)
    held_out = GivenTokens(token_ids=token_ids, text_bytes=180)
    rows = [{"step": 1, "loss": 3.0}, {"step": 1, "validation_loss": 3.5}]
    training = TrainingData(
        documents=["w4 w5"], token_ids=draw_token_ids(99, VOCABULARY), rows=rows
    )
    plain = json.loads(json.dumps(evaluate_model(model, held_out, training).as_json()))
    errors = plain["errors"]
    assert list(errors) == [
        "by_frequency", "by_position", "position_of", "worst_lines", "over_length",
        "over_length_held_out", "loops", "gap",
    ]  # fmt: skip
    assert sum(each["tokens"] for each in errors["by_frequency"]) == 60
    assert errors["position_of"] == "window"
    assert sum(tokens for _, _, tokens in errors["by_position"]) == 56  # seven windows of eight
    assert [len(row) for row in errors["over_length"]] == [3] * 8
    assert errors["over_length"][-1][0] == 400
    assert len(errors["over_length_held_out"]) == 8
    assert errors["loops"][0]["text"] == "w4"
    assert errors["gap"] == [[1, 3.0, 3.5]]
    assert errors["worst_lines"][0]["tokens"] == 60
    assert {"prompt", "pieces"} == set(plain["written"][0])
    text, bits, is_copied = plain["written"][0]["pieces"][0]
    assert (text.strip(), is_copied) == ("w4", False)
    assert bits > 0


def test_a_text_shorter_than_a_window_is_told_by_the_positions_that_it_has():
    held_out = GivenTokens(token_ids=draw_token_ids(6, VOCABULARY), text_bytes=15)
    evaluation = evaluate_model(UniformModel(VOCABULARY), held_out)
    assert [row[0] for row in evaluation.errors.by_position] == [0, 1, 2, 3, 4]


def test_the_signatures_of_metrics_are_kept():
    class SignedMetric(LookingMetric):
        def signature(self):
            return "nrefs:1"

    held_out = GivenTokens(token_ids=draw_token_ids(41, VOCABULARY), text_bytes=80)
    metrics = [("looking", "x", LookingMetric()), ("signed", "x", SignedMetric())]
    evaluation = evaluate_model(UniformModel(VOCABULARY), held_out, metrics=metrics)
    assert evaluation.as_json()["signatures"] == {"signed": "nrefs:1"}


def test_metrics_see_losses_samples_training_text_and_may_score_any_text():
    model = BigramModel(np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)))
    held_out = GivenTokens(token_ids=draw_token_ids(41, VOCABULARY), text_bytes=80)
    evaluation = evaluate_model(
        model,
        held_out,
        TrainingData(documents=["abc", "de"]),
        [("looking", "textgen-looking", LookingMetric())],
    )
    figures = evaluation.metrics["looking"]
    assert figures["loss"] == pytest.approx(evaluation.loss)
    assert figures["samples"] == 3
    scored = model.numpy_losses(np.array([START, 4, 5, 6]))
    assert figures["scored"] == pytest.approx(scored.sum(), rel=1e-5)
    assert figures["training"] == 5
    assert figures["undefined"] is None
    assert "repetition" in [finding.trouble for finding in evaluation.diagnosis]


def test_baselines_that_need_training_data_are_left_out_without_it():
    held_out = GivenTokens(token_ids=draw_token_ids(41, VOCABULARY), text_bytes=80)
    evaluation = evaluate_model(UniformModel(VOCABULARY), held_out)
    assert set(evaluation.baselines) == {"uniform"}
    training = TrainingData(documents=["w4 w5"], token_ids=draw_token_ids(99, VOCABULARY))
    evaluation = evaluate_model(UniformModel(VOCABULARY), held_out, training)
    assert set(evaluation.baselines) == {"uniform", "unigram", "ngram", "xz"}


def test_only_scoring_needs_tensorflow():
    program = (
        "import sys\n"
        "from textgen_core.evaluation import baselines, diagnosis, evaluation, figures, metrics\n"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_empty_continuations_are_counted_and_said():
    held_out = GivenTokens(token_ids=draw_token_ids(41, VOCABULARY), text_bytes=80)
    written = iter(["", " \n", "w4", "w4 w5"])
    evaluation = evaluate(
        Scorer(language_model(UniformModel(VOCABULARY), VOCABULARY)),
        HeldOut(split="test", documents=["w4 w5 " * 30], tokens=held_out),
        TrainingData(),
        settings=SETTINGS,
        metrics=(),
        continue_prompts=lambda prompts, _: [next(written) for _ in prompts],
    )
    assert (evaluation.samples, evaluation.empty_samples) == (3, 2)
    assert "empty samples" in [finding.trouble for finding in evaluation.diagnosis]
    assert "2 of 3 continuations are empty" in format_evaluation(evaluation, VOCABULARY)


def test_what_network_and_counts_lose_alone_stands_beside_the_mixture():
    model = BigramModel(np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)))
    token_ids = draw_token_ids(41, VOCABULARY)
    held_out = GivenTokens(token_ids=token_ids, text_bytes=80, unknown_bytes=2)
    counts = FakeCounts(order=3, vocabulary_size=VOCABULARY)
    mixed = attrs.evolve(language_model(model, VOCABULARY), counts=counts)
    evaluation = evaluate_model(model, held_out, scored=mixed)
    network, counted = evaluation.as_json()["parts"].values()
    assert network["loss"] == pytest.approx(model.numpy_losses(token_ids).mean(), rel=1e-5)
    assert list(counted) == ["loss", "bits_per_byte", "order"]
    assert counted["bits_per_byte"] == pytest.approx(
        (40 * counted["loss"] / math.log(2) + 8 * 2) / 80
    )
    assert counted["order"] == 3
    plain = evaluate_model(model, held_out)
    assert "parts" not in plain.as_json()
    assert plain.loss == pytest.approx(network["loss"])
    assert evaluation.loss != pytest.approx(plain.loss)


def test_only_a_text_that_is_not_the_runs_own_is_compared_with_its_training_text():
    text = "w4 w5 w6 w7 " * 30
    tokens = GivenTokens(token_ids=draw_token_ids(121, VOCABULARY), text_bytes=len(text))
    for is_own, expected in ((True, False), (False, True)):
        evaluation = evaluate(
            Scorer(language_model(UniformModel(VOCABULARY), VOCABULARY)),
            HeldOut(split="other.txt", documents=[text], tokens=tokens, is_own=is_own),
            TrainingData(documents=[text * 2], token_ids=draw_token_ids(99, VOCABULARY)),
            settings=SETTINGS,
            metrics=(),
            continue_prompts=lambda prompts, count: ["w4 " * count for _ in prompts],
        )
        found = [finding.trouble for finding in evaluation.diagnosis]
        assert ("trained on this text" in found) == expected
        assert ("worse than counting tokens" in found) != expected
