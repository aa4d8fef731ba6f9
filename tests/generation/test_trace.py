"""The trace: what each step had to choose from, and its way through a file."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from generation.distributions import probabilities_of
from generation.fake_models import AdvancingSumModel, language_model, random_table
from generation.fake_samplers import Alphabetical, Only

from textgen_core.errors import UsageError
from textgen_core.generation import Generator
from textgen_core.generation.trace import Trace, load_trace, save_trace
from textgen_samplers.top_k import TopKSampler

NEVER_DRAWN = (0, 1, 2)


@pytest.fixture(scope="module")
def table():
    return random_table()


@pytest.fixture(scope="module")
def traced(table):
    generator = Generator(
        language_model(AdvancingSumModel(table)),
        [TopKSampler(k=5), Only(ids=tuple(range(3, 20)))],
        specs=["top-k:5", "of a stranger"],
    )
    return generator.generate(["abc", "d"], max_new_tokens=12, seed=3, alternatives=4)


def test_a_trace_has_a_step_for_every_new_token_of_every_sample(traced):
    for sample, own in zip(traced.samples, traced.trace.samples, strict=True):
        assert [step.token_id for step in own.steps] == list(sample.token_ids)
        assert [step.log_probability for step in own.steps] == list(sample.log_probabilities)
        assert "".join(step.text for step in own.steps) == sample.text
        assert own.prompt == sample.prompt


def test_each_step_says_what_the_model_held_likely_and_what_each_stage_kept(traced, table):
    for prompt, sample in zip(([2, 4, 5, 6], [2, 7]), traced.trace.samples, strict=True):
        total = sum(prompt)
        for step in sample.steps:
            logits = table[total % len(table)].astype(np.float64)
            probabilities = probabilities_of(logits[None])[0]
            entropy = -(probabilities * np.log(probabilities)).sum()
            assert step.entropy == pytest.approx(entropy, abs=1e-5)
            likely = np.argsort(-logits)[:4]
            assert [each.token_id for each in step.alternatives] == likely.tolist()
            for each in step.alternatives:
                wanted = math.log(probabilities[each.token_id])
                assert each.log_probability == pytest.approx(wanted, abs=1e-5)
            allowed = [token for token in range(len(table)) if token not in NEVER_DRAWN]
            top = sorted(allowed, key=lambda token: -logits[token])[:5]
            stages = [allowed, top, [token for token in top if token < 20]]
            for kept, tokens in zip(step.kept, stages, strict=True):
                assert kept.tokens == len(tokens)
                assert kept.probability == pytest.approx(probabilities[tokens].sum(), abs=1e-5)
                share = probabilities[step.token_id] / probabilities[tokens].sum()
                assert kept.log_probability == pytest.approx(math.log(share), abs=1e-5)
            total += step.token_id
    assert [kept.stage for kept in step.kept] == ["never drawn", "top-k:5", "of a stranger"]


def test_a_trace_changes_no_text(traced, table):
    generator = Generator(
        language_model(AdvancingSumModel(table)), [TopKSampler(k=5), Only(ids=tuple(range(3, 20)))]
    )
    plain = generator.generate(["abc", "d"], max_new_tokens=12, seed=3)
    assert [sample.token_ids for sample in plain.samples] == [
        sample.token_ids for sample in traced.samples
    ]
    assert plain.trace is None


def test_a_sampler_with_a_state_is_traced_like_any_other(table):
    generator = Generator(language_model(AdvancingSumModel(table)), [Alphabetical(first=4)])
    trace = generator.generate(
        [""], max_new_tokens=3, seed=0, alternatives=1, compile="graph"
    ).trace
    assert [step.text for step in trace.samples[0].steps] == ["a", "b", "c"]
    assert [step.kept[1].tokens for step in trace.samples[0].steps] == [1, 1, 1]


def test_a_trace_is_read_back_as_it_was_written(traced, tmp_path):
    save_trace(traced.trace, tmp_path / "trace.json")
    assert load_trace(tmp_path / "trace.json") == traced.trace
    values = json.loads((tmp_path / "trace.json").read_text())
    assert list(values) == ["version", "seed", "samplers", "samples"]
    assert values["version"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda values: {**values, "version": 2},
        lambda values: {**values, "samples": [{}]},
        lambda values: {key: values[key] for key in values if key != "version"},
        lambda values: [values],
        lambda values: {**values, "samples": [{"prompt": "", "steps": [{"kept": [{}]}]}]},
    ],
)
def test_what_is_no_trace_of_this_version_is_refused(traced, tmp_path, change):
    path = tmp_path / "other.json"
    path.write_text(json.dumps(change(traced.trace.as_json())))
    with pytest.raises(UsageError, match="no trace"):
        load_trace(path)


def test_a_trace_that_cannot_be_written_or_read_is_a_clear_error(tmp_path):
    trace = Trace(seed=1, samplers=(), samples=())
    with pytest.raises(UsageError, match="cannot be written"):
        save_trace(trace, tmp_path / "missing" / "trace.json")
    with pytest.raises(UsageError, match="cannot be read"):
        load_trace(tmp_path / "missing.json")
