"""The sampler `epsilon`: as it stands, epsilon sampling.

It works as it is. Put your own idea in its place; the comments say what each part is for.
"""

from __future__ import annotations

from typing import Any

import attrs
from textgen_core import History, Sampler, option


# A component is a frozen attrs class on one of textgen's contracts. The first line of its docstring
# is what `textgen plugins` shows.
@attrs.frozen(kw_only=True)
class EpsilonSampler(Sampler):
    """Keep the tokens that are at least so probable, and always the most probable one.

    From Hewitt, Manning and Liang, "Truncation sampling as language model desmoothing" (2022).
    """

    # What a person may set: `epsilon:least=0.02`.
    # The type says how that text is read; the bounds are checked before the class is constructed.
    least: float = option(0.01, help="the smallest probability that is kept", above=0, at_most=1)

    # A sampler says what may be drawn, and textgen draws: so a seed means the same for all of them.
    def transform(self, logits: Any, history: History, least: Any = None) -> Any:
        """Return the logits, float32 `(batch, vocabulary)`, with the other tokens at -inf."""
        import tensorflow as tf  # heavy, hence in here: a mistyped option need not wait for it

        # An option that is an argument too comes as a tensor: another value compiles nothing.
        least = self.least if least is None else least
        highest = tf.reduce_max(logits, axis=1, keepdims=True)  # (batch, 1)
        is_kept = (tf.nn.softmax(logits) >= least) | (logits >= highest)
        return tf.where(is_kept, logits, -float("inf"))
