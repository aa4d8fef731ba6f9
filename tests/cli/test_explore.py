"""`textgen explore` as a person meets it: on a terminal, in a pipe, and with what goes wrong."""

from __future__ import annotations

import json
import math
import shutil

import pytest
from cli.commands import TINY, run_lines
from cli.in_process import run_here

from textgen_core.cli import startup

TRANSFORMER = "transformer:layers=2,heads=2,head_size=4,feed_forward=8"
COMMANDS = ("neighbours", "analogy", "attention", "temperature")


@pytest.fixture(scope="module")
def results(finished_run, corpus):
    folder, lstm = corpus.parent, finished_run
    shutil.copytree(finished_run, folder / "runs" / "copied")
    tiny = [TRANSFORMER if each.startswith("lstm:") else each for each in TINY]
    long = "the mill turns the wheel "
    lines = {
        "train": ["run", corpus, *tiny, "--out", "attending", "--json"],
        "neighbours": ["explore", lstm, "neighbours", "a"],
        "neighbours json": ["explore", lstm, "neighbours", "a", "--json", "--count", "3"],
        "several tokens": ["explore", lstm, "neighbours", "mill"],
        "newest": ["explore", "neighbours", "a", "--json"],
        "prefix": ["explore", "cop", "neighbours", "a", "--json"],
        "analogy": ["explore", lstm, "analogy", "a", "e", "t", "--count", "2"],
        "analogy json": ["explore", lstm, "analogy", "a", "e", "t", "--json"],
        "attention": ["explore", "attending", "attention", "the mill"],
        "one head": [
            "explore",
            "attending",
            "attention",
            "the mill",
            "--layer",
            "1",
            "--head",
            "2",
        ],
        "attention json": ["explore", "attending", "attention", "the mill", "--json"],
        "one head json": [
            *("explore", "attending", "attention", "a b", "--json", "--layer", "2", "--head", "1"),
        ],
        "picture": ["explore", "attending", "attention", "the mill", "--out", "a.svg"],
        "page": ["explore", "attending", "attention", "the mill", "--out", "a.html", "--json"],
        "too long": ["explore", "attending", "attention", long],
        "wide": ["explore", "attending", "attention", "a東b"],
        "temperature": ["explore", lstm, "temperature", "the mi", "--count", "3"],
        "temperature json": [
            "explore",
            lstm,
            "temperature",
            "the ",
            "--temperatures",
            "1,2",
            "--json",
        ],
        "empty prompt": ["explore", lstm, "temperature", "", "--json"],
        "broken text": ["explore", lstm, "temperature", "the \udcff", "--count", "1"],
        "no attention": ["explore", lstm, "attention", "the"],
        "empty text": ["explore", "attending", "attention", ""],
        "empty word": ["explore", lstm, "neighbours", ""],
        "unknown word": ["explore", lstm, "neighbours", "Ж"],
        "broken word": ["explore", lstm, "neighbours", "\udcff"],
        "no such layer": ["explore", "attending", "attention", "the", "--layer", "3"],
        "no such head": [
            *("explore", "attending", "attention", "the", "--head", "9", "--out", "none.svg"),
        ],
        "no such run": ["explore", "nowhere", "neighbours", "a"],
    }
    return dict(zip(lines, run_lines(list(lines.values()), folder), strict=True))


