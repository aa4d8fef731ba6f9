"""A run whose network is mixed with counts: commands write, score and explore the mixture.

The network is that of the finished run, and counts of its text are put beside it: how a network is
trained so does not matter here.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil

import numpy as np
import pytest
from cli.in_process import refuse_tensorflow, run_here

from textgen_core.counts.counting import count
from textgen_core.counts.files import save_counts
from textgen_core.data.tokenizer import START, encode, load_tokenizer
from textgen_core.evaluation.windows import read_as_documents
from textgen_core.pipeline.assembly import load_language_model, make_scorer
from textgen_core.registry import discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.manifest import load_configuration
from textgen_core.runs.weights import best_step

ORDER = 4
TEXT = "under the stone bridge the water turns the wheel.\nslow mill night.\n"


@pytest.fixture(scope="module", autouse=True)
def cache(corpus):
    """A cache for this module, so that a program is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(corpus.parent / "cache"))
        yield


@pytest.fixture(scope="module")
def mixed(finished_run, corpus):
    """The finished run with the counts of its text, of half of it, so that not all is known."""
    path = finished_run.parent / "mixed"
    shutil.copytree(finished_run, path)
    tokenizer = load_tokenizer(path / "tokenizer.json")
    text = corpus.read_text(encoding="utf-8")
    token_ids = np.array([START, *encode(tokenizer, text[: len(text) // 2])], np.int32)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    save_counts(count(token_ids, size, ORDER), path / "counts.safetensors")
    set_order(path, ORDER)
    note_hash(path)
    return path


def set_order(path, order):
    settings = path / "run.toml"
    text, found = re.subn(r"(?m)^counts = \d+$", f"counts = {order}", settings.read_text())
    assert found == 1
    settings.write_text(text)


def note_hash(path):
    manifest = json.loads((path / "manifest.json").read_text())
    data = (path / "counts.safetensors").read_bytes()
    manifest["sha256"]["counts.safetensors"] = hashlib.sha256(data).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*arguments):
        return run_here(monkeypatch, capsys, *map(str, arguments))

    return run


@pytest.fixture
def json_of(command):
    def read(*arguments):
        done = command(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


def load(path):
    directory = RunDirectory(path)
    configuration, _ = load_configuration(directory, discover())
    return configuration, load_language_model(directory, configuration, best_step(directory))


def mixed_logits(model, token_ids):
    """The logits of what follows each token of a window, float64 `(time, vocabulary)`."""
    read = read_as_documents(token_ids[None])
    counts = model.counts.log_probabilities(model.counts.contexts(read)[0])
    network = model.logits(read)[0].numpy().astype(np.float64)
    return model.counts.weights.network * network + model.counts.weights.counts * counts


def log_softmax(logits):
    highest = logits.max(axis=-1, keepdims=True)
    return logits - highest - np.log(np.exp(logits - highest).sum(axis=-1, keepdims=True))


WRITING = ("--prompt", "the wa", "--samples", "5", "--max-new-tokens", "40", "--seed", "3")


def test_programs_and_tensorflow_write_the_same_mixture(mixed, finished_run, json_of) -> None:
    programs, tensorflow = (
        json_of("generate", mixed, *WRITING, "--runtime", runtime)["samples"]
        for runtime in ("program", "tensorflow")
    )
    assert [each["text"] for each in programs] == [each["text"] for each in tensorflow]
    for one, other in zip(programs, tensorflow, strict=True):
        np.testing.assert_allclose(one["log_probabilities"], other["log_probabilities"], atol=1e-4)
    network = json_of("generate", finished_run, *WRITING)["samples"]
    assert [each["text"] for each in network] != [each["text"] for each in programs]


def test_the_log_probabilities_of_a_text_are_the_mixtures(mixed, json_of) -> None:
    sample = json_of("generate", mixed, *WRITING[:-2], "--seed", "5")["samples"][0]
    _, model = load(mixed)
    prompt = [START, *model.read("the wa").token_ids]
    token_ids = np.array([*prompt, *sample["token_ids"]], np.int32)
    new = token_ids[len(prompt) :]
    logits = mixed_logits(model, token_ids[:-1])[len(prompt) - 1 :]
    wanted = log_softmax(logits)[np.arange(len(new)), new]
    np.testing.assert_allclose(sample["log_probabilities"], wanted, atol=1e-3)


def test_a_score_is_that_of_the_scorer_and_of_sums_in_numpy(
    mixed, tmp_path, json_of, monkeypatch
) -> None:
    path = tmp_path / "poem.txt"
    path.write_text(TEXT, encoding="utf-8")
    with monkeypatch.context() as patch:
        refuse_tensorflow(patch)
        scored = json_of("score", mixed, path)
    losses = [token["loss"] for token in scored["scored"]]
    configuration, model = load(mixed)
    token_ids = np.array([START, *model.read(TEXT).token_ids], np.int32)
    found, parts = make_scorer(configuration, model).score_parts(token_ids)
    np.testing.assert_allclose(losses, found, atol=1e-3)
    window = model.context_length  # the first, of which every token is new
    targets = token_ids[1 : window + 1]
    wanted = -log_softmax(mixed_logits(model, token_ids[:window]))[np.arange(window), targets]
    np.testing.assert_allclose(found[:window], wanted, atol=1e-3)
    assert found.mean() < parts.network.mean()  # the counts know this text


def test_the_next_token_is_chosen_from_the_mixture(mixed, json_of) -> None:
    found = json_of("explore", mixed, "temperature", "under the", "--temperatures", "1")
    _, model = load(mixed)
    token_ids = np.array([START, *model.read("under the").token_ids], np.int32)
    logits = mixed_logits(model, token_ids)[-1]
    logits[:3] = -np.inf
    wanted = np.exp(log_softmax(logits))
    for token in found["temperatures"][0]["tokens"]:
        assert token["probability"] == pytest.approx(wanted[token["token_id"]], abs=1e-4)


def test_a_run_without_counts_reads_none(mixed, finished_run, command) -> None:
    path = mixed.parent / "network"
    shutil.copytree(mixed, path)
    set_order(path, 0)
    (path / "counts.safetensors").write_bytes(b"of no use")
    texts = [command("generate", run, *WRITING).stdout for run in (path, finished_run)]
    assert texts[0] == texts[1]
    assert texts[0]


def cut(path):
    counts = path / "counts.safetensors"
    counts.write_bytes(counts.read_bytes()[:-5])


def of_another_vocabulary(path):
    counts = count(np.arange(3, 50, dtype=np.int32), 50, ORDER)
    save_counts(counts, path / "counts.safetensors")


def of_another_text(path):
    size = load_tokenizer(path / "tokenizer.json").get_vocab_size(with_added_tokens=True)
    counts = count(np.arange(2, size, dtype=np.int32), size, ORDER)
    save_counts(counts, path / "counts.safetensors")


def of_another_order(path):
    set_order(path, ORDER - 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "counts.safetensors").unlink(),
        cut,
        of_another_vocabulary,
        of_another_text,
        of_another_order,
    ],
    ids=["missing", "cut", "vocabulary", "text", "order"],
)
def test_counts_that_are_not_the_runs_are_an_error(mixed, tmp_path, command, damage) -> None:
    path = tmp_path / "damaged"
    shutil.copytree(mixed, path)
    damage(path)
    for arguments in (("generate", path), ("evaluate", path)):
        done = command(*arguments)
        assert done.returncode == 4, done.stderr
        assert "counts.safetensors" in done.stderr
        assert "Restore" in done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) <= 3


def test_an_evaluation_has_both_parts(mixed, finished_run, corpus, json_of, command) -> None:
    found = json_of("evaluate", mixed, "--corpus", corpus)
    network, counts = found["parts"]["network"], found["parts"]["counts"]
    assert counts["order"] == ORDER
    alone = json.loads((finished_run / "evaluation.json").read_text())  # without counts
    for name in ("loss", "bits_per_byte"):
        assert network[name] == pytest.approx(alone[name], abs=1e-4)
        assert counts[name] < alone[name]
        assert found[name] not in (network[name], counts[name])
    assert "parts" not in alone
    assert found["baselines"] == alone["baselines"]
    assert command("report", mixed).returncode == 0
    report = (mixed / "report.html").read_text(encoding="utf-8")
    assert f"mixed with counts of {ORDER}-grams" in report
