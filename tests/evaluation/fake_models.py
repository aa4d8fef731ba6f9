"""Models whose losses numpy can compute: uniform, a table of bigrams, and a fading memory."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from tokenizers import Tokenizer, models, pre_tokenizers

from textgen_core.data.tokenizer import SPECIAL_TOKENS, START
from textgen_core.models.language_model import LanguageModel

FADING = 0.9


def build_tokenizer(vocabulary_size):
    """Words `w4`, `w5` ... after the four special tokens; a word `wN` has the id N."""
    words = [*SPECIAL_TOKENS, *(f"w{number}" for number in range(4, vocabulary_size))]
    vocabulary = {word: position for position, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<UNK>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.encode_special_tokens = True
    return tokenizer


def language_model(model, vocabulary_size, context_length=8):
    return LanguageModel(
        model=model, tokenizer=build_tokenizer(vocabulary_size), context_length=context_length
    )


def draw_token_ids(count, vocabulary_size, seed=0):
    token_ids = np.random.default_rng(seed).integers(4, vocabulary_size, count).astype(np.int32)
    token_ids[0] = START
    return token_ids


def losses_of(logits, targets):
    """The losses in float64 of logits (time, vocabulary)."""
    logits = np.asarray(logits, np.float64)
    top = logits.max(axis=-1, keepdims=True)
    log_total = np.log(np.exp(logits - top).sum(axis=-1)) + top[:, 0]
    return log_total - logits[np.arange(len(targets)), targets]


class UniformModel(keras.Model):
    def __init__(self, vocabulary_size):
        super().__init__()
        self.vocabulary_size = vocabulary_size

    def call(self, token_ids, training=False):
        return tf.zeros((*token_ids.shape, self.vocabulary_size))


class BigramModel(keras.Model):
    """The next token depends on the last one alone: row `token` of the table."""

    def __init__(self, table):
        super().__init__()
        self.table = tf.constant(table, tf.float32)

    def call(self, token_ids, training=False):
        return tf.gather(self.table, token_ids)

    def numpy_losses(self, token_ids):
        return losses_of(self.table.numpy()[token_ids[:-1]], token_ids[1:])


class FadingModel(keras.Model):
    """A linear memory of all tokens before, fading by 0.9 a step; so context always matters."""

    def __init__(self, vocabulary_size, width=6, seed=1):
        super().__init__()
        random = np.random.default_rng(seed)
        self.embedding = random.normal(size=(vocabulary_size, width)).astype(np.float32)
        self.output_weights = random.normal(size=(width, vocabulary_size)).astype(np.float32)

    def hidden(self, token_ids, memory):
        time = token_ids.shape[1]
        steps = np.arange(time)
        gaps = steps[:, None] - steps[None, :]
        weights = np.where(gaps >= 0, FADING ** np.maximum(gaps, 0), 0.0).astype(np.float32)
        fades = (FADING ** (steps + 1)).astype(np.float32)  # of what was held before
        fed = tf.einsum("ts,bsw->btw", weights, tf.gather(self.embedding, token_ids))
        return fed + fades[None, :, None] * memory[:, None]

    def call(self, token_ids, training=False):
        memory = tf.zeros((token_ids.shape[0], self.embedding.shape[1]))
        return tf.matmul(self.hidden(token_ids, memory), self.output_weights)

    def numpy_losses(self, token_ids):
        """The losses of a stream, in float64, one step at a time."""
        memory, rows = np.zeros(self.embedding.shape[1]), []
        for token in token_ids[:-1]:
            memory = FADING * memory + self.embedding[token].astype(np.float64)
            rows.append(memory @ self.output_weights.astype(np.float64))
        return losses_of(rows, token_ids[1:])


class AdvancingModel(FadingModel):
    def initial_state(self, batch_size):
        return {"memory": tf.zeros((batch_size, self.embedding.shape[1]))}

    def advance(self, token_ids, state, training=False):
        hidden = self.hidden(token_ids, state["memory"])
        return tf.matmul(hidden, self.output_weights), {"memory": hidden[:, -1]}


class LimitedModel(AdvancingModel):
    state_capacity = 12


class ProjectingModel(AdvancingModel):
    """Offers `project`, and counts the positions of each call when it is traced."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.projected = []

    def call(self, token_ids, training=False, project=True):
        memory = tf.zeros((token_ids.shape[0], self.embedding.shape[1]))
        hidden = self.hidden(token_ids, memory)
        return self.project(hidden) if project else hidden

    def advance(self, token_ids, state, training=False, project=True):
        hidden = self.hidden(token_ids, state["memory"])
        return self.project(hidden) if project else hidden, {"memory": hidden[:, -1]}

    def project(self, hidden):
        self.projected.append(hidden.shape[0] * hidden.shape[1])
        return tf.matmul(hidden, self.output_weights)
