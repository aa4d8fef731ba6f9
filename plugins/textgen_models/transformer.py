"""The Transformer's options. The layers are in `transformer_model`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import attrs

from textgen_core import ModelBuilder, option

if TYPE_CHECKING:
    import keras


@attrs.frozen(kw_only=True)
class TransformerBuilder(ModelBuilder):
    """A causal Transformer with a key/value cache; the defaults are the plain textbook one."""

    bfloat16_on_cpu: ClassVar[bool] = True

    layers: int = option(4, help="blocks of attention and feed-forward", at_least=1)
    heads: int = option(4, help="attention heads", at_least=1)
    head_size: int = option(
        32, help="size of a head; heads times this is the model's width", at_least=1
    )
    feed_forward: int = option(512, help="width inside the feed-forward part", at_least=1)
    positions: Literal["sinusoidal", "learned", "rotary"] = option(
        "sinusoidal", help="how the model knows where a token stands"
    )
    norm: Literal["layer", "rms"] = option("layer", help="the normalisation before each part")
    activation: Literal["gelu", "relu", "squared-relu", "swiglu"] = option(
        "gelu", help="the activation inside the feed-forward part"
    )
    dropout: float = option(
        0.1, help="share dropped after the embeddings and after each part", at_least=0, below=1
    )
    tie: bool = option(False, help="use the token embeddings as the output's matrix too")
    normalise_queries: bool = option(False, help="give queries and keys unit mean square")
    zero_projections: bool = option(
        False, help="start the last matrix of each part and the output's at zero"
    )
    soft_cap: float | None = option(
        None, help="keep logits within plus or minus this, smoothly", above=0
    )
    convolution: int = option(
        0,
        help="tokens that a causal convolution before each part of a block sees; 0: none",
        at_least=0,
    )
    ngrams: int = option(
        1, help="add embeddings of the last 2 to this many tokens together; 1: none", at_least=1
    )
    ngram_rows: int = option(
        16_384, help="the most embeddings for n-grams of one length; more share them", at_least=1
    )
    capacity: int | None = option(
        None, help="tokens that the cache holds; none: the training window", at_least=2
    )

    def __attrs_post_init__(self) -> None:
        if self.positions == "rotary" and self.head_size % 2:
            raise ValueError(f"rotary positions need an even head_size, not {self.head_size}")
        if self.positions == "sinusoidal" and self.width % 2:
            raise ValueError(f"sinusoidal positions need an even width, not {self.width}")
        if self.convolution == 1:
            raise ValueError("a convolution over 1 token sees nothing else: use 0, or 2 and more")

    @property
    def width(self) -> int:
        """The width of the model: of its embeddings and between its blocks."""
        return self.heads * self.head_size

    def build(self, vocabulary_size: int, context_length: int) -> keras.Model:
        """Return the model, its variables drawn.

        Raises ValueError if the cache would hold less than a training window.
        """
        from textgen_models.transformer_model import TransformerLanguageModel

        capacity = context_length if self.capacity is None else self.capacity
        if capacity < context_length:
            raise ValueError(
                f"capacity is {capacity}, less than the training window of {context_length}"
            )
        return TransformerLanguageModel(self, vocabulary_size, capacity)
