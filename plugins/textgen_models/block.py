"""One block of a Transformer: attention and feed-forward, normalised before and added after."""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
import tensorflow as tf

from textgen_models.attention import CausalSelfAttention
from textgen_models.convolution import CausalConvolution, convolved
from textgen_models.dropout import drop, seed_at
from textgen_models.normalisation import normalisation, normalised
from textgen_models.projection import Projection
from textgen_models.regions import region


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
        self,
        stream: Any,
        positions: Any,
        rotation: Any = None,
        held: Any = None,
        seed: Any = None,
        compiled: bool = False,
    ) -> tuple[Any, Any]:
        """Return the stream after this block, and what the next tokens need of these.

        held: `keys`, `values`, and with convolutions `before_attention` and `before_feed_forward`,
        what each has seen last; None: nothing came before. compiled: whether XLA compiles what
        lies between the products.
        """
        kept: dict[str, Any] = {}

        def prepared(name: str, norm: Any) -> Any:
            seen = None if held is None or name not in self.convolutions else held[name]
            outputs, after = self._prepared(name, norm, stream, seen, compiled)
            if after is not None:
                kept[name] = after
            return outputs

        inputs = prepared("before_attention", self.attention_norm)
        attended, keys_and_values = self.attention(
            inputs, positions, rotation=rotation, held=held, compiled=compiled
        )
        stream = self._added(stream, attended, seed, compiled)
        added = self.feed_forward(
            prepared("before_feed_forward", self.feed_forward_norm), compiled=compiled
        )
        stream = self._added(stream, added, seed_at(seed, 1), compiled)
        return stream, {**keys_and_values, **kept}

    def _prepared(
        self, name: str, norm: Any, stream: Any, held: Any, compiled: bool
    ) -> tuple[Any, Any]:
        """Return the stream normalised and convolved, and what the convolution has seen last."""
        convolution = self.convolutions.get(name)
        if not compiled:
            inputs = norm(stream)
            return (inputs, None) if convolution is None else convolution(inputs, held)
        weights = [tf.convert_to_tensor(weight) for weight in norm.weights]
        if convolution is None:
            return _NORMALISED(stream, *weights), None
        kernel = tf.convert_to_tensor(convolution.kernel)
        if held is None:
            return _NORMALISED_AND_CONVOLVED(stream, kernel, *weights), None
        outputs, seen = _CONVOLVED(_NORMALISED(stream, *weights), kernel, held)
        return outputs, seen

    def _added(self, stream: Any, part: Any, seed: Any, compiled: bool) -> Any:
        """Return the stream with what a part gave, some of it dropped."""
        if not compiled or seed is None or not self.dropout:
            return stream + drop(part, self.dropout, seed)
        return stream + _dropped_region(self.dropout)(part, seed)

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

    def call(self, inputs: Any, compiled: bool = False) -> Any:
        """Return `(batch, time, width)` of the same."""
        if not compiled:
            gate = () if self.gate is None else (self.gate(inputs),)
            return self.contracting(_activated(self.activation, self.expanding(inputs), *gate))
        layers = [self.expanding, *(() if self.gate is None else (self.gate,))]
        products = [layer.product(inputs) for layer in layers]
        biases = [tf.convert_to_tensor(layer.bias) for layer in layers]
        return self.contracting(_ACTIVATED[self.activation](*products, *biases))


def _activated(activation: str, expanded: Any, gate: Any = None) -> Any:
    if gate is not None:
        return expanded * tf.nn.silu(gate)  # Shazeer 2020
    if activation == "squared-relu":
        return tf.square(tf.nn.relu(expanded))  # So et al. 2021
    if activation == "relu":
        return tf.nn.relu(expanded)
    return tf.nn.gelu(expanded, approximate=True)


@cache  # all layers have one, which is compiled once
def _dropped_region(rate: float) -> Any:
    return region(lambda part, seed: drop(part, rate, seed))


def _activated_region(activation: str) -> Any:
    def with_biases(*given: Any) -> Any:
        products, biases = given[: len(given) // 2], given[len(given) // 2 :]
        return _activated(
            activation, *(one + tf.cast(bias, one.dtype) for one, bias in zip(products, biases))
        )

    return region(with_biases)


_ACTIVATED = {name: _activated_region(name) for name in ("gelu", "relu", "squared-relu", "swiglu")}
_NORMALISED = region(lambda stream, *weights: normalised(stream, weights))
_CONVOLVED = region(convolved)
_NORMALISED_AND_CONVOLVED = region(
    lambda stream, kernel, *weights: convolved(normalised(stream, weights), kernel)[0]
)
