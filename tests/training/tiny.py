"""Small models, settings and jobs that the tests of training share."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from tokenizers import Tokenizer, models, pre_tokenizers

from textgen_core.config.settings import TrainingSettings
from textgen_core.data.batches import Batch
from textgen_core.data.tokenizer import SPECIAL_TOKENS
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.optimizer import build_optimizer
from textgen_core.training.step import TrainingStep

VOCABULARY, WIDTH, TIME = 13, 6, 5


def build_tokenizer(vocabulary_size=VOCABULARY):
    words = [*SPECIAL_TOKENS, *(f"w{number}" for number in range(4, vocabulary_size))]
    vocabulary = {word: position for position, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<UNK>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


class TinyModel(keras.Model):
    """Embedding, a running mean over the past, an output; dropout where it is asked for."""

    def __init__(self, dropout=0.0, seed=3):
        super().__init__(name="tiny")
        glorot = keras.initializers.GlorotUniform
        self.embedding = keras.layers.Embedding(
            VOCABULARY, WIDTH, embeddings_initializer=glorot(seed), name="embedding"
        )
        self.hidden = keras.layers.Dense(
            WIDTH, "tanh", kernel_initializer=glorot(seed + 1), name="hidden"
        )
        self.dropout = keras.layers.Dropout(dropout, seed=seed, name="dropout")
        self.head = keras.layers.Dense(
            VOCABULARY, kernel_initializer=glorot(seed + 2), name="output"
        )
        self(np.zeros((1, 2), np.int32))

    def call(self, token_ids, training=False, project=True):
        zeros = tf.zeros((tf.shape(token_ids)[0], WIDTH))
        return self._run(token_ids, {"sum": zeros, "count": tf.zeros(())}, training, project)[0]

    def initial_state(self, batch_size):
        return {"sum": tf.zeros((batch_size, WIDTH)), "count": tf.zeros(())}

    def advance(self, token_ids, state, training=False, project=True):
        return self._run(token_ids, state, training, project)

    def project(self, hidden):
        return self.head(hidden)

    def _run(self, token_ids, state, training, project):
        embedded = self.embedding(token_ids)
        sums = state["sum"][:, None] + tf.cumsum(embedded, axis=1)
        time = token_ids.shape[1]
        counts = state["count"] + tf.range(1, time + 1, dtype=tf.float32)
        hidden = self.dropout(self.hidden(sums / counts[None, :, None]), training=training)
        state = {"sum": sums[:, -1], "count": state["count"] + time}
        return self.project(hidden) if project else hidden, state


class CappedModel(TinyModel):
    """A state that holds so many tokens and no more; it says when it is given too many."""

    state_capacity = 3 * TIME

    def advance(self, token_ids, state, training=False, project=True):
        room = tf.cast(self.state_capacity, tf.float32) - state["count"]
        overflow = tf.where(room < token_ids.shape[1], float("nan"), 0.0)
        outputs, state = self._run(token_ids, state, training, project)
        return outputs + overflow, state


class UncompilableModel(TinyModel):
    """Uses an operation that XLA has no kernel for."""

    def call(self, token_ids, training=False, project=True):
        noise = tf.strings.length(tf.strings.as_string(token_ids))
        outputs = super().call(token_ids, training=training, project=project)
        return outputs + 0.0 * tf.cast(noise, tf.float32)[:, :, None]


def wrap(model, context_length=TIME):
    return LanguageModel(model=model, tokenizer=build_tokenizer(), context_length=context_length)


def settings(**changes):
    given = {"optimizer": "sgd", "learning_rate": 0.5, "clip_norm": None, "compile": "eager"}
    return TrainingSettings(**{**given, **changes})


def make_step(model, chosen, carries_state=False, float16=False):
    """A step and its optimizer."""
    optimizer = build_optimizer(chosen, model, float16)
    step = TrainingStep(wrap(model), optimizer, chosen, carries_state=carries_state)
    return step, optimizer


def draw_batch(rows, seed=0, time=TIME, starts_afresh=True, padding=0):
    token_ids = np.random.default_rng(seed).integers(4, VOCABULARY, (rows, time + 1))
    token_ids = token_ids.astype(np.int32)
    if padding:
        token_ids[-padding:] = 0
    return Batch(inputs=token_ids[:, :-1], targets=token_ids[:, 1:], starts_afresh=starts_afresh)


def split_batch(batch, parts):
    inputs, targets = np.split(batch.inputs, parts), np.split(batch.targets, parts)
    return [
        Batch(inputs=one, targets=other, starts_afresh=batch.starts_afresh)
        for one, other in zip(inputs, targets, strict=True)
    ]


def values_of(variables):
    return [np.array(variable.numpy()) for variable in variables]
