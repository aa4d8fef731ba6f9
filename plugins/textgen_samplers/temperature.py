"""Temperature: a distribution made sharper or flatter."""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option

# The smallest divisor: a logit of any size that occurs, divided by it, is still a finite float32.
COLDEST = 1e-30


@attrs.frozen(kw_only=True)
class TemperatureSampler(Sampler):
    """Divide the logits by t: below 1 bolder tokens win, above 1 rare ones come up.

    After Ackley, Hinton and Sejnowski, "A learning algorithm for Boltzmann machines" (1985).
    """

    t: float = option(
        1.0, help="the temperature: 1 changes nothing, near 0 is greedy", above=0, traced=True
    )

    def transform(self, logits: Any, history: History) -> Any:  # noqa: ARG002
        """Return the logits, float32 `(batch, vocabulary)`, divided by the temperature."""
        import tensorflow as tf

        return logits / tf.maximum(self.t, COLDEST)