def value_of(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_the_neighbours_of_a_token_are_listed_with_bars_and_without_colours(results):
    result = results["neighbours"]
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert 'nearest to "a"' in result.stdout
    assert len(result.stdout.splitlines()) == 11
    assert "█" in result.stdout
    assert "\x1b" not in result.stdout


def test_the_json_of_neighbours_has_what_the_guide_says(results):
    value = value_of(results["neighbours json"])
    assert value["word"] == "a"
    assert value["tokens"] == ["a"]
    assert len(value["neighbours"]) == 3
    similarities = [each["similarity"] for each in value["neighbours"]]
    assert similarities == sorted(similarities, reverse=True)
    assert all(-1 <= each <= 1 for each in similarities)
    assert "a" not in [each["token"] for each in value["neighbours"]]
    assert not any(each["token"].startswith("<") for each in value["neighbours"])


def test_a_word_of_several_tokens_says_so(results):
    assert '"mill" is 4 tokens, "m" "i" "l" "l": their mean' in results["several tokens"].stdout


def test_a_run_may_be_left_out_or_be_the_beginning_of_a_name(results):
    whole = value_of(results["neighbours json"])["neighbours"]
    for name in ("newest", "prefix"):
        assert value_of(results[name])["neighbours"][:3] == whole


def test_an_analogy_leaves_its_words_out_and_promises_little(results):
    shown = results["analogy"].stdout
    assert '"a" is to "e" as "t" is to' in shown
    assert "rarely get this right" in shown
    value = value_of(results["analogy json"])
    assert value["words"] == ["a", "e", "t"]
    assert not {"a", "e", "t"} & {each["token"] for each in value["answers"]}


def test_attention_is_a_grid_with_a_row_and_a_column_for_each_token(results):
    lines = results["attention"].stdout.splitlines()
    assert "layer 2 of 2, the mean of 2 heads" in lines[0]
    rows = [line for line in lines if '" ' in line]
    assert len(rows) == 9
    assert '"<START>"' in rows[0]
    assert "100 %" in rows[0]
    marks = [sum(line.count(each) for each in "·░▒▓█") for line in rows]
    assert marks == [2 * number for number in range(1, 10)]  # causal: a triangle
    assert "layer 1 of 2, head 2 of 2" in results["one head"].stdout


def test_the_json_of_attention_has_rows_that_sum_to_one(results):
    value = value_of(results["attention json"])
    assert value["tokens"] == ["<START>", *"the mill"]
    assert (value["layers"], value["heads"], value["left_out"]) == ([1, 2], [1, 2], 0)
    for layer in value["attention"]:
        for head in layer:
            for number, row in enumerate(head):
                assert sum(row) == pytest.approx(1, abs=1e-4)
                assert not any(row[number + 1 :])
    one = value_of(results["one head json"])
    assert (one["layers"], one["heads"]) == ([2], [1])
    assert len(one["attention"]) == len(one["attention"][0]) == 1


def test_a_picture_is_written_beside_what_is_shown(results, corpus):
    for name, file in (("picture", "a.svg"), ("page", "a.html")):
        assert results[name].returncode == 0, results[name].stderr
        assert f"Written to {file}" in results[name].stderr
        assert "layer 2, head 2" in (corpus.parent / file).read_text(encoding="utf-8")
    assert "layer 2 of 2" in results["picture"].stdout
    value_of(results["page"])


def test_of_a_text_that_is_too_long_the_last_tokens_are_shown_with_a_warning(results):
    result = results["too long"]
    assert result.returncode == 0, result.stderr
    assert "first 10 tokens are left out" in result.stderr
    assert "<START>" not in result.stdout
    assert len([line for line in result.stdout.splitlines() if '" ' in line]) == 16


def test_an_unknown_character_is_warned_of_and_shown_as_what_the_model_sees(results):
    assert 'never seen these of the text: "東"' in results["wide"].stderr
    assert '"<UNK>"' in results["wide"].stdout


def test_temperatures_stand_side_by_side_with_their_entropy(results):
    lines = results["temperature"].stdout.splitlines()
    assert lines[0].split() == ["temperature", "0.5", "1", "1.5"]
    assert [line.split()[0] for line in lines[4:7]] == ["all", "entropy", "choices"]
    assert all(line.count("%") == 3 for line in lines[1:5])
    entropies = [float(each) for each in lines[5].replace("bits", "").split()[1:]]
    assert entropies == sorted(entropies)


def test_the_json_of_temperatures_is_a_distribution_for_each(results):
    value = value_of(results["temperature json"])
    assert [each["temperature"] for each in value["temperatures"]] == [1, 2]
    for at in value["temperatures"]:
        assert at["choices"] == pytest.approx(2 ** at["entropy"])
        assert 0 < sum(each["probability"] for each in at["tokens"]) <= 1 + 1e-9
    # Where p(T=1) is known, p(T=2) of two tokens stands in the root of its ratio.
    one, two = ([each["probability"] for each in at["tokens"][:2]] for at in value["temperatures"])
    assert two[0] / two[1] == pytest.approx(math.sqrt(one[0] / one[1]), rel=1e-4)


def test_an_empty_or_broken_text_has_a_next_token_all_the_same(results):
    assert value_of(results["empty prompt"])["text"] == ""
    assert results["broken text"].returncode == 0
    assert "never seen" in results["broken text"].stderr


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("no attention", 2, "'lstm' has no attention"),
        ("empty text", 2, "holds no token"),
        ("empty word", 2, "holds no token"),
        ("unknown word", 2, "never seen 'Ж'"),
        ("broken word", 2, "never seen '\ufffd'"),
        ("no such layer", 2, "no layer 3"),
        ("no such head", 2, "no head 9"),
        ("no such run", 4, "no run 'nowhere'"),
    ],
)
def test_what_cannot_be_shown_is_told_in_three_lines(results, name, code, words):
    result = results[name]
    assert result.returncode == code
    assert result.stdout == ""
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr[result.stderr.index("Error: ") :].splitlines()) <= 3


