"""`textgen run` as a person meets it: the run directory, stdout, stderr, and the JSON."""

import json
import re
import tomllib

import pytest
import typer
from cli.commands import TINY, run_lines
from cli.in_process import run_here
from pages import DOCS

from textgen_core.cli import app
from textgen_core.config.settings import ARGUMENTS, help_of
from textgen_core.registry.registry import KINDS
from textgen_core.runs.files import read_rows

FILES = {
    "run.toml",
    "manifest.json",
    "analysis.json",
    "tokenizer.json",
    "checkpoints",
    "best.json",
    "metrics.jsonl",
    "samples.jsonl",
    "evaluation.json",
    "report.html",
}
ESCAPE = "\x1b"
LEADING = re.compile(r"[ \d]*([A-Za-z'-]+(?: [A-Za-z'-]+)?)")  # the words that begin a line


@pytest.fixture(scope="module")
def results(corpus):
    """A plain run, one with --json, and what can be done with them."""
    name = corpus.name
    lines = {
        "plain": ["run", name, *TINY, "--out", "plain"],
        "json": ["run", name, *TINY, "--out", "json", "--json"],
        "from stdin": ["run", "-", *TINY, "--out", "piped"],
        "planned": ["run", name, *TINY, "--dry-run"],
        "planned json": ["run", name, *TINY, "--dry-run", "--json"],
        "further": ["resume", "json", "--epochs", "1", "--json"],
        "report": ["report", "plain"],
        "report json": ["report", "plain", "--json"],
    }
    return dict(zip(lines, run_lines(list(lines.values()), corpus.parent), strict=True))


@pytest.fixture(scope="module")
def variants(corpus):
    """A quiet run, one without a test split, and one of some seconds."""
    name = corpus.name
    in_minutes = ["--minutes" if each == "--epochs" else each for each in TINY]
    in_minutes[in_minutes.index("--minutes") + 1] = "0.03"
    lines = {
        "quiet": ["run", name, *TINY, "--out", "quiet", "--quiet"],
        "no test split": ["run", name, *TINY, "--split", "90,10,0", "--json"],
        "minutes": ["run", name, *in_minutes, "--split", "100,0,0", "--out", "timed", "--json"],
        "newest": ["generate", "--json"],
    }
    return dict(zip(lines, run_lines(list(lines.values()), corpus.parent), strict=True))


@pytest.fixture(scope="module")
def folder(corpus):
    return corpus.parent


def only_json(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)  # refuses anything before or after one value


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


# ---- the run directory ------------------------------------------------------------------------


def assert_whole(run):
    """Assert that a run directory holds the files of the format and no others."""
    assert {each.name for each in run.iterdir()} == FILES
    checkpoints = sorted((run / "checkpoints").iterdir())
    assert 1 <= len(checkpoints) <= 4
    for checkpoint in checkpoints:
        assert re.fullmatch(r"step-\d{8}", checkpoint.name)
        assert {each.name for each in checkpoint.iterdir()} == {
            "weights.safetensors",
            "optimizer.safetensors",
            "state.json",
        }


@pytest.mark.parametrize("name", ["plain", "json"])
def test_a_run_directory_holds_the_files_of_the_format_and_no_others(results, folder, name):
    assert results[name].returncode == 0, results[name].stderr
    assert_whole(folder / name)


def test_a_quiet_run_leaves_the_same_files(variants, folder):
    assert variants["quiet"].returncode == 0, variants["quiet"].stderr
    assert_whole(folder / "quiet")


def test_the_json_files_have_the_keys_of_the_format(results, folder):
    run = folder / "json"
    evaluation = load(run / "evaluation.json")
    assert set(evaluation) >= {
        "split",
        "tokens",
        "bytes",
        "unknown_tokens",
        "loss",
        "perplexity",
        "bits_per_byte",
        "metrics",
        "baselines",
        "diagnosis",
    }
    best = load(run / "best.json")
    assert (run / "checkpoints" / best["checkpoint"]).is_dir()
    assert isinstance(best["validation_loss"], float)
    manifest = load(run / "manifest.json")
    assert set(manifest) >= {"versions", "components", "corpus", "seed", "machine"}
    (source,) = manifest["corpus"]
    assert source["path"] == str(folder / "text.txt")
    assert source["bytes"] == (folder / "text.txt").stat().st_size
    kinds = {each["kind"]: each for each in manifest["components"]}
    assert kinds["model"]["name"] == "lstm"
    assert kinds["model"]["distribution"] == "textgen-core"


