"""One block of a Transformer: attention and feed-forward, normalised before and added after."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from textgen_models.attention import CausalSelfAttention
from textgen_models.convolution import CausalConvolution
from textgen_models.dropout import drop, seed_at
from textgen_models.normalisation import normalisation
from textgen_models.projection import Projection


class Block(keras.layers.Layer):
    """Attention, then feed-forward, on a residual stream `(batch, time, width)`."""

    def __init__(self, options: Any, *, name: str) -> None:
        super().__init__(name=name)
        self.dropout = options.dropout
        self.attention_norm = normalisation(options.norm, "attention_norm")
        self.attention = CausalSelfAttention(options, name="attention")
        self.feed_forward_norm = normalisation(options.norm, "feed_forward_norm")
        self.feed_forward = FeedForward(options, name="feed_forward")
        self.attention_convolution = self.feed_forward_convolution = None
        if options.convolution:
            self.attention_convolution = CausalConvolution(
                options.convolution, name="attention_convolution"
            )
            self.feed_forward_convolution = CausalConvolution(
                options.convolution, name="feed_forward_convolution"
            )

    def build(self, input_shape: Any) -> None:
        """Create the variables of both parts."""
        self.attention_norm.build(input_shape)
        self.attention.build(input_shape)
        self.feed_forward_norm.build(input_shape)
        self.feed_forward.build(input_shape)
        for convolution in self.convolutions.values():
            convolution.build(input_shape)

    @property
    def convolutions(self) -> dict[str, CausalConvolution]:
        """The convolutions, by what they are called in a state; none without the option."""
        named = {
            "before_attention": self.attention_convolution,
            "before_feed_forward": self.feed_forward_convolution,
        }
        return {name: each for name, each in named.items() if each is not None}

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the stream, unchanged."""
        return input_shape

    def call(
        self, stream: Any, positions: Any, rotation: Any = None, held: Any = None, seed: Any = None
    ) -> tuple[Any, Any]:
        """Return the stream after this block, and what the next tokens need of these.

        held: `keys`, `values`, and with convolutions `before_attention` and `before_feed_forward`,
        what each has seen last; None: nothing came before.
        """
        kept: dict[str, Any] = {}

        def convolved(name: str, inputs: Any) -> Any:
            if name not in self.convolutions:
                return inputs
            seen = None if held is None else held[name]
            outputs, kept[name] = self.convolutions[name](inputs, seen)
            return outputs

        inputs = convolved("before_attention", self.attention_norm(stream))
        attended, keys_and_values = self.attention(inputs, positions, rotation=rotation, held=held)
        stream += drop(attended, self.dropout, seed)
        added = self.feed_forward(convolved("before_feed_forward", self.feed_forward_norm(stream)))
        return stream + drop(added, self.dropout, seed_at(seed, 1)), {**keys_and_values, **kept}

    def attention_shares(self, stream: Any, positions: Any, rotation: Any = None) -> Any:
        """Return how the attention of a call looks back: float32 `(batch, heads, time, time)`."""
        inputs = self.attention_norm(stream)
        if self.attention_convolution is not None:
            inputs, _ = self.attention_convolution(inputs, None)
        return self.attention.shares(inputs, positions, rotation=rotation)


class FeedForward(keras.layers.Layer):
    """Two matrices with an activation between them, at every position alike."""

    def __init__(self, options: Any, *, name: str) -> None:
        super().__init__(name=name)
        self.activation = options.activation
        last = "zeros" if options.zero_projections else "glorot_uniform"
        self.expanding = Projection(
            options.feed_forward, "glorot_uniform", "zeros", name="expanding"
        )
        self.gate = None
        if options.activation == "swiglu":
            self.gate = Projection(options.feed_forward, "glorot_uniform", "zeros", name="gate")
        self.contracting = Projection(options.width, last, "zeros", name="contracting")

    def build(self, input_shape: Any) -> None:
        """Create the matrices `(width, feed_forward)` and `(feed_forward, width)`."""
        self.expanding.build(input_shape)
        if self.gate is not None:
            self.gate.build(input_shape)
        self.contracting.build((*input_shape[:-1], self.expanding.units))

    def call(self, inputs: Any) -> Any:
        """Return `(batch, time, width)` of the same."""
        expanded = self.expanding(inputs)
        if self.gate is not None:
            expanded *= tf.nn.silu(self.gate(inputs))  # Shazeer 2020
        elif self.activation == "squared-relu":
            expanded = tf.square(tf.nn.relu(expanded))  # So et al. 2021
        elif self.activation == "relu":
            expanded = tf.nn.relu(expanded)
        else:
            expanded = tf.nn.gelu(expanded, approximate=True)
        return self.contracting(expanded)
