"""Whatever a person gets wrong: an exit code, three lines at most, and never a traceback."""

import shutil

import pytest
from cli.commands import TINY, run_lines
from cli.in_process import refuse_tensorflow, run_here

LINES = 3


def assert_told(result, code, *words):
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    message = result.stderr[result.stderr.index("Error: ") :]
    assert len(message.rstrip("\n").splitlines()) <= LINES, message
    for word in words:
        assert word in message


@pytest.fixture
def command(monkeypatch, capsys, here):
    """Return a function that runs the command in this process, without TensorFlow."""
    monkeypatch.chdir(here)
    monkeypatch.setenv("TEXTGEN_CACHE", str(here.parent / "cache"))
    refuse_tensorflow(monkeypatch)
    return lambda *arguments: run_here(monkeypatch, capsys, *arguments)


@pytest.fixture
def here(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "text.txt").write_text("once upon a time there was a miller. " * 20)
    (folder / "empty.txt").write_text("")
    (folder / "blank.txt").write_text(" \n\n\t\n")
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 4)
    (folder / "bad.toml").write_text("[training\nepochs = 3")
    (folder / "wrong.toml").write_text("[training]\nepoch = 3\n[model]\nunits = 3\n")
    taken = folder / "taken"
    taken.mkdir()
    (taken / "letter.txt").write_text("mine")
    return folder


BEFORE_TENSORFLOW = {
    "missing corpus": (["missing.txt"], 3, ["missing.txt"]),
    "empty corpus": (["empty.txt"], 3, ["empty.txt", "empty"]),
    "blank corpus": (["blank.txt"], 3, ["blank"]),
    "not a text": (["binary.txt"], 3, ["binary.txt"]),
    "missing validation text": (["text.txt", "--validation", "no.txt"], 3, ["no.txt"]),
    "unknown component": (["text.txt", "--model", "lstn"], 2, ["lstn", "Did you mean 'lstm'"]),
    "bad option": (["text.txt", "--sampler", "nucleus:p=1.5"], 2, ["p", "1.5", "at most 1"]),
    "unknown option": (["text.txt", "--model", "lstm:unit=3"], 2, ["unit", "units"]),
    "no spec": (["text.txt", "--model", ""], 2, []),
    "unwritable out, under a file": (["text.txt", "--out", "text.txt/run"], 4, ["text.txt"]),
    "existing directory": (["text.txt", "--out", "taken"], 4, ["taken", "not empty"]),
    "both clocks": (["text.txt", "--epochs", "1", "--minutes", "1"], 2, ["epochs and minutes"]),
    "unknown flag": (["text.txt", "--epoch", "1"], 2, ["--epoch"]),
    "unknown recipe": (["text.txt", "--recipe", "clasic"], 2, ["clasic", "classic"]),
    "set without a value": (["text.txt", "--set", "training.epochs"], 2, ["training.epochs"]),
    "set of no section": (["text.txt", "--set", "traning.epochs=3"], 2, ["traning"]),
    "set of no setting": (["text.txt", "--set", "training.epoch=3"], 2, ["epoch"]),
    "set to a wrong value": (["text.txt", "--set", "training.epochs=many"], 2, ["many"]),
    "no epochs": (["text.txt", "--epochs", "0"], 2, ["'0'", "at least 1"]),
    "infinite rate": (["text.txt", "--learning-rate", "inf"], 2, ["inf"]),
    "split that adds up to 90": (["text.txt", "--split", "80,10,0"], 2, ["90"]),
    "bad TOML": (["text.txt", "--config", "bad.toml"], 2, ["bad.toml"]),
    "missing TOML": (["text.txt", "--config", "none.toml"], 2, ["none.toml"]),
}


@pytest.mark.parametrize("case", BEFORE_TENSORFLOW)
def test_a_mistake_is_told_at_once(case, command, here):
    arguments, code, words = BEFORE_TENSORFLOW[case]
    before = sorted(here.rglob("*"))
    result = command("run", *arguments)
    assert_told(result, code, *words)
    assert result.stdout == ""
    assert sorted(here.rglob("*")) == before


def test_a_mistake_is_told_in_a_process_of_its_own_too(textgen_command, here):
    result = textgen_command("run", "missing.txt", env={"TF_CPP_MIN_LOG_LEVEL": "0"})
    assert_told(result, 3, "missing.txt")
    assert result.stdout == ""
    assert "oneDNN" not in result.stderr  # TensorFlow was not imported


