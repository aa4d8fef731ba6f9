"""The LSTM language model: embeddings, layers of LSTM, and an output over the vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import keras
import tensorflow as tf

from textgen_models.dropout import draw_seed, drop, seed_at
from textgen_models.lstm_layer import LSTMLayer
from textgen_models.ngrams import ngram_embedding
from textgen_models.projection import Projection, TiedOutput, TokenEmbedding


class LSTMLanguageModel(keras.Model):
    """Next-token logits from layers of LSTM; a state of any age can be advanced.

    `options`: whatever has the options of the builder, by name.
    The state is a dict: `layers`, a tuple with float32 `hidden` and `cell`, `(batch, units)`, for
    each layer, and with n-grams `recent`, the last tokens, int32 `(batch, n - 1)`.
    `recompute`: run a layer again in the backward pass in place of keeping what it computed.
    `jit_regions`: have XLA compile the loops of a training step, for one that runs as a graph on a
    CPU. `first_row`: the place in the whole batch of the first row of a call, whose units dropout
    then drops.
    """

    recompute: bool = False
    jit_regions: bool = False
    first_row: Any = 0

    def __init__(self, options: Any, vocabulary_size: int) -> None:
        super().__init__(name="lstm")
        initial = _initialisers(options)
        self.options = options
        self.vocabulary_size = vocabulary_size
        self.seeds = keras.random.SeedGenerator(name="dropout")
        self.embedding = TokenEmbedding(
            vocabulary_size, options.embedding, initial.embeddings(), name="embedding"
        )
        self.ngrams = ngram_embedding(
            vocabulary_size,
            options.ngrams,
            options.ngram_rows,
            options.embedding,
            initial.embeddings,
        )
        self.lstm_layers = [
            _lstm_layer(options, units, initial, f"layer_{number}")
            for number, units in enumerate(options.layer_units, start=1)
        ]
        self.narrowing = None
        if options.tie and options.layer_units[-1] != options.embedding:
            self.narrowing = Projection(options.embedding, initial.kernel(), name="narrowing")
        if options.tie:
            self.head = TiedOutput(vocabulary_size, initial.bias(), name="output")
        else:
            self.head = Projection(vocabulary_size, initial.kernel(), initial.bias(), name="output")
        self.build((None, None))

    def build(self, input_shape: Any) -> None:
        """Create the variables of every layer; `input_shape` is `(batch, time)`."""
        options = self.options
        widths = (options.embedding, *options.layer_units)
        self.embedding.build(input_shape)
        if self.ngrams is not None:
            self.ngrams.build(input_shape)
        for layer, width in zip(self.lstm_layers, widths[:-1], strict=True):
            layer.build((*input_shape, width))
        if self.narrowing is not None:
            self.narrowing.build((*input_shape, widths[-1]))
        self.head.build((*input_shape, self.vocabulary_size if options.tie else widths[-1]))

    def initial_state(self, batch_size: Any) -> Any:
        """Return the state of `batch_size` rows before the first token: zeros."""
        layers = tuple(
            {
                "hidden": tf.zeros((batch_size, units), tf.float32),
                "cell": tf.zeros((batch_size, units), tf.float32),
            }
            for units in self.options.layer_units
        )
        state: dict[str, Any] = {"layers": layers}
        if self.ngrams is not None:
            state["recent"] = tf.zeros((batch_size, self.options.ngrams - 1), tf.int32)
        return state

    def call(self, token_ids: Any, training: bool = False, project: bool = True) -> Any:
        """Return logits `(batch, time, vocabulary)` of integer `(batch, time)`.

        With `project=False`: the hidden vectors, `(batch, time, width)`, that `project` takes.
        """
        state = self.initial_state(tf.shape(token_ids)[0])
        return self.advance(token_ids, state, training=training, project=project)[0]

    def advance(
        self, token_ids: Any, state: Any, training: bool = False, project: bool = True
    ) -> tuple[Any, Any]:
        """Feed integer `(batch, time)` to a state; return what `call` does, and the new state."""
        options = self.options
        seed = draw_seed(self.seeds, self.first_row) if training else None
        # Turning the ids is cheaper than turning what they become.
        hidden = self.embedding(tf.transpose(token_ids))  # (time, batch, width)
        new_state: dict[str, Any] = {}
        if self.ngrams is not None:
            added, new_state["recent"] = self.ngrams(token_ids, state["recent"])
            hidden += tf.transpose(added, (1, 0, 2))
        hidden = drop(hidden, options.input_dropout, seed, rows_axis=1)
        layers = []
        for number, (layer, held) in enumerate(zip(self.lstm_layers, state["layers"]), start=1):
            run = self._runner(layer, seed_at(seed, 2 * number), training and self.jit_regions)
            outputs, last_hidden, cell = run(hidden, held["hidden"], held["cell"])
            layers.append({"hidden": last_hidden, "cell": cell})
            outputs = tf.cast(outputs, self.compute_dtype)
            hidden = drop(outputs, options.dropout, seed_at(seed, 2 * number + 1), rows_axis=1)
        if self.narrowing is not None:
            hidden = self.narrowing(hidden)
        hidden = tf.transpose(hidden, (1, 0, 2))  # (batch, time, width)
        new_state["layers"] = tuple(layers)
        return self.project(hidden) if project else hidden, new_state

    def _runner(self, layer: LSTMLayer, seed: Any, compiled: bool) -> Callable[..., Any]:
        def run(inputs: Any, hidden: Any, cell: Any) -> Any:
            return layer(inputs, hidden, cell, seed=seed, compiled=compiled)

        return tf.recompute_grad(run) if self.recompute else run

    def project(self, hidden: Any) -> Any:
        """Return logits `(..., vocabulary)` of hidden vectors `(..., width)`."""
        hidden = tf.cast(hidden, self.compute_dtype)
        return self.head(self.embedding.logits(hidden) if self.options.tie else hidden)

    @property
    def token_embeddings(self) -> Any:
        """The vectors `(vocabulary, embedding)` that stand for the tokens at the input."""
        return self.embedding.embeddings

    @property
    def adam_variables(self) -> list[Any]:
        """What the Muon optimizer leaves to Adam: embeddings, output, and all that is no matrix."""
        layers = [each for each in (self.embedding, self.ngrams, self.head) if each is not None]
        kept = {id(variable) for layer in layers for variable in layer.weights}
        return [
            variable
            for variable in self.trainable_variables
            if id(variable) in kept or len(variable.shape) != 2
        ]


@attrs.frozen
class _Initialisers:
    """A fresh initialiser of each kind with every call: one that is used twice repeats itself."""

    embeddings: Any
    kernel: Any
    recurrent: Any
    bias: Any


def _initialisers(options: Any) -> _Initialisers:
    initializers = keras.initializers
    if options.initialiser == "uniform":

        def uniform() -> Any:
            return initializers.RandomUniform(-options.scale, options.scale)

        return _Initialisers(uniform, uniform, uniform, uniform)
    return _Initialisers(
        lambda: initializers.RandomNormal(stddev=0.01),
        initializers.GlorotUniform,
        initializers.Orthogonal,
        initializers.Zeros,
    )


def _lstm_layer(options: Any, units: int, initial: _Initialisers, name: str) -> LSTMLayer:
    lstm = keras.layers.LSTM(
        units,
        kernel_initializer=initial.kernel(),
        recurrent_initializer=initial.recurrent(),
        bias_initializer=initial.bias(),
        unit_forget_bias=options.initialiser == "glorot",
        return_sequences=True,
        return_state=True,
        dtype="float32",
        name="lstm",
    )
    return LSTMLayer(lstm, options.recurrent_dropout, options.implementation, name=name)
