"""Model builders that break one rule each: `testing.tiny_models` has the faults."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from testing.sound import PlainBuilder, SoundBuilder


def builder(fault: str, base: type[SoundBuilder] = SoundBuilder) -> type[SoundBuilder]:
    """Return a builder whose models have a fault."""
    body = {"fault": fault, "__doc__": f"Builds a model: {fault}.", "__module__": __name__}
    return attrs.frozen(kw_only=True)(type("FaultyBuilder", (base,), body))


@attrs.frozen(kw_only=True)
class HalfBuilder(SoundBuilder):
    """Builds a model that can be advanced, but from no beginning."""

    def build(self, vocabulary_size: int, context_length: int) -> Any:
        from testing.tiny_models import AdvancingModel, CountingModel

        class HalfModel(CountingModel):
            advance = AdvancingModel.advance

        return HalfModel(vocabulary_size, self.width, "")


@attrs.frozen(kw_only=True)
class HashingBuilder(SoundBuilder):
    """Builds a model whose first weights are others in every process."""

    fault: ClassVar[str] = "begins by its hashes"


@attrs.frozen(kw_only=True)
class CountingBuilder(SoundBuilder):
    """Builds a model that computes otherwise in every process."""

    fault: ClassVar[str] = "counts on its process"


BROKEN: tuple[tuple[str, type, str], ...] = (
    ("model.shape", builder("another vocabulary"), r"logits of shape \(1, 2, 12\)"),
    ("model.shape", builder("infinite"), "are not finite"),
    ("model.causal", builder("looks ahead"), "Other tokens from position 1 on change"),
    ("model.rows-independent", builder("mixes rows"), "With other rows beside it"),
    ("model.advance-equals-call", builder("forgets"), "In chunks of"),
    ("model.advance-equals-call", builder("grows its state"), "into one of"),
    ("model.advance-equals-call", HalfBuilder, "It offers advance alone"),
    ("model.learns", builder("never learns"), "After 100 steps"),
    ("model.learns", builder("infinite"), "In step 1 .* not finite"),
    ("model.compiles", builder("leaves the graph"), "As a graph: "),
    ("model.compiles", builder("XLA cannot", PlainBuilder), "No layer's supports_jit is False"),
    ("model.program", builder("is another in a graph"), "As a program for 1 row its logits differ"),
    ("model.token-embeddings", builder("embeds too few"), r"shape \(10, 16\)"),
    ("model.token-embeddings", builder("embeds all alike"), "10 of its 11 tokens are alike"),
    ("model.attention", builder("attends ahead"), "of what comes later"),
    ("model.attention", builder("shares too much"), "a row whose sum is off by 0.1"),
    ("model.attention", builder("forgets its layers"), r"shape \(1, 12, 12\)"),
    ("model.attention", builder("looks at how much comes"), "With tokens after the first 6"),
    ("model.repeatable", builder("begins by chance"), "two beginnings of"),
    ("model.repeatable", builder("has a seed of its own"), "a seed of its own"),
    (
        "component.restored",
        HashingBuilder,
        "a fresh process builds it with another",
    ),
    ("component.restored", CountingBuilder, "in a fresh process differ by"),
    ("component.frozen-random-state", builder("draws numbers"), "changes the state of random"),
)
