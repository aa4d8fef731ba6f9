"""Samplers that break one rule each."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
from testing.sound import SoundSampler

from textgen_core.components import option


def sampler(transform: Any, summary: str) -> type[SoundSampler]:
    """Return a sampler with a transform: a function of the logits and of TensorFlow."""

    def own(self: Any, logits: Any, history: Any) -> Any:
        import tensorflow as tf

        return transform(logits, tf)

    body = {"transform": own, "__doc__": summary, "__module__": __name__}
    return attrs.frozen(kw_only=True)(type("FaultySampler", (SoundSampler,), body))


MAJORITY = sampler(
    lambda logits, tf: tf.where(tf.nn.softmax(logits) > 0.5, logits, -float("inf")),
    "Keep a token that has most of the probability.",
)
ZERO_TIMES = sampler(lambda logits, tf: logits * 0, "Make minus infinity times zero: NaN.")
FLOOR = sampler(lambda logits, tf: tf.maximum(logits, -1e9), "Keep logits above a floor.")
OF_ALL = sampler(
    lambda logits, tf: logits / (1 + tf.abs(tf.reduce_max(logits))), "Divide by all rows' maximum."
)
NOISE = sampler(
    lambda logits, tf: logits + tf.random.normal(logits.shape), "Draw, which is not its business."
)
OUT_OF_GRAPH = sampler(
    lambda logits, tf: logits * float(logits.numpy().max() > 0), "Look at the values."
)
PYTHON = sampler(
    lambda logits, tf: tf.py_function(lambda each: each, [logits], tf.float32), "Call Python."
)
OTHERWISE = sampler(
    lambda logits, tf: logits if tf.executing_eagerly() else logits / 2, "Do otherwise in a graph."
)
NARROW = sampler(lambda logits, tf: logits[:, :-1], "Drop a token.")
SMOOTH = sampler(
    lambda logits, tf: tf.math.log(tf.nn.softmax(logits) + 0.1), "Give each token some probability."
)


@attrs.frozen(kw_only=True)
class Tiring(SoundSampler):
    """Is another after a few calls, which only shows in what is drawn in many."""

    _calls: Any = attrs.field(factory=itertools.count, init=False, eq=False, repr=False)

    def transform(self, logits: Any, history: Any) -> Any:
        after = SoundSampler.transform(self, logits, history)
        return after if next(self._calls) < 8 else after * 0.1


@attrs.frozen(kw_only=True)
class Deciding(SoundSampler):
    """Decides by a number that is only known once the program runs."""

    distance: float = option(5.0, help="a distance", above=0, traced=True)

    def transform(self, logits: Any, history: Any) -> Any:
        return SoundSampler.transform(self, logits, history) if self.distance < 100 else logits


@attrs.frozen(kw_only=True)
class Suspicious(SoundSampler):
    """Does something else with what is no number of Python."""

    distance: float = option(5.0, help="a distance", above=0, traced=True)

    def transform(self, logits: Any, history: Any) -> Any:
        return logits * 2.0 if isinstance(self.distance, float) else logits


BROKEN: tuple[tuple[str, type, str], ...] = (
    ("sampler.keeps-one", MAJORITY, "every token is excluded"),
    ("sampler.keeps-one", ZERO_TIMES, "The logit of token 0, -inf, becomes nan"),
    ("sampler.keeps-one", NARROW, "returned logits of shape"),
    ("sampler.never-revives-excluded", FLOOR, "The excluded token 0 got the logit -1e"),
    ("sampler.rows-independent", OF_ALL, "With other rows beside it, the logit of token"),
    ("sampler.repeatable", NOISE, "In a second call the logit of token"),
    ("sampler.compiles", OUT_OF_GRAPH, "As a graph: "),
    ("sampler.compiles", PYTHON, "Under XLA: "),
    ("sampler.compiles", NOISE, "As a graph, the logit of token"),
    ("sampler.traced", Deciding, "traced option distance .*bool"),
    ("sampler.traced", Suspicious, "in place of distance, the logit of token"),
    ("sampler.program", OTHERWISE, "As a program for 1 row, the logit of token"),
    ("sampler.never-draws-excluded", SMOOTH, "The token 0 is drawn in row 0, .* by the core"),
    ("sampler.frequencies", Tiring, "drawn otherwise than by the first logits"),
)
