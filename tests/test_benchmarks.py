"""The benchmarks' own logic: their arithmetic, their ratios, and that workers take turns."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"

# A peer that trains nothing, and notes each turn of more than its warm-up.
PEER = """
import sys
sys.path.insert(0, {peers!r})
from worker import Peer, serve

def build(setting):
    if setting["name"] == "broken":
        raise ValueError("no such model")
    def train(seconds):
        print("chatter that is no answer")
        if setting["name"] == "mortal" and seconds > 1.0:
            sys.exit("out of memory")
        if seconds > 1.0:
            with open({turns!r}, "a") as file:
                file.write(setting["name"])
        return {{"tokens": 600, "steps": 3, "seconds": 2.0}}
    return Peer(train=train, about={{"compiled_with": "nothing"}})

serve(build)
"""


@pytest.fixture
def load(monkeypatch):
    """Return a function that imports a module of the benchmarks, which are scripts side by side."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def start(load, tmp_path):
    """Return a function that starts a worker by its name, and the file in which turns are noted."""
    turns = tmp_path / "turns.txt"
    script = tmp_path / "peer.py"
    peers = str(BENCHMARKS / "peers")
    script.write_text(PEER.format(peers=peers, turns=str(turns)), encoding="utf-8")
    started = []

    def start_worker(name):
        worker = load("workers").Worker(
            Path(sys.executable), str(script), {"name": name}, tmp_path / f"{name}.log"
        )
        started.append(worker)
        return worker

    yield start_worker, turns
    for worker in started:
        worker.close()


def result(load, side, speeds, **fields):
    about = fields.pop("about", {"compile_seconds": 1.0})
    fields = {"name": f"{side}-one", "precision": "float32", **fields}
    return load("speed_table").Result(side=side, speeds=speeds, about=about, **fields)


# ---- arithmetic -----------------------------------------------------------------------------


LSTM = {
    "model": "lstm",
    "embedding": 2,
    "units": 3,
    "layers": 2,
    "dropout": 0.0,
    "vocabulary_size": 5,
}
TRANSFORMER = {
    "model": "transformer",
    "layers": 2,
    "heads": 2,
    "width": 4,
    "feed_forward": 8,
    "vocabulary_size": 5,
    "sequence_length": 6,
}


def test_an_lstm_costs_six_operations_for_each_weight_of_its_gates_and_output(load):
    gates = 4 * 3 * (2 + 3) + 4 * 3 * (3 + 3)
    assert load("arithmetic").operations_per_token(LSTM) == 6 * (gates + 3 * 5)


def test_attention_is_counted_on_top_of_a_transformers_matrices(load):
    matrices = 2 * (4 * 4 * 4 + 2 * 4 * 8) + 4 * 5
    attention = 12 * 2 * 4 * 6
    assert load("arithmetic").operations_per_token(TRANSFORMER) == 6 * matrices + attention


def test_the_counted_weights_are_the_matrices_of_the_models_that_are_timed(load):
    from textgen_core.registry.discovery import discover
    from textgen_core.registry.selection import choose

    registry, arithmetic = discover(), load("arithmetic")
    for setting in (LSTM, TRANSFORMER):
        wish = {"name": setting["model"], **load("speed_settings").our_options(setting)}
        builder = choose(registry, "model", wish, place="here").instance
        model = builder.build(setting["vocabulary_size"], 6)
        multiplied = sum(
            variable.shape[0] * variable.shape[1]
            for variable in model.trainable_variables
            if len(variable.shape) == 2 and "embeddings" not in variable.name
        )
        assert arithmetic.matrix_weights(setting) == multiplied


# ---- ratios ---------------------------------------------------------------------------------


def test_a_ratio_is_the_median_over_rounds_and_not_the_ratio_of_medians(load):
    ours = result(load, "ours", [10.0, 40.0, 30.0])
    peer = result(load, "torch", [10.0, 10.0, 30.0])
    assert load("speed_table").ratio(ours, peer) == 1.0


