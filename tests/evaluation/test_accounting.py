"""What a byte costs a model that knows nothing, counted by hand, for each bundled tokenizer."""

from __future__ import annotations

import math

import pytest
import tensorflow as tf
from evaluation.fake_models import UniformModel

from textgen_core.data.token_files import tokenize_documents
from textgen_core.data.tokenizer import train_tokenizer
from textgen_core.evaluation.figures import measure_losses
from textgen_core.evaluation.scoring import Scorer
from textgen_core.models.language_model import LanguageModel
from textgen_core.registry.discovery import discover
from textgen_core.registry.selection import choose

TRAINING = ["The miller sees a bee near every tree. " * 40, "A bee sees the miller, too.\n" * 9]
HELD_OUT = ["The tree sees a zebra: “Ω”!\n" * 11, "", "A bee, 5 bees. \U0001f41d"]
# UTF-8 bytes that each tokenizer hides of it. A word hides the space before it too: of each line
# " zebra", ":", " “", "Ω", "”" and "!", and of the last document " 5", " bees" and the bee.
LINE, LAST = "z:“Ω”!", "5\U0001f41d"
HIDDEN = {
    "character": 11 * len(LINE.encode()) + len(LAST.encode()),
    "word": 11 * len(" zebra: “Ω”!".encode()) + len(" 5 bees \U0001f41d".encode()),
    "bpe:vocabulary_size=300": 0,
}


class UniformStream(UniformModel):
    def initial_state(self, batch_size):
        return {"seen": tf.zeros((batch_size,), tf.int32)}

    def advance(self, token_ids, state, training=False):
        return self(token_ids), {"seen": state["seen"] + token_ids.shape[1]}


def trained(spec):
    chosen = choose(discover(), "tokenizer", spec, place="test")
    return train_tokenizer(chosen.instance, TRAINING)


@pytest.fixture(params=["character", "word", "bpe:vocabulary_size=300"])
def tokenized(request, tmp_path):
    tokenizer = trained(request.param)
    return request.param, tokenizer, tokenize_documents(HELD_OUT, tokenizer, "test", tmp_path)


@pytest.mark.parametrize(
    ("stride", "carry"),
    [(None, False), (1, False), (3, False), (8, False), (50, False), (None, True)],
)
def test_a_model_that_knows_nothing_pays_for_every_token_once_and_for_what_is_hidden(
    tokenized, stride, carry
):
    name, tokenizer, tokens = tokenized
    vocabulary_size = tokenizer.get_vocab_size(with_added_tokens=True)
    model = LanguageModel(
        model=UniformStream(vocabulary_size), tokenizer=tokenizer, context_length=8
    )
    losses = Scorer(model, stride=stride, carry=carry).score(tokens.token_ids)
    text_bytes = len("".join(HELD_OUT).encode())
    # Every token once, and <END> between the three documents.
    count = sum(len(tokenizer.encode(text).ids) for text in HELD_OUT) + 2
    assert losses.shape == (count,)
    assert tokens.text_bytes == text_bytes
    figures = measure_losses(losses, tokens.text_bytes, tokens.unknown_bytes)
    assert tokens.unknown_bytes == HIDDEN[name]
    expected = (count * math.log2(vocabulary_size) + 8 * HIDDEN[name]) / text_bytes
    assert figures.bits_per_byte == pytest.approx(expected, rel=1e-5)
    assert figures.perplexity == pytest.approx(vocabulary_size, rel=1e-4)
