"""A run of byte pairs, mixed with counts, and a long chain: what an export's example writes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from cli.conftest import write_text

import textgen_core as textgen
from textgen_core.export.exporters import export

CHAIN = ["repetition-penalty:1.2", "no-repeat-ngram:4", "temperature:0.8", "nucleus:0.9"]
SETTINGS = {
    "training.counts": 3,
    "training.compile": "graph",
    "data.sequence_length": 16,
    "evaluation.prompts": 2,
    "evaluation.continuation_tokens": 4,
    "generation.max_new_tokens": 8,
    "generation.samples": 1,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(folder / "cache"))
        yield textgen.run(
            write_text(folder),
            recipe="first",
            tokenizer="bpe:vocabulary_size=300,minimum_frequency=2",
            model="transformer:layers=1,heads=2,head_size=4,feed_forward=16,positions=rotary",
            sampler=CHAIN,
            epochs=1,
            batch_size=8,
            settings=SETTINGS,
            out=folder / "run",
        )


@pytest.fixture(scope="module")
def folders(run, tmp_path_factory):
    """Exports by their precision; their prompt ends inside a word, and is healed."""
    place = tmp_path_factory.mktemp("exports")
    for precision in ("float32", "float16", "int8"):
        export(run, "litert", place / precision, precision=precision, prompt="slow und")
    return place


def written(folder, *arguments):
    done = subprocess.run(
        [sys.executable, folder / "example.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_writes_the_texts_of_the_run_beyond_a_full_state(run, folders):
    assert json.loads((folders / "float32" / "model.json").read_bytes())["state_capacity"] == 16
    differing = 0
    for seed in range(5):
        (sample,) = run.write("slow und", seed=seed, max_new_tokens=50).samples
        text = written(folders / "float32", seed, 50)
        assert text.startswith("slow und")
        differing += text != f"slow und{sample.text}\n"
    assert differing == 0


def test_a_prompt_of_ones_own_is_read_by_the_tokenizer(run, folders):
    text = written(folders / "float32", 3, 20, "night water <END>")
    assert text.startswith("night water <END>")


def test_fewer_bits_make_smaller_programs_that_write(folders):
    sizes = {path.name: (path / "model.tflite").stat().st_size for path in folders.iterdir()}
    assert sizes["float16"] < sizes["float32"]
    for name in ("float16", "int8"):
        assert len(written(folders / name, 1, 30)) > len("slow und")
        about = json.loads((folders / name / "model.json").read_bytes())
        assert about["precision"] == name


def test_the_counts_of_an_export_are_those_of_the_run(run, folders):
    about = json.loads((folders / "float32" / "model.json").read_bytes())
    arrays = np.load(folders / "float32" / "arrays.npz", allow_pickle=False)
    counts = run.runtime.reader.counts
    assert about["counts"]["order"] == counts.order == 3
    assert about["counts"]["weight"] == counts.weights.counts
    sys.path.insert(0, str(folders / "float32"))
    try:
        from tables import shares
    finally:
        sys.path.pop(0)
    draw = np.random.default_rng(0)
    read = run.runtime.reader.read("under stone bridge night the wheel").token_ids
    for tokens in ([2], [2, 3, 2], [2, *read], *draw.integers(4, 250, (20, 6)).tolist()):
        expected = counts.log_probabilities(counts.contexts(np.array([tokens]))[:, -1])[0]
        found = np.log(shares(tokens, arrays, counts.order, counts.vocabulary_size))
        assert np.abs(found - expected).max() < 1e-4