def test_of_each_side_the_contestant_with_the_highest_median_counts(load):
    slow = result(load, "torch", [1.0, 99.0, 1.0])
    fast = result(load, "torch", [2.0, 2.0, 2.0])
    failed = result(load, "torch", [])
    ours = result(load, "ours", [50.0, 50.0, 50.0])
    assert load("speed_table").best_of([slow, fast, failed, ours], "torch") is fast


def test_a_side_that_failed_altogether_has_no_best_and_no_line(load):
    table = load("speed_table")
    failed = result(load, "torch", [], about={"failed": "no compiler"})
    measured = table.SettingResult(
        setting="lstm-100",
        operations_per_token=10,
        results=[result(load, "ours", [5.0]), failed],
    )
    assert table.best_of(measured.results, "torch") is None
    assert table.summary([measured]) == []
    assert "failed: no compiler" in table.render([measured])


def test_the_share_of_the_peak_is_of_the_precision_that_was_used(load):
    table = load("speed_table")
    measured = table.SettingResult(
        setting="lstm-100",
        operations_per_token=10**6,
        results=[
            result(load, "ours", [50_000.0]),
            result(load, "ours", [50_000.0], precision="bfloat16"),
        ],
        peaks={"float32": 100e9, "bfloat16": 200e9},
    )
    float32, bfloat16 = table.render([measured]).splitlines()[2:]
    assert "| 50 " in float32 and "50%" in float32
    assert "25%" in bfloat16


def test_the_share_of_batches_is_of_all_the_time_measured(load):
    answers = [{"batch_seconds": 1.0, "seconds": 5.0}, {"batch_seconds": 0.0, "seconds": 15.0}]
    assert load("speed_table").batch_share(answers) == pytest.approx(0.05)
    assert load("speed_table").batch_share([{"seconds": 5.0}]) is None


# ---- workers --------------------------------------------------------------------------------


def test_workers_train_in_turns(load, start):
    start_worker, turns = start
    workers = [start_worker("A"), start_worker("B")]
    found = load("workers").take_turns(workers, rounds=3, seconds=1.5)
    assert turns.read_text() == "ABABAB"
    assert found.answers == [[{"tokens": 600, "steps": 3, "seconds": 2.0}] * 3] * 2


def test_what_a_peer_prints_is_no_answer(start):
    start_worker, _ = start
    worker = start_worker("A")
    assert worker.about["compiled_with"] == "nothing"
    assert worker.train(1.5)["tokens"] == 600


def test_a_worker_that_cannot_be_built_says_why(start):
    start_worker, _ = start
    assert start_worker("broken").failed == "ValueError: no such model"


def test_a_worker_that_ends_in_its_turn_is_an_error_that_says_why(start):
    start_worker, _ = start
    worker = start_worker("mortal")
    with pytest.raises(RuntimeError, match="mortal: ended with status 1: out of memory"):
        worker.train(1.5)


# ---- finished runs --------------------------------------------------------------------------


@pytest.fixture
def finished(tmp_path):
    """Return a run directory with the files that the figures are read from."""
    evaluation = {"split": "test", "tokens": 40, "loss": 1.5, "perplexity": 4.5}
    contents = {
        "evaluation.json": {**evaluation, "bits_per_byte": 2.0},
        "manifest.json": {
            "components": [{"kind": "tokenizer", "name": "word"}, {"kind": "model", "name": "it"}],
            "model": {"parameters": 7},
        },
        "checkpoints/step-00000009/state.json": {"step": 9, "tokens": 90, "seconds": 5.0},
        "checkpoints/step-00000010/state.json": {"step": 10, "tokens": 100, "seconds": 6.0},
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


def test_a_runs_time_is_that_of_its_newest_checkpoint(load, finished):
    figures = load("finished_run").read_figures(finished, seconds=8.0)
    assert (figures.model, figures.steps, figures.training_seconds) == ("it", 10, 6.0)


def test_a_perplexity_over_other_tokens_is_called_not_comparable(load, finished):
    figures = load("finished_run").read_figures(finished, seconds=8.0)
    notes = load("penn_treebank").notes_on(figures)
    assert any("NOT comparable" in note for note in notes)
