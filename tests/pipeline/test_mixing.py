"""A network that is mixed with counts: what its run keeps, says, scores and goes on with."""

import json
import random
import shutil
from pathlib import Path

import attrs
import pytest
from cli.commands import TINY
from cli.in_process import run_here
from training.resuming import write_corpus

from textgen_core.cli import main
from textgen_core.counts.counting import count
from textgen_core.counts.files import load_counts
from textgen_core.data.reader import MixtureWeights
from textgen_core.data.tokenizer import load_tokenizer
from textgen_core.pipeline.assembly import load_language_model, make_scorer
from textgen_core.pipeline.mixing import with_counts
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.preparing import prepare
from textgen_core.pipeline.run_texts import find_texts
from textgen_core.registry import discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.manifest import load_configuration
from textgen_core.runs.tensors import hash_file
from textgen_core.runs.weights import best_step

ORDER = 2  # which leaves a network something to learn
TRAINING = (*TINY, "--epochs", "3", "--learning-rate", "0.02", "--set", f"training.counts={ORDER}")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "text.txt", 8000)


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    """The directory of a run by the command."""
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr("sys.argv", ["textgen", "run", str(corpus), *TRAINING, "--out", str(out)])
        main()
    assert not left.value.code
    return out


@pytest.fixture
def copied(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def command(monkeypatch, capsys):
    return lambda *arguments: run_here(monkeypatch, capsys, *map(str, arguments))


def rows_of(run, key):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row[key] for row in rows if key in row]


def counts_of(run):
    vocabulary_size = load_tokenizer(run / "tokenizer.json").get_vocab_size()
    return load_counts(run / "counts.safetensors", vocabulary_size)


def test_a_run_keeps_its_counts_and_their_hash(finished):
    assert counts_of(finished).order == ORDER
    manifest = json.loads((finished / "manifest.json").read_text())
    hashes = manifest["sha256"]
    assert hashes["counts.safetensors"] == hash_file(finished / "counts.safetensors")
    assert manifest["settings"]["training.counts"] == ORDER


def test_the_mixture_is_better_than_both_of_its_parts(finished):
    """What is scored is the mixture, with the weights that were fitted."""
    evaluation = json.loads((finished / "evaluation.json").read_text())
    parts = evaluation["parts"]
    assert evaluation["loss"] < min(parts["counts"]["loss"], parts["network"]["loss"])
    weights = json.loads((finished / "mixture.json").read_text())
    assert set(weights) == {"network", "counts"}
    assert weights != {"network": 0.5, "counts": 0.5}


def test_the_weights_are_those_of_least_loss_on_text_that_neither_part_has_learned_from(finished):
    directory = RunDirectory(finished)
    configuration, _ = load_configuration(directory, discover())
    model = load_language_model(directory, configuration, best_step(directory))
    texts = find_texts(directory, configuration, Places(), "evaluate")
    prepared = with_counts(prepare(texts, configuration, model.tokenizer), configuration)
    token_ids, kept = prepared.token_files["train"].token_ids, len(prepared.kept_out)
    assert kept == len(token_ids) * 4 // 100
    counts = count(token_ids[:-kept], model.vocabulary_size, ORDER)
    at = model.counts.weights

    def loss_at(network, of_counts):
        scorer = make_scorer(configuration, attrs.evolve(model, counts=counts))
        weights = MixtureWeights(network=network, counts=of_counts)
        return scorer.curve(prepared.kept_out)(weights).loss

    fitted = loss_at(at.network, at.counts)
    assert fitted <= loss_at(0.5, 0.5)
    for network, of_counts in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.4)):
        assert fitted < loss_at(at.network + network, at.counts + of_counts)


