"""The Transformer language model: embeddings, blocks, and an output over the vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from textgen_models.block import Block
from textgen_models.dropout import draw_seed, drop, seed_at
from textgen_models.ngrams import ngram_embedding
from textgen_models.normalisation import normalisation
from textgen_models.positions import rotation, sinusoidal_encoding
from textgen_models.projection import Projection, TiedOutput, TokenEmbedding, sizes

EMBEDDING_DEVIATION = 0.02


class TransformerLanguageModel(keras.Model):
    """Next-token logits from causal blocks; its state holds keys, values and a length.

    The state is a dict: `length`, an int32 scalar, and `blocks`, a tuple with `keys` and `values`,
    `(batch * head, size, capacity)` in the policy's compute dtype, for each block. With
    convolutions there is `seen`, what each of a block's two saw last, side by side in one tensor,
    `(batch, 2 * layers * (size - 1), width)`, and with n-grams `recent`, the last tokens, int32
    `(batch, n - 1)`.
    `recompute`: run a block again in the backward pass in place of keeping what it computed.
    `jit_regions`: have XLA compile what lies between the products of a training step, for one that
    runs as a graph on a CPU. `first_row`: the place in the whole batch of the first row of a call,
    whose units dropout then drops.
    """

    recompute: bool = False
    jit_regions: bool = False
    first_row: Any = 0

    def __init__(self, options: Any, vocabulary_size: int, capacity: int) -> None:
        super().__init__(name="transformer")
        self.options = options
        self.vocabulary_size = vocabulary_size
        self.state_capacity = capacity
        self.seeds = keras.random.SeedGenerator(name="dropout")
        self.embedding = TokenEmbedding(
            vocabulary_size, options.width, _embedding_initialiser(), name="embedding"
        )
        self.position_embedding = None
        if options.positions == "learned":
            self.position_embedding = TokenEmbedding(
                capacity, options.width, _embedding_initialiser(), name="position_embedding"
            )
        self.ngrams = ngram_embedding(
            vocabulary_size,
            options.ngrams,
            options.ngram_rows,
            options.width,
            _embedding_initialiser,
        )
        self.blocks = [
            Block(options, name=f"block_{number}") for number in range(1, options.layers + 1)
        ]
        self.final_norm = normalisation(options.norm, "final_norm")
        self.head = _head(options, vocabulary_size)
        self.build((None, None))

    def build(self, input_shape: Any) -> None:
        """Create the variables of every layer; `input_shape` is `(batch, time)`."""
        stream = (*input_shape, self.options.width)
        self.embedding.build(input_shape)
        if self.position_embedding is not None:
            self.position_embedding.build(input_shape[1:])
        if self.ngrams is not None:
            self.ngrams.build(input_shape)
        for block in self.blocks:
            block.build(stream)
        self.final_norm.build(stream)
        self.head.build((*input_shape, self.vocabulary_size) if self.options.tie else stream)

    def initial_state(self, batch_size: Any) -> Any:
        """Return the state of `batch_size` rows before the first token."""
        options, dtype = self.options, self.compute_dtype
        cache = (batch_size * options.heads, options.head_size, self.state_capacity)
        blocks = tuple(
            {
                "keys": tf.zeros(cache, dtype),
                "values": tf.zeros(cache, dtype),
            }
            for _ in self.blocks
        )
        state = {"length": tf.zeros((), tf.int32), "blocks": blocks}
        if options.convolution:
            seen = 2 * options.layers * (options.convolution - 1)
            state["seen"] = tf.zeros((batch_size, seen, options.width), dtype)
        if self.ngrams is not None:
            state["recent"] = tf.zeros((batch_size, options.ngrams - 1), tf.int32)
        return state

    def call(self, token_ids: Any, training: bool = False, project: bool = True) -> Any:
        """Return logits `(batch, time, vocabulary)` of integer `(batch, time)`.

        With `project=False`: the hidden vectors, `(batch, time, width)`, that `project` takes.
        Raises ValueError if there are more tokens than learned positions.
        """
        time = token_ids.shape[1]
        if self.position_embedding is not None and time is not None and time > self.state_capacity:
            raise ValueError(f"{time} tokens, and positions were learned for {self.state_capacity}")
        positions = tf.range(sizes(token_ids)[1])
        return self._run(token_ids, positions, None, training, project)[0]

    def advance(
        self, token_ids: Any, state: Any, training: bool = False, project: bool = True
    ) -> tuple[Any, Any]:
        """Feed integer `(batch, time)` to a state; return what `call` does, and the new state.

        The caller sees to it that the state never holds more than `state_capacity` tokens.
        """
        time = sizes(token_ids)[1]
        positions = state["length"] + tf.range(time)
        outputs, kept = self._run(token_ids, positions, state, training, project)
        return outputs, {"length": state["length"] + time, **kept}

    def project(self, hidden: Any) -> Any:
        """Return logits `(..., vocabulary)` of hidden vectors `(..., width)`.

        They are float32 with a soft cap (Gemma Team 2024), else of the compute dtype.
        """
        hidden = tf.cast(hidden, self.compute_dtype)
        logits = self.head(self.embedding.logits(hidden) if self.options.tie else hidden)
        cap = self.options.soft_cap
        return logits if cap is None else cap * tf.tanh(tf.cast(logits, tf.float32) / cap)

    @property
    def token_embeddings(self) -> Any:
        """The vectors `(vocabulary, width)` that stand for the tokens at the input."""
        return self.embedding.embeddings

    def attention(self, token_ids: Any) -> Any:
        """Return what each position of int32 `(time,)` attends to: `(layers, heads, time, time)`.

        float32; rows sum to one. No more tokens than `state_capacity`.
        """
        positions = tf.range(sizes(token_ids)[0])
        stream, _ = self._embed(token_ids[None], positions, None)
        turn = self._rotation(positions)
        shares = []
        for block in self.blocks:
            shares.append(block.attention_shares(stream, positions, turn)[0])
            stream, _ = block(stream, positions, rotation=turn)
        return tf.stack(shares)

    @property
    def adam_variables(self) -> list[Any]:
        """What the Muon optimizer leaves to Adam: embeddings, output, and all that is no matrix."""
        embeddings = (self.embedding, self.position_embedding, self.ngrams)
        convolutions = [each for block in self.blocks for each in block.convolutions.values()]
        layers = [each for each in (*embeddings, *convolutions, self.head) if each is not None]
        kept = {id(variable) for layer in layers for variable in layer.weights}
        return [
            variable
            for variable in self.trainable_variables
            if id(variable) in kept or len(variable.shape) != 2
        ]

    def _run(
        self, token_ids: Any, positions: Any, held: Any, training: bool, project: bool
    ) -> tuple[Any, Any]:
        options = self.options
        seed = draw_seed(self.seeds, self.first_row) if training else None
        embedded, kept = self._embed(token_ids, positions, held)
        stream = drop(embedded, options.dropout, seed)
        turn = self._rotation(positions)
        blocks = []
        for number, (block, of_block) in enumerate(zip(self.blocks, self._held(held), strict=True)):
            compiled = training and self.jit_regions
            run = self._runner(block, positions, turn, seed_at(seed, 2 * number + 1), compiled)
            stream, of_block = run(stream, of_block)
            blocks.append(of_block)
        hidden = self.final_norm(stream)
        outputs = self.project(hidden) if project else hidden
        return outputs, kept if held is None else {**self._kept(blocks), **kept}

    def _held(self, state: Any) -> list[Any]:
        """Return what each block takes as `held`."""
        if state is None:
            return [None] * len(self.blocks)
        if not self.options.convolution:
            return list(state["blocks"])
        seen = iter(tf.split(state["seen"], 2 * len(self.blocks), axis=1))
        return [
            {**caches, **{name: next(seen) for name in block.convolutions}}
            for block, caches in zip(self.blocks, state["blocks"], strict=True)
        ]

    def _kept(self, blocks: list[Any]) -> dict[str, Any]:
        """Return what each block has kept as it is in a state."""
        caches = tuple({name: kept[name] for name in ("keys", "values")} for kept in blocks)
        if not self.options.convolution:
            return {"blocks": caches}
        seen = [
            kept[name] for block, kept in zip(self.blocks, blocks) for name in block.convolutions
        ]
        return {"blocks": caches, "seen": tf.concat(seen, axis=1)}

    def _runner(
        self, block: Block, positions: Any, turn: Any, seed: Any, compiled: bool
    ) -> Callable[..., Any]:
        def run(stream: Any, held: Any = None) -> Any:
            return block(stream, positions, rotation=turn, held=held, seed=seed, compiled=compiled)

        def run_again(stream: Any, held: Any) -> Any:
            @tf.recompute_grad  # type: ignore[untyped-decorator]
            def of_stream(stream: Any) -> Any:
                after, kept = run(stream, held)
                # It is for the next batch, and no gradient flows back over that border.
                return after, tf.nest.map_structure(tf.stop_gradient, kept)

            return of_stream(stream)

        # The backward pass begins with the last block: to forget what it computed saves nothing.
        return run_again if self.recompute and block is not self.blocks[-1] else run

    def _rotation(self, positions: Any) -> Any:
        options = self.options
        return rotation(positions, options.head_size) if options.positions == "rotary" else None

    def _embed(self, token_ids: Any, positions: Any, held: Any) -> tuple[Any, dict[str, Any]]:
        """Return the stream before the first block, and what it adds to the state."""
        embedded, kept = self.embedding(token_ids), {}
        if self.ngrams is not None:
            added, kept["recent"] = self.ngrams(token_ids, None if held is None else held["recent"])
            embedded += added
        if self.position_embedding is not None:
            embedded += self.position_embedding(positions)
        if self.options.positions == "sinusoidal":
            # Scaled to the embeddings' size at the start, so that neither drowns the other.
            encoding = sinusoidal_encoding(positions, self.options.width)
            embedded += tf.cast(EMBEDDING_DEVIATION * encoding, embedded.dtype)
        return embedded, kept


def _embedding_initialiser() -> Any:
    return keras.initializers.RandomNormal(stddev=EMBEDDING_DEVIATION)


def _head(options: Any, vocabulary_size: int) -> keras.layers.Layer:
    if options.tie:
        return TiedOutput(vocabulary_size, "zeros", name="output")
    kernel = "zeros" if options.zero_projections else "glorot_uniform"
    return Projection(vocabulary_size, kernel, "zeros", name="output")