def test_a_picture_of_what_cannot_be_shown_is_not_written(results, corpus):
    assert not (corpus.parent / "none.svg").exists()


MISTAKES = {
    "nothing to explore": (["runs/first"], "does not say what to explore"),
    "misspelt": (["neighbors", "king"], "Did you mean 'neighbours'?"),
    "no word": (["neighbours"], "Missing argument 'WORD'"),
    "two of three words": (["analogy", "a", "b"], "Missing argument 'C'"),
    "a word too many": (["neighbours", "a", "b"], "unexpected extra argument"),
    "count of none": (["neighbours", "a", "--count", "0"], "--count"),
    "temperatures of letters": (["temperature", "a", "--temperatures", "hot"], "'hot'"),
    "temperature zero": (["temperature", "a", "--temperatures", "0,1"], "0.01 to 100"),
    "no temperatures": (["temperature", "a", "--temperatures", ""], "numbers with commas"),
    "temperature that is no number": (["temperature", "a", "--temperatures", "nan"], "0.01 to 100"),
    "many temperatures": (["temperature", "a", "--temperatures", "1,1,1,1,1,1,1"], "at most 6"),
    "picture of another kind": (["attention", "a", "--out", "a.png"], ".svg or .html"),
    "picture in no folder": (["attention", "a", "--out", "no/a.svg"], "there is no folder no"),
    "layer zero": (["attention", "a", "--layer", "0"], "--layer"),
    "unknown flag": (["neighbours", "a", "--near"], "--near"),
}


@pytest.fixture
def explore_here(monkeypatch, capsys):
    """Runs `textgen explore` in this process, where to wait for TensorFlow is a failure."""

    def wait():
        raise AssertionError("TensorFlow was waited for")

    monkeypatch.setattr(startup, "import_tensorflow", wait)
    return lambda *arguments: run_here(monkeypatch, capsys, "explore", *arguments)


def test_a_mistake_is_told_before_tensorflow_is_waited_for(explore_here):
    for name, (arguments, words) in MISTAKES.items():
        result = explore_here(*arguments)
        assert result.returncode == 2, (name, result.stderr)
        assert words in result.stderr, name
        assert "Traceback" not in result.stderr, name
        assert result.stdout == "", name


def test_a_mistake_is_told_before_tensorflow_is_imported_in_a_process_of_its_own(textgen_command):
    arguments, words = MISTAKES["picture in no folder"]
    result = textgen_command("explore", *arguments, env={"TF_CPP_MIN_LOG_LEVEL": "0"})
    assert result.returncode == 2, result.stderr
    assert words in result.stderr
    assert "oneDNN" not in result.stderr


def test_the_help_names_the_commands_and_each_has_its_own(explore_here):
    shown = explore_here("--help").stdout
    assert "RUN" in shown
    assert all(name in shown for name in COMMANDS)
    for arguments in (["runs/first", "--help"], ["runs/first", "attention", "--help"]):
        result = explore_here(*arguments)
        assert result.returncode == 0
        assert "Usage:" in result.stdout