def test_several_mistakes_are_told_at_once_with_a_line_for_each(command):
    result = command(
        "run", "text.txt", "--config", "wrong.toml", "--model", "lstm:units=0,dropout=2"
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    for word in ("epoch", "units", "dropout"):
        assert word in result.stderr


def test_a_mistake_in_a_list_of_corpora_names_the_file(command):
    assert_told(command("run", "text.txt", "gone.txt"), 3, "gone.txt")


@pytest.mark.parametrize("name", ["generate", "resume", "evaluate", "report"])
def test_a_run_that_is_not_there_is_told_at_once(name, command):
    assert_told(command(name), 4, "no run under runs/", "textgen run")
    assert_told(command(name, "nowhere"), 4, "nowhere")
    assert_told(command(name, "taken"), 4, "run.toml")


def test_an_exit_code_is_the_same_with_the_whole_trace(command):
    result = command("run", "missing.txt", "--debug")
    assert result.returncode == 3
    assert "Traceback" in result.stderr
    assert "There is no file missing.txt" in result.stderr


# ---- what shows only once TensorFlow is there -----------------------------------------------


def damage(name, content):
    def change(run):
        for path in run.rglob(name):
            path.write_bytes(content(path.read_bytes()))

    return change


def remove(name):
    def change(run):
        for path in sorted(run.rglob(name), reverse=True):
            path.unlink()

    return change


def without_checkpoints(run):
    shutil.rmtree(run / "checkpoints")


BROKEN = {
    "no-configuration": (remove("run.toml"), "run.toml"),
    "garbage-configuration": (damage("run.toml", lambda _: b"\xff\x00"), "run.toml"),
    "garbage-manifest": (damage("manifest.json", lambda _: b"{"), "manifest.json"),
    "listed-manifest": (damage("manifest.json", lambda _: b"[]"), "manifest.json"),
    "garbage-weights": (damage("weights.safetensors", lambda _: b"x" * 99), "weights"),
    "truncated-weights": (damage("weights.safetensors", lambda old: old[:-9]), "weights"),
    "no-weights": (remove("weights.safetensors"), "weights"),
    "no-checkpoint": (without_checkpoints, "checkpoint"),
    "garbage-tokenizer": (damage("tokenizer.json", lambda _: b"{}"), "tokenizer.json"),
    "no-tokenizer": (remove("tokenizer.json"), "tokenizer.json"),
    "garbage-best": (damage("best.json", lambda _: b"]"), "best.json"),
}
BROKEN_FOR_RESUME = {
    "no-optimizer": (remove("optimizer.safetensors"), "optimizer"),
    "truncated-optimizer": (damage("optimizer.safetensors", lambda old: old[:-9]), "optimizer"),
    "garbage-state": (damage("state.json", lambda _: b'{"step": "x"}'), "state.json"),
    "resumed-manifest": (remove("manifest.json"), "manifest.json"),
}


@pytest.fixture(scope="module")
def results(copied, corpus):
    """Every command line of this file that needs TensorFlow, run in one process."""
    folder = corpus.parent
    lines = {name: ["generate", copied(name, change)] for name, (change, _) in BROKEN.items()}
    for name, (change, _) in BROKEN_FOR_RESUME.items():
        lines[name] = ["resume", copied(name, change), "--epochs", "1"]
    (folder / "short.txt").write_text("too short")
    lines["short corpus"] = ["run", "short.txt", *TINY, "--out", "short"]
    lines["short corpus for streams"] = [
        *("run", "short.txt", *TINY, "--set", "data.batching=stream", "--out", "short"),
    ]
    lines["nowhere to write"] = ["run", corpus, *TINY, "--out", "/proc/nowhere"]
    lines["diverging"] = [
        *("run", corpus, *TINY, "--learning-rate", "1e6", "--out", "diverged"),
        *("--set", "training.optimizer=sgd", "--set", "training.clip_norm=none"),
    ]
    lines["finished"] = ["resume", copied("again")]
    lines["more of both"] = ["resume", copied("both"), "--epochs", "1", "--minutes", "1"]
    lines["no more"] = ["resume", copied("none"), "--epochs", "0"]
    lines["no such sampler"] = ["generate", copied("sampled"), "--sampler", "nucles"]
    lines["missing text"] = ["evaluate", copied("scored"), "--text", "gone.txt"]
    lines["float16"] = [
        *("run", corpus, *TINY, "--set", "training.precision=float16", "--out", "half"),
    ]
    lines["a whole run of what was short"] = [
        *("run", corpus, *TINY, "--out", "short", "--json"),
    ]
    lines["changed corpus, resumed"] = ["resume", copied("changed"), "--epochs", "1"]
    lines["changed corpus, scored"] = ["evaluate", folder / "changed"]
    found = run_lines(list(lines.values())[:-2], folder)
    text = corpus.read_text()
    corpus.write_text(text + "And then it rained.\n")
    found += run_lines(list(lines.values())[-2:], folder)
    corpus.write_text(text)
    return dict(zip(lines, found, strict=True))


@pytest.mark.parametrize("name", [*BROKEN, *BROKEN_FOR_RESUME])
def test_a_broken_run_directory_is_told_as_one(name, results):
    word = {**BROKEN, **BROKEN_FOR_RESUME}[name][1]
    assert_told(results[name], 4, word)
    assert name in BROKEN_FOR_RESUME or results[name].stdout == ""


@pytest.mark.parametrize("name", ["short corpus", "short corpus for streams"])
def test_a_corpus_shorter_than_a_window_is_told_with_what_would_fit(name, results):
    assert_told(results[name], 3, "data.sequence_length")


def test_a_run_that_could_not_begin_does_not_stand_in_the_way_of_the_next(results):
    result = results["a whole run of what was short"]
    assert result.returncode == 0, result.stderr


def test_a_directory_that_cannot_be_made_is_told(results):
    assert_told(results["nowhere to write"], 4, "/proc/nowhere", "--out")


def test_a_run_that_diverges_names_the_cause_and_the_next_step(results, corpus):
    result = results["diverging"]
    assert_told(result, 1, "1e+06 is too high", "--learning-rate")
    kept = sorted((corpus.parent / "diverged" / "checkpoints").glob("step-*"))
    assert ("is kept" in result.stderr) == bool(kept)


def test_a_finished_run_is_not_resumed_unless_more_is_requested(results):
    assert_told(results["finished"], 2, "is finished", "--epochs")
    assert_told(results["more of both"], 2, "Both epochs and minutes")
    assert_told(results["no more"], 2, "positive")


def test_a_changed_corpus_stops_resuming_and_scoring(results, corpus):
    for name in ("changed corpus, resumed", "changed corpus, scored"):
        assert_told(results[name], 4, str(corpus), "SHA-256")


def test_what_a_command_cannot_use_is_told(results):
    assert_told(results["no such sampler"], 2, "nucles", "Did you mean 'nucleus'")
    assert_told(results["missing text"], 3, "gone.txt")
    assert_told(results["float16"], 2, "float16")
