"""Every bundled tokenizer with every bundled model and every plain sampler: train, write, score."""

import itertools
import math
import random

import pytest

import textgen_core as textgen
from textgen_core.runs.files import read_json, read_rows

TOKENIZERS = ["character", "word:vocabulary_size=60", "bpe:vocabulary_size=300"]
MODELS = [
    "lstm:units=8,layers=1,embedding=8",
    "transformer:layers=1,heads=2,head_size=4,feed_forward=8",
]
SAMPLERS = ["greedy", "temperature:0.8", "top-k:5", "nucleus:0.9"]
SETTINGS = {
    "data.sequence_length": 16,
    "data.stride": 16,
    "generation.max_new_tokens": 8,
    "generation.samples": 1,
    "evaluation.prompts": 1,
    "evaluation.prompt_tokens": 4,
    "evaluation.continuation_tokens": 8,
    "training.compile": "eager",  # graphs and XLA are compared with it elsewhere
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    draw = random.Random(5)
    words = ["sun", "moon", "rain", "wind", "leaf", "tree", "bird", "song", "falls", "sings"]
    lines = [" ".join(draw.choice(words) for _ in range(6)).capitalize() for _ in range(60)]
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text(".\n".join(lines) + ".\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


# Each run is made with one of the samplers, and written with by all of them.
RUNS = [
    pytest.param(tokenizer, model, SAMPLERS[number % len(SAMPLERS)], id=f"{tokenizer}-{model}")
    for number, (tokenizer, model) in enumerate(itertools.product(TOKENIZERS, MODELS))
]


@pytest.mark.parametrize(("tokenizer", "model", "sampler"), RUNS)
def test_any_tokenizer_trains_any_model_and_writes_with_any_sampler(
    tokenizer, model, sampler, corpus, tmp_path
):
    run = textgen.run(
        corpus,
        recipe="first",
        tokenizer=tokenizer,
        model=model,
        sampler=sampler,
        epochs=1,
        batch_size=4,
        learning_rate=0.01,
        prompt="Sun",
        out=tmp_path / "run",
        settings=SETTINGS,
    )
    rows = list(read_rows(run.directory / "metrics.jsonl"))
    validation = [row["validation_loss"] for row in rows if "validation_loss" in row]
    assert len(validation) > 1
    assert validation[-1] < validation[0]

    evaluation = read_json(run.directory / "evaluation.json")
    assert evaluation["split"] == "test"
    assert 0 < evaluation["bits_per_byte"] < 8.5
    assert evaluation["perplexity"] == pytest.approx(math.exp(evaluation["loss"]))
    assert {"bleu", "diversity", "repetition"} <= set(evaluation["metrics"])

    written = list(read_rows(run.directory / "samples.jsonl"))
    assert written[-1]["samplers"][0].partition(":")[0] == sampler.partition(":")[0]
    again = run.write("Sun", sampler=sampler, seed=run.configuration.seed).samples[0]
    assert again.text == written[-1]["text"]
    for each in SAMPLERS:
        pieces = run.stream(["Sun"], sampler=each, compile="graph")  # without waiting for XLA
        list(pieces)
        (sample,) = pieces.generation().samples
        assert 1 <= len(sample.token_ids) <= 8
        assert not set(sample.token_ids) & {0, 1, 2}
