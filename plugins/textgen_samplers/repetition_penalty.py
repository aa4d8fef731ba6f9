"""A penalty on tokens that the text already holds; for phrases there is `no_repeat_ngram`."""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option


@attrs.frozen(kw_only=True)
class RepetitionPenaltySampler(Sampler):
    """Make the tokens that occur in the prompt or the text less probable.

    A positive logit of theirs is divided by the penalty, a negative one multiplied. From Keskar,
    McCann, Varshney, Xiong and Socher, "CTRL: a conditional Transformer language model for
    controllable generation" (2019).
    """

    penalty: float = option(
        1.2, help="1 changes nothing; below 1 repetition is rewarded", above=0, traced=True
    )
    last: int | None = option(
        None,
        help="how many of the last tokens count; none: all of them",
        at_least=1,
        at_most=1_000_000,
    )

    def transform(self, logits: Any, history: History) -> Any:
        """Return the logits, float32 `(batch, vocabulary)`, those of tokens seen made smaller."""
        import tensorflow as tf

        from textgen_samplers.seen_tokens import occurring

        places = tf.range(history.token_ids.shape[1])[None]  # (1, capacity)
        counts = places < history.length[:, None]
        if self.last is not None:
            counts &= places >= history.length[:, None] - self.last
        seen = occurring(history.token_ids, counts, logits.shape[1])
        penalised = tf.where(logits > 0, logits / self.penalty, logits * self.penalty)
        return tf.where(seen, penalised, logits)
