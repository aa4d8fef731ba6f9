"""Numeric options change from call to call, and nothing is compiled again."""

from __future__ import annotations

import attrs
import pytest
import tensorflow as tf
from generation.fake_models import SumModel, language_model, random_table
from generation.fake_samplers import Shift

from textgen_core import Sampler, option
from textgen_core.generation import Generator
from textgen_samplers.nucleus import NucleusSampler
from textgen_samplers.repetition_penalty import RepetitionPenaltySampler
from textgen_samplers.temperature import TemperatureSampler
from textgen_samplers.top_k import TopKSampler


@attrs.frozen(kw_only=True)
class Favouring(Sampler):
    """Raises one logit: `by` is an argument, `token` is built in."""

    token: int = option(4, help="which")
    by: float = option(1.0, help="how much")

    def transform(self, logits, history, by=None):
        assert by is not None, "the core passes an option that is an argument"
        return logits + by * tf.one_hot(self.token, logits.shape[1])


@pytest.fixture(scope="module")
def model():
    return language_model(SumModel(random_table()))


def written(generator):
    return generator.generate(["ab"], max_new_tokens=40, seed=3)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TemperatureSampler(t=1.0), TemperatureSampler(t=0.2)),
        (TopKSampler(k=20), TopKSampler(k=2)),
        (NucleusSampler(p=1.0), NucleusSampler(p=0.3)),
        (RepetitionPenaltySampler(penalty=1.0), RepetitionPenaltySampler(penalty=3.0)),
        (Favouring(by=0.0), Favouring(by=3.0)),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_other_numbers_write_what_a_generator_of_their_own_writes(model, first, second):
    generator = Generator(model, [first])
    before = written(generator)
    assert generator.serves([second])
    after = written(generator.retuned([second]))
    assert before.compile_seconds > 0
    assert after.compile_seconds == 0
    assert after.samples == written(Generator(model, [second])).samples
    assert after.samples != before.samples
    assert written(generator).samples == before.samples  # which is as it was


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([Favouring(token=4)], [Favouring(token=5)]),
        ([RepetitionPenaltySampler(last=None)], [RepetitionPenaltySampler(last=3)]),
        ([TopKSampler()], [NucleusSampler()]),
        ([TopKSampler()], [TopKSampler(), TopKSampler()]),
        ([Shift(token=4, by=1.0)], [Shift(token=4, by=2.0)]),
    ],
)
def test_what_is_built_into_the_program_needs_another_generator(model, one, other):
    assert Generator(model, one).serves(one)
    assert not Generator(model, one).serves(other)


def test_a_number_beyond_what_a_program_can_hold_is_as_good_as_the_largest(model):
    everything, huge = (Generator(model, [TopKSampler(k=k)]) for k in (30, 10**15))
    assert written(huge).samples == written(everything).samples
