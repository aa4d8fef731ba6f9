"""A network that is trained beside counts: what its run keeps, says, scores and goes on with."""

import json
import shutil
from pathlib import Path

import pytest
from cli.commands import TINY
from cli.in_process import run_here
from training.resuming import write_corpus

from textgen_core.cli import main
from textgen_core.counts.files import load_counts
from textgen_core.data.tokenizer import load_tokenizer
from textgen_core.pipeline import preparing
from textgen_core.runs.tensors import hash_file

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


def test_the_network_learns_what_the_counts_leave(finished):
    """What is scored is the mixture: it is near the counts at first, and then below them."""
    evaluation = json.loads((finished / "evaluation.json").read_text())
    counts = evaluation["parts"]["counts"]["loss"]
    first, *_, last = rows_of(finished, "validation_loss")
    assert first < counts + 0.2
    assert last < counts - 0.1
    assert evaluation["loss"] < counts - 0.1
    assert rows_of(finished, "loss")[0] < counts + 0.2


def test_a_run_goes_on_beside_its_own_counts(copied, command):
    kept = (copied / "counts.safetensors").read_bytes()
    before = rows_of(copied, "validation_loss")
    done = command("resume", copied, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    after = rows_of(copied, "validation_loss")[len(before) :]
    assert max(after) < before[0]
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


def test_what_does_not_fit_says_that_counts_take_memory_and_leaves_nothing(
    command, corpus, tmp_path, monkeypatch
):
    monkeypatch.setattr(preparing, "available_memory", lambda: 1000)
    done = command("run", corpus, *TRAINING, "--out", tmp_path / "run")
    assert "counts: " in done.stdout
    assert done.returncode
    assert "--set training.counts=0" in done.stderr
    assert not (tmp_path / "run").exists()
