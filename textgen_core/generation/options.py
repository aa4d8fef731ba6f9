"""How texts are written, whatever the prompts and the samplers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from textgen_core.config.settings import MOST_TOKENS
from textgen_core.errors import UsageError

SHORT = 512  # tokens that a graph writes before XLA has compiled
_WAYS = ("xla", "graph", "auto")


@attrs.frozen(kw_only=True)
class GenerationOptions:
    """What one call of a generator holds to.

    Args:
        max_new_tokens: a text ends after so many, at <END> or before a stop string.
        seed: any whole number; the same one writes the same texts.
        stop: texts to stop before, wherever they begin in a token.
        first_sample: the number of the first text. A text's number makes its random numbers, so
            that one prompt given N times brings N different texts.
        alternatives: how many tokens a trace shows at each step; 0: there is no trace.
        tokens: whether pieces carry their tokens, as they do where there are alternatives.
        bias: what is added to the logits of some tokens, by id, before any sampler sees them.
        is_shared: whether other texts are written meanwhile, so that one core is enough for it.
        compile: of a model that TensorFlow computes. "xla"; "graph", which is slower and begins
            seconds sooner; "auto", a graph where no more than SHORT tokens are requested, for a
            text that no other follows.

    Raises:
        UsageError: a value that nothing can be written with.
    """

    max_new_tokens: int
    seed: int
    stop: Sequence[str] = ()
    first_sample: int = 0
    alternatives: int = 0
    tokens: bool = False
    bias: Mapping[int, float] = attrs.field(factory=dict)
    is_shared: bool = False
    compile: Literal["xla", "graph", "auto"] = "xla"

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.max_new_tokens <= MOST_TOKENS:
            raise UsageError(
                f"max_new_tokens is {self.max_new_tokens}.",
                f"Allowed: at least 1, at most {MOST_TOKENS}.",
            )
        if isinstance(self.stop, str):
            raise UsageError("The stop strings are a single text.", "Allowed: a list of texts.")
        if not all(self.stop):
            raise UsageError("A stop string is empty.", "Allowed: at least one character.")
        if self.compile not in _WAYS:
            raise UsageError(f"compile is {self.compile!r}.", f"Allowed: {', '.join(_WAYS)}.")

    @property
    def carries_tokens(self) -> bool:
        """Whether pieces carry their tokens."""
        return self.tokens or self.alternatives > 0

    def compile_with(self, texts: int) -> str:
        """Return "xla" or "graph": what writes so many texts."""
        if self.compile != "auto":
            return self.compile
        return "graph" if texts * self.max_new_tokens <= SHORT else "xla"
