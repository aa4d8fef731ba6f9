"""`textgen generate`, `evaluate`, `analyze` and `recipes` as a person meets them."""

import json

import pytest
from cli.commands import run_lines
from cli.in_process import run_here

from textgen_core.generation.trace import load_trace

KEYS = {
    "prompt",
    "seed",
    "samplers",
    "samples",
    "tokens_per_second",
    "compile_seconds",
    "seconds_to_first_token",
}


@pytest.fixture(scope="module")
def results(finished_run, corpus):
    folder, run = corpus.parent, finished_run
    (folder / "other.txt").write_text("water under the bridge at night")
    lines = {
        "plain": ["generate", run, "--prompt", "the "],
        "whole": ["generate", run, "--prompt", "the ", "--no-stream"],
        "several": ["generate", run, "--prompt", "the ", "--samples", "3"],
        "json": ["generate", run, "--prompt", "the ", "--json", "--samples", "2"],
        "again": ["generate", run, "--prompt", "the ", "--json", "--samples", "2"],
        "seed": ["generate", run, "--prompt", "the ", "--json", "--samples", "2", "--seed", "9"],
        "greedy": ["generate", run, "--json", "--sampler", "greedy", "--max-new-tokens", "3"],
        "chain": [
            *("generate", run, "--json", "--sampler", "temperature:0.5", "--sampler", "top-k:3"),
        ],
        "stop": ["generate", run, "--json", "--max-new-tokens", "60", "--stop", "e"],
        "unknown": ["generate", run, "--prompt", "the Ж", "--json"],
        "trace": [
            *("generate", run, "--prompt", "the ", "--json", "--trace", "trace.json"),
        ],
        "broken prompt": ["generate", run, "--prompt", "the \udcff", "--max-new-tokens", "3"],
        "trace is a folder": ["generate", run, "--trace", "."],
        "run without a text": ["score", run],
        "no folder": ["generate", run, "--trace", "missing/trace.json"],
        "sweep": ["generate", run, "--prompt", "the ", "--sweep", "temperature:0.5,1.5"],
        "sweep json": [
            *("generate", run, "--prompt", "the ", "--json", "--samples", "2"),
            *("--sampler", "top-k:5", "--sweep", "temperature:0.5..1.5/3"),
            *("--runtime", "tensorflow"),  # which compiles
        ],
        "sweep of nothing": ["generate", run, "--sweep", "temperature:0.5"],
        "sweep and trace": ["generate", run, "--sweep", "top-k:1,2", "--trace", "trace.json"],
        "surprise": ["score", run, "other.txt"],
        "surprise json": ["score", run, "other.txt", "--json"],
        "no such text": ["score", run, "missing.txt"],
        "too many": ["score", run, "other.txt", "other.txt"],
        "score": ["evaluate", run],
        "score json": ["evaluate", run, "--json"],
        "other": ["evaluate", run, "--text", "other.txt", "--json"],
        "cp1252": ["evaluate", run, "--text", "cp1252.txt", "--json"],
        "one letter": ["evaluate", run, "--text", "letter.txt", "--json"],
        "empty": ["evaluate", run, "--text", "empty.txt"],
        "binary": ["evaluate", run, "--text", "binary.txt"],
        "folder": ["evaluate", run, "--text", "missing/"],
        "page": ["evaluate", run, "--text", "page.html"],
        "records": ["evaluate", run, "--text", "chat.jsonl"],
        "sheet": ["evaluate", run, "--review", "sheet.csv", "--json"],
        "unrated": ["evaluate", "--review", "sheet.csv"],
        "no sheet": ["evaluate", "--review", "binary.txt"],
        "both": ["evaluate", run, "--review", "new.csv", "--text", "other.txt"],
    }
    (folder / "cp1252.txt").write_bytes(
        "Caf\xe9 near the mill, \x93so slow\x94. ".encode("latin-1") * 9
    )
    (folder / "letter.txt").write_text("w")
    (folder / "page.html").write_text("<html><p>the water</p></html>")
    (folder / "chat.jsonl").write_text('{"from": "Ann", "text": "the water"}\n')
    (folder / "empty.txt").write_text("")
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 4)
    return dict(zip(lines, run_lines(list(lines.values()), folder), strict=True))


