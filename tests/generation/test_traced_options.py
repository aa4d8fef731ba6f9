"""Traced options change from call to call, and nothing is compiled again."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
import tensorflow as tf
from generation.fake_models import AdvancingSumModel, language_model, random_table
from generation.fake_samplers import Shift

from textgen_core import Sampler, option
from textgen_core.errors import PluginFailure
from textgen_core.generation import Generator
from textgen_samplers.nucleus import NucleusSampler
from textgen_samplers.repetition_penalty import RepetitionPenaltySampler
from textgen_samplers.temperature import TemperatureSampler
from textgen_samplers.top_k import TopKSampler

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "write-a-plugin.md"


@attrs.frozen(kw_only=True)
class Favouring(Sampler):
    """Raises one logit; its rule between options would not take a tensor."""

    token: int = option(4, help="which")
    by: float = option(1.0, help="how much", traced=True)
    most: float = option(9.0, help="how much at most")

    def __attrs_post_init__(self):
        if self.by > self.most:
            raise ValueError("by is more than most")

    def transform(self, logits, history):
        return logits + self.by * tf.one_hot(self.token, logits.shape[1])


@attrs.frozen(kw_only=True)
class Rising(Sampler):
    """Raises one logit more with each token: its first state is made of a traced option."""

    by: float = option(1.0, help="how much at first", traced=True)

    def initial_state(self, batch_size, vocabulary_size):
        return tf.fill((batch_size,), self.by)

    def transform(self, logits, history, state):
        return logits + state[:, None] * tf.one_hot(4, logits.shape[1]), 2 * state


@attrs.frozen(kw_only=True)
class Halved(Sampler):
    """Is bound to half of its option, which is thereby built in."""

    by: float = option(1.0, help="twice as much", traced=True)

    def bind(self, tokenizer):
        return attrs.evolve(self, by=self.by / 2)

    def transform(self, logits, history):
        return logits + self.by * tf.one_hot(4, logits.shape[1])


def epsilon_of_the_guide():
    """The sampler that docs/guides/write-a-plugin.md teaches, as it stands there."""
    [source] = re.findall(r":caption: textgen_epsilon\.py\n\n(.*?)```", GUIDE.read_text(), re.S)
    module = {"__name__": "textgen_epsilon"}
    exec(compile(source, str(GUIDE), "exec"), module)
    return module["EpsilonSampler"]


Epsilon = epsilon_of_the_guide()


@pytest.fixture(scope="module")
def model():
    return language_model(AdvancingSumModel(random_table()))


def written(generator):
    return generator.generate(["ab"], max_new_tokens=40, seed=3)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Epsilon(least=0.01), Epsilon(least=0.9)),
        (TopKSampler(k=20), TopKSampler(k=2)),
        (
            [TemperatureSampler(t=1.0), NucleusSampler(p=1.0)],
            [TemperatureSampler(t=0.2), NucleusSampler(p=0.3)],
        ),
        (RepetitionPenaltySampler(penalty=1.0), RepetitionPenaltySampler(penalty=3.0)),
        (Favouring(by=0.0), Favouring(by=3.0)),
        (Rising(by=0.0), Rising(by=3.0)),
    ],
    ids=lambda samplers: type(samplers).__name__,
)
def test_another_value_compiles_nothing_and_writes_what_a_generator_of_its_own_would(
    model, first, second
):
    one, other = (each if isinstance(each, list) else [each] for each in (first, second))
    generator = Generator(model, one)
    before = written(generator)
    assert generator.is_compatible(other)
    after = written(generator.with_samplers(other))
    assert before.compile_seconds > 0
    assert after.compile_seconds == 0
    assert after.samples == written(Generator(model, other)).samples
    assert after.samples != before.samples
    assert written(generator).samples == before.samples  # which is as it was


def test_a_sampler_of_the_guide_is_traced_once_for_all_its_values(model, monkeypatch):
    traces = []
    transform = Epsilon.transform

    def counted(self, logits, history):
        traces.append(self.least)
        return transform(self, logits, history)

    monkeypatch.setattr(Epsilon, "transform", counted)
    generator = Generator(model, [Epsilon()])
    written(generator)
    once = len(traces)
    assert once > 0
    for least in (0.02, 0.1, 0.5):
        written(generator.with_samplers([Epsilon(least=least)]))
    assert len(traces) == once
    assert all(tf.is_tensor(each) and each.dtype == tf.float32 for each in traces)


def test_what_is_built_into_the_program_needs_another_generator(model):
    for one, other in (
        ([Favouring(token=4)], [Favouring(token=5)]),
        ([Favouring(most=9.0)], [Favouring(most=8.0)]),
        ([RepetitionPenaltySampler(last=None)], [RepetitionPenaltySampler(last=3)]),
        ([TopKSampler()], [NucleusSampler()]),
        ([TopKSampler()], [TopKSampler(), TopKSampler()]),
        ([Shift(token=4, by=1.0)], [Shift(token=4, by=2.0)]),
        ([Halved(by=1.0)], [Halved(by=2.0)]),
    ):
        assert Generator(model, one).is_compatible(one)
        assert not Generator(model, one).is_compatible(other), other


def test_a_number_beyond_what_a_program_can_hold_is_as_good_as_the_largest(model):
    generator = Generator(model, [TopKSampler(k=30)])
    huge = generator.with_samplers([TopKSampler(k=10**15)])
    assert written(huge).samples == written(generator).samples


# ---- what a traced option must not be used for ---------------------------------------------------


@attrs.frozen(kw_only=True)
class Deciding(Sampler):
    """Decides in Python by the second of its traced options."""

    by: float = option(1.0, help="how much", traced=True)
    least: float = option(0.5, help="what it takes", traced=True)
    way: str = option("if", help="how it decides")

    def transform(self, logits, history):
        if self.way == "range":
            return logits + sum(range(self.least))
        if self.least > 0.2:
            return logits * self.by
        return logits


def test_a_traced_option_in_a_python_if_is_an_error_that_names_the_option(model):
    with pytest.raises(PluginFailure, match="Deciding uses its traced option least") as found:
        written(Generator(model, [Deciding()]))
    assert "tf.where" in str(found.value)
    assert "traced=True" in str(found.value)
    assert len(str(found.value).splitlines()) <= 3


def test_what_fails_with_a_plain_number_too_is_no_fault_of_tracing(model):
    with pytest.raises(PluginFailure, match="Deciding raised TypeError"):
        written(Generator(model, [Deciding(way="range")]))


# ---- the older way -------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Older(Sampler):
    """Takes an option as an argument of `transform`."""

    by: float = option(1.0, help="how much")

    def transform(self, logits, history, by=None):
        assert tf.is_tensor(by)
        return logits + by * tf.one_hot(4, logits.shape[1])


def test_an_option_as_an_argument_of_transform_still_works_and_is_deprecated(model):
    with pytest.warns(DeprecationWarning, match=r"traced=True.*self\.by"):
        generator = Generator(model, [Older(by=0.0)])
    written(generator)
    after = written(generator.with_samplers([Older(by=3.0)]))
    assert after.compile_seconds == 0
    assert after.samples == written(Generator(model, [Favouring(by=3.0)])).samples
