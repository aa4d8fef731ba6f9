"""How a run writes, with a model of 26 letters in place of a trained one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from generation.fake_models import TableModel, language_model, random_table

from textgen_core.errors import ComponentError, UsageError
from textgen_core.pipeline import run_writing
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.run_runtime import Computing


@pytest.fixture(scope="module")
def run():
    settings = SimpleNamespace(
        generation=SimpleNamespace(max_new_tokens=6), seed=1, samplers=(), missing=()
    )
    directory = SimpleNamespace(path=Path("runs/letters"))
    opened = Run(directory, settings, computing=Computing(runtime="tensorflow"))
    opened.language_model = language_model(TableModel(random_table()))
    return opened


def test_once_is_deprecated_and_means_that_a_graph_may_write(run):
    with pytest.warns(DeprecationWarning, match=r'once.*compile="auto"'):
        before = run.stream(["ab"], once=True).result()
    after = run.stream(["ab"], compile="auto").result()
    assert before.compiled_with == after.compiled_with == "graph"
    assert before.samples == after.samples


def test_wish_is_deprecated_and_is_a_request(run):
    with pytest.warns(DeprecationWarning, match=r"wish.*request"):
        found = run.samplers(wish="greedy")
    assert [each.label for each in found] == ["greedy"]


def test_a_chain_that_was_found_is_used_as_it_is(run):
    chain = run.samplers(["temperature:0.5", "greedy"])
    assert run.samplers(chain) == chain
    generation = run.stream(["ab"], sampler=chain, compile="graph").result()
    assert generation.samplers == ("temperature:t=0.5", "greedy")
    assert len(generation.samples[0].token_ids) == 6  # the run's own length
    with pytest.raises(ComponentError, match="gredy"):
        run.samplers("gredy")


def test_a_length_of_none_is_refused_and_not_taken_for_the_runs_own(run):
    with pytest.raises(UsageError, match="max_new_tokens is 0"):
        run.stream(["ab"], max_new_tokens=0)


def test_a_sweep_compiles_once_and_names_the_chain_of_each_setting(run):
    swept = list(run.sweep("nucleus:p=0.3,0.9", "ab", sampler="temperature:0.5"))
    assert [generation.samplers for _, generation in swept] == [
        tuple(each.label for each in chain) for chain, _ in swept
    ]
    assert [generation.compile_seconds > 0 for _, generation in swept] == [True, False]
    assert swept[0][1].samplers == ("temperature:t=0.5", "nucleus:p=0.3")


def test_of_any_number_of_chains_those_used_last_are_kept(run, monkeypatch):
    monkeypatch.setattr(run_writing, "MOST_CHAINS", 4)
    for size in (1, 2, 3, 4, 5, 6, 4, 7):
        run.stream(["ab"], sampler=f"no-repeat-ngram:n={size}", compile="graph").close()
    kept = [each.chain.links[0].given.n for each in run.writing._generators]
    assert kept == [5, 6, 4, 7]
