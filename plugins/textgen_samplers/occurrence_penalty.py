"""Penalties by how often a text has used a token, as OpenAI's API defines them.

They are subtracted, and the prompt does not count; `repetition_penalty` divides, and it does there.
"""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option


@attrs.frozen(kw_only=True)
class OccurrencePenaltySampler(Sampler):
    """Make the tokens that the new text holds less probable, the more often it holds them.

    The frequency and presence penalties of OpenAI's API: `frequency` is subtracted from a token's
    logit for each time that it was written, `presence` once if it was written at all. The prompt
    does not count.
    """

    frequency: float = option(
        0.5,
        help="subtracted for each occurrence; 0 changes nothing, below 0 repetition is rewarded",
        at_least=-100,
        at_most=100,
        traced=True,
    )
    presence: float = option(
        0.0,
        help="subtracted once for a token that occurs; 0 changes nothing",
        at_least=-100,
        at_most=100,
        traced=True,
    )

    def transform(self, logits: Any, history: History) -> Any:
        """Return the logits, float32 `(batch, vocabulary)`, less the penalties."""
        import tensorflow as tf

        from textgen_samplers.seen_tokens import occurrences

        places = tf.range(history.token_ids.shape[1])[None]  # (1, capacity)
        is_new = (places >= history.prompt_length[:, None]) & (places < history.length[:, None])
        counts = tf.cast(occurrences(history.token_ids, is_new, logits.shape[1]), tf.float32)
        return logits - (counts * self.frequency + tf.minimum(counts, 1.0) * self.presence)