def test_the_rows_of_the_logs_have_the_keys_of_the_format(results, folder):
    rows = list(read_rows(folder / "plain" / "metrics.jsonl"))
    training = [set(row) for row in rows if "loss" in row]
    validation = [set(row) for row in rows if "validation_loss" in row]
    assert len(training) + len(validation) == len(rows)
    assert all(
        keys
        == {
            "step",
            "epoch",
            "tokens",
            "seconds",
            "loss",
            "learning_rate",
            "tokens_per_second",
            "gradient_norm",
        }
        for keys in training
    )
    assert all(
        keys
        == {
            "step",
            "validation_loss",
            "validation_perplexity",
            "validation_bits_per_byte",
        }
        for keys in validation
    )
    samples = list(read_rows(folder / "plain" / "samples.jsonl"))
    assert all(set(row) == {"step", "prompt", "seed", "samplers", "text"} for row in samples)


def test_the_same_command_makes_the_same_run(results, variants, folder):
    def without_clock(name):
        rows = read_rows(folder / name / "metrics.jsonl")
        clock = ("seconds", "tokens_per_second")
        return [{key: row[key] for key in row if key not in clock} for row in rows]

    assert without_clock("plain") == without_clock("quiet")
    files = ("evaluation.json", "samples.jsonl", "tokenizer.json", "run.toml", "best.json")
    for file in files:
        assert (folder / "plain" / file).read_bytes() == (folder / "quiet" / file).read_bytes()


def test_without_out_a_run_lies_under_runs_with_its_time_and_model(variants, folder):
    path = only_json(variants["no test split"])["run"]
    assert re.fullmatch(r"runs/\d{4}-\d\d-\d\d-\d{6}-lstm", path)
    assert (folder / path / "report.html").is_file()


def test_a_run_that_is_not_named_is_the_newest_under_runs(variants):
    assert len(only_json(variants["newest"])["samples"]) == 1


# ---- stdout and stderr ------------------------------------------------------------------------


def test_findings_go_to_stdout_and_progress_to_stderr(results):
    out, error = results["plain"].stdout, results["plain"].stderr
    for phase in ("1 Analyse", "2 Prepare", "3 Build", "4 Train", "5 Generate and evaluate"):
        assert phase in out
    assert "bits per byte" in out
    assert "Writing to plain" in error
    assert "validation" in error
    assert "validation " not in out.partition("4 Train")[2].partition("5 Generate")[0]
    assert ESCAPE not in out + error


def test_the_expected_time_is_told_before_training(results):
    heading, _, train = results["plain"].stdout.partition("4 Train")[2].partition("\n")
    assert heading == ": the model learns to predict the next token"
    assert re.match(r" +about \d+ s, until \d\d:\d\d: \d+ steps", train)


def test_a_run_ends_with_the_exact_commands_that_go_on(results, folder):
    report, write, further = results["plain"].stdout.rstrip().splitlines()[-3:]
    assert (folder / report.rpartition(" ")[2]).is_file()
    assert write.endswith(" textgen generate plain")
    assert further.endswith(" textgen resume plain --minutes 3")


def test_texts_stand_behind_a_bar_before_the_figures(results):
    end = results["plain"].stdout.partition("5 Generate")[2]
    samples, _, figures = end.partition("bits per byte")
    assert samples.count("\n  sample ") == 2
    assert "  │ " in samples
    assert "this model" in figures
    assert "  │ " in results["plain"].stderr  # while it trains


@pytest.mark.parametrize("course", [DOCS / "course", DOCS / "course" / "es"], ids=["en", "es"])
def test_no_line_of_a_run_is_of_a_kind_that_the_course_does_not_tell_of(course, results):
    pages = " ".join(page.read_text("utf-8") for page in course.glob("*.md"))
    figures, perplexity, end = results["plain"].stdout.partition("\n  perplexity ")
    end = end[end.index("Read the report") :]  # between them the diagnosis: `troubles.md` has it
    lines = [*(figures + perplexity).splitlines(), *end.splitlines()]
    lines += results["plain"].stderr.splitlines()
    kinds = {LEADING.match(line)[1] for line in lines if line.strip() and "│" not in line}
    assert {"validation", "frequent words", "guessing among", "lstm", "this model"} <= kinds
    assert {"Note", "Writing to", "step", "uniform", "perplexity", "Write more"} <= kinds
    assert not {kind for kind in kinds if kind not in pages}


def test_json_is_exactly_one_value_with_all_that_was_found(results, folder):
    value = only_json(results["json"])
    assert value["run"] == "json"
    assert value["evaluation"]["split"] == "test"
    assert len(value["samples"]) == 2
    assert (folder / value["report"]).is_file()
    assert any("characters are very little" in text for text in value["warnings"])
    assert "5 Generate and evaluate" in results["json"].stderr


def test_quiet_leaves_the_text_and_the_commands(variants):
    out, error = variants["quiet"].stdout, variants["quiet"].stderr
    assert "1 Analyse" not in out + error
    assert "validation" not in error
    assert "textgen generate quiet" in out