def value_of(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_text_goes_to_stdout_and_nothing_else_does(results):
    for name in ("plain", "whole"):
        result = results[name]
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("the ")
    assert results["plain"].stdout == results["whole"].stdout
    assert results["whole"].stderr == ""
    # The first command makes the run's programs, for which the run was made in another cache.
    [waiting] = results["plain"].stderr.splitlines()
    assert waiting.startswith("Converting the model, once")


def test_the_json_has_the_keys_of_the_format(results):
    value = value_of(results["json"])
    assert set(value) == KEYS
    assert value["prompt"] == "the "
    assert value["samplers"] == ["nucleus"]
    assert len(value["samples"]) == 2
    for sample in value["samples"]:
        assert set(sample) == {"text", "token_ids", "log_probabilities"}
        assert len(sample["token_ids"]) == len(sample["log_probabilities"]) <= 8
        assert all(each <= 0 for each in sample["log_probabilities"])
    assert value["tokens_per_second"] > 0


def test_a_seed_decides_the_text(results):
    first, again, other = (value_of(results[name]) for name in ("json", "again", "seed"))
    assert first["samples"] == again["samples"]
    assert first["samples"] != other["samples"]
    assert first["samples"][0] != first["samples"][1]
    assert other["seed"] == 9


def test_several_samples_are_told_apart(results):
    assert results["several"].stdout.count("-" * 8) == 2
    assert results["several"].stdout.count("the ") >= 3


def test_samplers_on_the_command_line_take_the_place_of_the_runs_own(results):
    assert value_of(results["greedy"])["samplers"] == ["greedy"]
    assert len(value_of(results["greedy"])["samples"][0]["token_ids"]) <= 3
    chain = value_of(results["chain"])["samplers"]
    assert [each.partition(":")[0] for each in chain] == ["temperature", "top-k"]


def test_a_text_stops_before_a_stop_text(results):
    assert "e" not in value_of(results["stop"])["samples"][0]["text"]


def test_what_the_tokenizer_has_never_seen_is_warned_about(results):
    assert "never seen" in results["unknown"].stderr
    assert "Ж" in results["unknown"].stderr
    assert value_of(results["unknown"])["prompt"] == "the Ж"


def test_a_trace_is_written_beside_the_text(results, corpus):
    value = value_of(results["trace"])
    trace = load_trace(corpus.parent / "trace.json")
    assert trace.samplers == tuple(value["samplers"])
    steps = trace.samples[0].steps
    assert [step.token_id for step in steps] == value["samples"][0]["token_ids"]
    assert all(len(step.alternatives) == 10 for step in steps)
    assert results["no folder"].returncode == 2
    assert "no folder missing" in results["no folder"].stderr


def test_a_sweep_shows_one_prompt_and_seed_at_several_settings(results):
    shown = results["sweep"].stdout
    assert "temperature:t=0.5" in shown
    assert "temperature:t=1.5" in shown
    value = value_of(results["sweep json"])
    chains = [setting["samplers"] for setting in value["settings"]]
    temperatures = ["temperature:t=0.5", "temperature:t=1.0", "temperature:t=1.5"]
    assert chains == [["top-k:k=5", each] for each in temperatures]
    assert all(len(setting["samples"]) == 2 for setting in value["settings"])
    assert [setting["compile_seconds"] > 0 for setting in value["settings"]] == [True, False, False]


def test_a_prompt_that_is_no_utf_8_is_written_on_from_with_a_warning(results):
    found = results["broken prompt"]
    assert found.returncode == 0
    assert found.stdout.startswith("the \ufffd")
    assert "Warning" in found.stderr


def test_a_trace_that_has_no_place_is_refused_before_anything_is_written(results):
    for name, words in [("no folder", "there is no folder"), ("trace is a folder", "a folder")]:
        assert results[name].returncode == 2
        assert words in results[name].stderr
        assert results[name].stdout == ""


def test_a_sweep_that_is_none_is_refused_before_anything_is_written(results):
    for name, words in [("sweep of nothing", "varies no option"), ("sweep and trace", "together")]:
        assert results[name].returncode == 2
        assert words in results[name].stderr
        assert results[name].stdout == ""


def test_a_text_is_scored_token_by_token(results):
    value = value_of(results["surprise json"])
    assert "".join(token["text"] for token in value["scored"]) == "water under the bridge at night"
    losses = [token["loss"] for token in value["scored"]]
    assert value["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-6)
    assert value["loss"] == pytest.approx(value_of(results["other"])["loss"], rel=1e-5)


def test_surprise_in_a_pipe_is_a_table_without_colours(results):
    lines = results["surprise"].stdout.splitlines()
    assert len(lines) == 31
    assert all(float(line.split("\t")[0]) >= 0 for line in lines)
    assert "\x1b" not in results["surprise"].stdout
    assert "bits per byte" in results["surprise"].stderr


def test_a_text_that_cannot_be_scored_is_a_clear_error(results):
    assert results["no such text"].returncode == 3
    assert "missing.txt" in results["no such text"].stderr
    assert results["too many"].returncode == 2
    assert results["run without a text"].returncode == 2
    assert "is a run" in results["run without a text"].stderr


def test_a_run_is_scored_on_its_test_split_as_when_it_was_trained(results, finished_run):
    value = value_of(results["score json"])
    assert value == json.loads((finished_run / "evaluation.json").read_text())
    assert "bits per byte" in results["score"].stdout


def test_a_run_is_scored_on_another_text_which_leaves_its_own_evaluation(results, finished_run):
    value = value_of(results["other"])
    assert value["split"] == "other.txt"
    assert value["bytes"] == 31
    assert json.loads((finished_run / "evaluation.json").read_text())["split"] == "test"


def test_a_corpus_is_analysed_without_tensorflow(
    textgen_command, monkeypatch, capsys, small_corpus
):
    result = textgen_command("analyze", small_corpus, env={"TF_CPP_MIN_LOG_LEVEL": "0"})
    assert result.returncode == 0
    assert "characters" in result.stdout
    assert "oneDNN" not in result.stderr
    value = json.loads(run_here(monkeypatch, capsys, "analyze", str(small_corpus), "--json").stdout)
    assert value["characters"] == len(small_corpus.read_text())


def test_the_recipes_are_listed(monkeypatch, capsys):
    assert "classic" in run_here(monkeypatch, capsys, "recipes").stdout
    listed = json.loads(run_here(monkeypatch, capsys, "recipes", "--json").stdout)
    names = [each["name"] for each in listed]
    assert {"first", "classic", "fast"} <= set(names)


def test_another_text_may_be_in_another_encoding_and_as_short_as_can_be(results):
    assert value_of(results["cp1252"])["split"] == "cp1252.txt"
    assert value_of(results["one letter"])["tokens"] == 1


@pytest.mark.parametrize("name", ["page", "records"])
def test_another_text_that_is_not_plain_is_told_what_helps_here(results, name):
    told = results[name].stderr
    assert results[name].returncode == 3, told
    assert "Save its text alone, as UTF-8, and score that." in told
    assert "--set" not in told


@pytest.mark.parametrize("name", ["empty", "binary", "folder"])
def test_what_is_no_text_is_told_in_three_lines_without_settings_that_the_command_lacks(
    results, name
):
    result = results[name]
    assert result.returncode == 3, result.stderr
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) <= 3
    assert "--set" not in result.stderr


def test_a_sheet_to_rate_is_written_and_read_back(results, corpus):
    written = value_of(results["sheet"])
    assert written == {"sheet": "sheet.csv", "key": "sheet.key.csv", "texts": 2}
    assert (corpus.parent / "sheet.key.csv").is_file()
    assert "No text of the sheet is rated" in results["unrated"].stdout
    assert results["no sheet"].returncode == 2
    assert len(results["no sheet"].stderr.strip().splitlines()) <= 3
    assert results["both"].returncode == 0  # prompts of another text
    assert (corpus.parent / "new.csv").is_file()


@pytest.mark.parametrize("cache", ["/dev/null/cache", "~nobody-at-all/cache"])
def test_a_text_is_written_where_no_program_can_be_kept(cache, finished_run, monkeypatch, capsys):
    line = ["generate", str(finished_run), "--prompt", "the ", "--max-new-tokens", "3"]
    kept = run_here(monkeypatch, capsys, *line)
    monkeypatch.setenv("TEXTGEN_CACHE", cache)
    monkeypatch.setattr("textgen_core.runs.cache._said", set())
    done = run_here(monkeypatch, capsys, *line)
    assert (done.returncode, done.stdout) == (0, kept.stdout)
    assert done.stderr.count("TEXTGEN_CACHE") == 1
