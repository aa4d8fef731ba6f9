"""A run as one page: what it writes is what `textgen generate` writes, and what it says is true."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest
from export.in_node import backend_of, needs_node, written_by

import textgen_core as textgen
from textgen_core.errors import UsageError
from textgen_core.export import html, page_samplers
from textgen_core.export.exporters import Settings
from textgen_core.export.html import export_html
from textgen_core.export.operations import OperationMissing, read_operations

TEXTS = ("The mill", "the water ", "", "und\u00e9r é𝕏", "a\r\nb\x00")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tiny run of byte pairs, mixed with counts."""
    folder = tmp_path_factory.mktemp("page")
    draw = random.Random(11)
    words = ["mill", "wheel", "turns", "water", "slow", "under", "stone", "bridge", "night"]
    lines = [" ".join(draw.choice(words) for _ in range(7)) for _ in range(300)]
    (folder / "text.txt").write_text(".\n".join(lines) + ".\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(folder / "cache"))
        yield textgen.run(
            [str(folder / "text.txt")],
            recipe="first",
            tokenizer="bpe:vocabulary_size=300,minimum_frequency=5",
            model="lstm:units=24,layers=1,embedding=16",
            sampler=["temperature:0.9", "nucleus:0.9"],
            epochs=2,
            settings=["training.counts=4", "evaluation.prompts=1", "generation.samples=1"],
            out=folder / "run",
        )


@pytest.fixture(scope="module")
def page(run):
    path = run.directory.parent / "page.html"
    export_html(run, path, Settings(precision="float32", title="<A> friend", prompt="The "))
    return path


def request(prompt, seed, **others):
    others = {"max_new_tokens": 40, "samplers": ["temperature:0.9", "nucleus:0.9"], **others}
    return {"prompt": prompt, "seed": seed, "alternatives": 0, "stop": [], **others}


@needs_node
def test_a_seed_writes_what_generate_writes(run, page) -> None:
    requests = [request(prompt, seed) for seed, prompt in enumerate(TEXTS * 2)]
    requests.append(request("the ", 5, stop=["ll", "r s"]))
    requests.append(request("slow", 6, samplers=["repetition-penalty:1.4", "top-k:9"]))
    for asked, found in zip(requests, written_by(page, requests), strict=True):
        assert found.get("error") is None
        (sample,) = run.write(
            asked["prompt"],
            seed=asked["seed"],
            max_new_tokens=asked["max_new_tokens"],
            sampler=asked["samplers"],
            stop=asked["stop"],
        ).samples
        assert found["text"] == sample.text == "".join(each["text"] for each in found["tokens"])
        assert found["token_ids"] == list(sample.token_ids)
        assert found["log_probabilities"] == pytest.approx(sample.log_probabilities, abs=1e-4)
        assert found["finish_reason"] == ("length" if sample.stopped_by == "length" else "stop")


@needs_node
def test_alternatives_say_what_each_sampler_kept(page) -> None:
    samplers = ["top-k:3", "greedy"]
    (found,) = written_by(page, [request("the", 1, alternatives=5, samplers=samplers)])
    for token in found["tokens"]:
        others = token["alternatives"]
        chances = [each["log_probability"] for each in others]
        assert len(others) == 5 and chances == sorted(chances, reverse=True)
        for each in others:  # greedy leaves all that are as likely as what is drawn
            is_drawn = each["log_probability"] == pytest.approx(token["log_probability"])
            assert each["kept"][1] <= is_drawn
            assert each["kept"][1] <= each["kept"][0]
    all_kept = [each["kept"] for token in found["tokens"] for each in token["alternatives"]]
    assert [True, True] in all_kept and [False, False] in all_kept


@needs_node
def test_a_prompt_of_token_ids_is_gone_on_with(page) -> None:
    (whole,) = written_by(page, [request("the mill ", 3)])
    ids = [*whole["prompt_ids"], *whole["token_ids"][:10]]
    (further,) = written_by(page, [{**request("", 3), "prompt": None, "prompt_ids": ids}])
    assert further["prompt_ids"] == ids
    assert len(further["token_ids"]) == 40


@needs_node
def test_faults_of_a_request_are_said(page) -> None:
    requests = [request("a", 1, samplers=[spec]) for spec in ("nucleus:p=2", "nope", "top-k:x")]
    faults = [each["error"] for each in written_by(page, requests)]
    assert "at most 1" in faults[0]
    assert "nucleus" in faults[1]
    assert "whole number" in faults[2]


@needs_node
def test_a_prompt_is_tokenized_as_it_is_read(run, page) -> None:
    found = written_by(page, [{"text": text} for text in TEXTS])
    for text, each in zip(TEXTS, found, strict=True):
        read = run.language_model.read(text)
        got = each["tokens"]
        assert [token["id"] for token in got] == list(read.token_ids)
        assert "".join(token["text"] for token in got) == read.text


def test_the_page_says_what_it_is(run, page) -> None:
    info, _ = backend_of(page)
    assert info["model"] == "<A> friend" and info["default_prompt"] == "The "
    assert info["trained_on"] == ["text.txt"]
    assert [each.partition(":")[0] for each in info["chain"]] == ["temperature", "nucleus"]
    assert info["bits_per_byte"] == pytest.approx(
        json.loads((run.directory / "evaluation.json").read_text())["bits_per_byte"]
    )
    assert any("keeps parts of the text" in each for each in info["notices"])
    assert {each["name"] for each in info["samplers"]} >= {"greedy", "typical", "top-k"}
    (phrases,) = [each for each in info["samplers"] if each["name"] == "no-repeat-ngram"]
    assert phrases["options"] == [] and "n=3" in phrases["summary"]
    assert "<A> friend" not in page.read_text(encoding="utf-8")


def test_a_sampler_that_cannot_come_along_is_named_unless_the_run_needs_it(
    run, tmp_path, monkeypatch
) -> None:
    def without(missing):
        def read(program, name, keep):
            if name == f"The sampler {missing}":
                raise OperationMissing(f"{name} needs ODD, which is not there.")
            return read_operations(program, name, keep)

        monkeypatch.setattr(page_samplers, "read_operations", read)

    settings = Settings(precision="float32", title="it", prompt="")
    without("typical")
    export_html(run, tmp_path / "page.html", settings)
    info, _ = backend_of(tmp_path / "page.html")
    assert "typical" not in {each["name"] for each in info["samplers"]}
    assert any("typical" in each and "ODD" in each for each in info["notices"])
    without("nucleus")
    with pytest.raises(OperationMissing, match="nucleus needs ODD"):
        export_html(run, tmp_path / "other.html", settings)


def test_an_export_needs_no_tensorflow_once_there_are_programs(run, page, tmp_path) -> None:
    arguments = ["export", str(run.directory), "--to", "html", "--out", str(tmp_path / "page.html")]
    script = """
import sys
from textgen_core.cli import main
try:
    main()
finally:
    print("heavy:", *sorted({"tensorflow", "keras"} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "TEXTGEN_CACHE": str(page.parent / "cache"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "weights as int8" in done.stderr  # so that what it loses was measured
    assert done.stderr.splitlines()[-1] == "heavy:"


def test_weights_that_lose_too_much_are_refused(run, tmp_path, monkeypatch) -> None:
    settings = Settings(precision="int8", title="it", prompt="")
    export_html(run, tmp_path / "page.html", settings)
    monkeypatch.setattr(html, "MOST_GROWTH", -1.0)
    with pytest.raises(UsageError, match="loses"):
        export_html(run, tmp_path / "other.html", settings)
    assert not (tmp_path / "other.html").exists()