def test_tensorflows_chatter_stays_away(results):
    for result in results.values():
        assert "cuda" not in result.stderr.lower()
        assert "oneDNN" not in result.stderr


def test_tensorflows_chatter_stays_away_from_other_runs_too(variants):
    test_tensorflows_chatter_stays_away(variants)


def test_stdin_that_is_empty_is_an_empty_corpus(results):
    assert results["from stdin"].returncode == 3
    assert "Error" in results["from stdin"].stderr


# ---- what else a run may be -------------------------------------------------------------------


def test_without_a_test_split_validation_is_scored_and_says_so(variants):
    assert only_json(variants["no test split"])["evaluation"]["split"] == "validation"


def test_without_any_held_out_text_a_run_is_not_scored_and_says_so(variants):
    value = only_json(variants["minutes"])
    assert value["evaluation"] is None
    assert any("held out" in text for text in value["warnings"])


def test_minutes_end_on_time(variants, folder):
    only_json(variants["minutes"])
    newest = sorted((folder / "timed" / "checkpoints").iterdir())[-1]
    assert load(newest / "state.json")["seconds"] > 1.4  # of 1.8
    run = (folder / "timed" / "run.toml").read_text()
    assert "minutes = 0.03" in run
    assert "epochs" not in run


def test_a_finished_run_can_be_trained_further(results, folder):
    value = only_json(results["further"])
    rows = [row for row in read_rows(folder / "json" / "metrics.jsonl") if "loss" in row]
    assert rows[-1]["epoch"] == 2
    assert value["run"].endswith("json")


def test_the_report_can_be_written_again(results, folder):
    assert results["report"].stdout.strip() == "plain/report.html"
    assert only_json(results["report json"]) == {"report": "plain/report.html"}


def test_a_dry_run_shows_the_configuration_and_writes_nothing(
    monkeypatch, capsys, tmp_path, corpus
):
    monkeypatch.chdir(tmp_path)
    dry_run = ["run", str(corpus), *TINY, "--dry-run", "--quiet"]
    result = run_here(monkeypatch, capsys, *dry_run, "--out", "dry")
    assert result.returncode == 0, result.stderr
    assert tomllib.loads(result.stdout)["model"]["units"] == [8]
    assert "Nothing was written" in result.stderr
    assert list(tmp_path.iterdir()) == []
    value = json.loads(run_here(monkeypatch, capsys, *dry_run, "--json").stdout)
    assert value["configuration"]["training"]["epochs"] == 1
    assert value["estimate"] is None


def test_a_dry_run_tells_what_the_run_takes_and_leaves_none(results, folder):
    assert results["planned"].returncode == 0, results["planned"].stderr
    told = results["planned"].stdout
    assert tomllib.loads(told)["model"]["units"] == [8]  # the estimate is a comment
    estimate = only_json(results["planned json"])["estimate"]
    manifest = load(folder / "json" / "manifest.json")
    last = [row for row in read_rows(folder / "plain" / "metrics.jsonl") if "loss" in row][-1]
    assert estimate["steps"] == last["step"]
    assert estimate["passes"] == 1.0
    assert estimate["parameters"] == manifest["model"]["parameters"]
    assert estimate["memory_bytes"] == manifest["model"]["memory_bytes"]
    assert 0.3 < estimate["disk_bytes"] / size_of(folder / "plain" / "checkpoints") < 3
    assert told.startswith(f"# Training: about {estimate['steps']:,} steps in ")
    assert f"lstm, {estimate['parameters']:,} parameters" in told
    assert "Nothing was written but to the cache" in results["planned"].stderr


def size_of(tree):
    return sum(each.stat().st_size for each in tree.rglob("*") if each.is_file())


@pytest.mark.parametrize("argument", sorted({*ARGUMENTS} - {"corpus"}))
def test_every_argument_that_is_a_setting_is_a_flag_with_its_help(argument):
    command = typer.main.get_command(app).commands["run"]
    (flag,) = [each for each in command.params if each.name == argument]
    assert f"--{argument.replace('_', '-')}" in flag.opts
    if argument not in KINDS:
        assert flag.help.lower().rstrip(".") == help_of(argument).lower()


def test_a_pipe_that_nobody_reads_is_warned_about(textgen_command, corpus):
    result = textgen_command("run", corpus, *TINY, "--dry-run", "--quiet", stdin="lost")
    assert "stdin is a pipe, and is not read" in result.stderr


def test_the_corpus_can_come_from_stdin(textgen_command):
    planned = ["run", "-", *TINY, "--dry-run", "--quiet", "--json"]
    result = textgen_command(*planned, stdin="once upon a time")
    assert json.loads(result.stdout)["characters"] == 16