def test_a_run_goes_on_beside_its_own_counts(copied, command):
    kept = (copied / "counts.safetensors").read_bytes()
    before = rows_of(copied, "validation_loss")
    (copied / "mixture.json").write_text('{"network": 0, "counts": 0}')
    done = command("resume", copied, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    after = rows_of(copied, "validation_loss")[len(before) :]
    assert after
    assert abs(after[0] - before[-1]) < 0.1  # evenly mixed again; by the file's weights: a guess
    assert (copied / "counts.safetensors").read_bytes() == kept


def test_a_run_without_its_counts_does_not_go_on(copied, command):
    (copied / "counts.safetensors").unlink()
    done = command("resume", copied, "--epochs", 1)
    assert done.returncode
    assert "counts.safetensors" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3


@pytest.mark.parametrize("value", ["-1", "13", "many", "2.5"])
def test_a_number_that_counts_cannot_have_is_told_with_what_is_allowed(value, command, corpus):
    done = command("run", corpus, *TINY, "--set", f"training.counts={value}")
    assert done.returncode
    assert "counts" in done.stderr
    assert value in done.stderr
    assert "12" in done.stderr or "int" in done.stderr


@pytest.mark.parametrize("damage", ["[]", "{", '{"network": -1, "counts": 1}', '{"other": 1}'])
def test_damaged_weights_are_told_with_the_way_out(copied, command, damage):
    (copied / "mixture.json").write_text(damage)
    done = command("generate", copied)
    assert done.returncode == 4
    assert "mixture.json" in done.stderr
    assert "Traceback" not in done.stderr
    (copied / "mixture.json").unlink()
    assert command("generate", copied).returncode == 0


def test_a_text_of_a_few_words_is_mixed_evenly(command, tmp_path):
    (tmp_path / "text.txt").write_text("one two three four five six seven\n" * 3)
    out = tmp_path / "run"
    done = command("run", tmp_path / "text.txt", *TRAINING, "--split", "100,0,0", "--out", out)
    assert done.returncode == 0, done.stderr


def test_more_epochs_are_added_to_those_that_were_trained(command, tmp_path):
    """Without the text that is kept out an epoch is a batch here, and with it two."""
    corpus = write_corpus(tmp_path / "text.txt", 1000)
    out = tmp_path / "run"
    assert command("run", corpus, *TRAINING, "--batch-size", 48, "--out", out).returncode == 0
    before = max(rows_of(out, "step"))
    done = command("resume", out, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    assert max(rows_of(out, "step")) == before + 1


def test_counts_that_only_copy_are_left_out_of_the_mixture(command, tmp_path):
    """What ends the training text it had before: counts know all of it, and nothing else."""
    draw = random.Random(3)
    text = "".join(draw.choices("abcdefgh", k=4000))
    (tmp_path / "text.txt").write_text(text[:3000] + text[1000:1200] + text[3200:])
    out = tmp_path / "run"
    options = ("--set", "training.counts=6", "--verbose", "--out", out)
    done = command("run", tmp_path / "text.txt", *TRAINING, *options)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "mixture.json").read_text()) == {"network": 1.0, "counts": 0.0}
    assert "lose on the validation text" in " ".join(done.stdout.split())


def test_a_network_that_learned_nothing_is_left_out_of_the_mixture(command, tmp_path):
    words = ("mill", "wheel", "turns", "water", "slow", "under", "stone", "bridge", "night")
    draw = random.Random(5)
    lines = [" ".join(draw.choices(words[:3], k=4) + draw.choices(words, k=2)) for _ in range(90)]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    out = tmp_path / "run"
    options = ("--set", "training.counts=4", "--learning-rate", "1e-9", "--out", out)
    done = command("run", tmp_path / "text.txt", *TRAINING, *options)
    assert done.returncode == 0, done.stderr
    weights = json.loads((out / "mixture.json").read_text())
    assert weights == {"network": 0.0, "counts": 1.0}
    scored = json.loads((out / "evaluation.json").read_text())
    assert scored["loss"] == pytest.approx(scored["parts"]["counts"]["loss"], abs=1e-5)
