"""This project's own generation: the generator that a run writes with, its chain of samplers, text.

The weights are random, but <END> is out of reach, so that every text has all its tokens.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
import tokenizers
from worker import Peer, serve, write_by_texts

from textgen_core.data.tokenizer import END, SPECIAL_TOKENS
from textgen_core.generation import Generator
from textgen_core.models.devices import prepare_memory
from textgen_core.models.language_model import LanguageModel
from textgen_core.registry.discovery import discover
from textgen_core.registry.selection import choose

_NEVER = -1e9  # the bias of a token that is not to be drawn


def build(setting: dict[str, Any]) -> Peer:
    """Return the peer of a setting."""
    prepare_memory()
    tf.config.threading.set_intra_op_parallelism_threads(setting["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(setting["threads"])
    keras.utils.set_random_seed(1)
    registry = discover()
    wish = {"name": setting["model"], **setting["options"]}
    builder = choose(registry, "model", wish, place="the setting").instance
    model = builder.build(setting["vocabulary_size"], setting["context_length"])
    bias = model.head.bias.numpy()
    bias[END] = _NEVER
    model.head.bias.assign(bias)
    language_model = LanguageModel(
        model=model,
        tokenizer=_tokenizer(setting["vocabulary_size"]),
        context_length=setting["context_length"],
    )
    samplers = [
        choose(registry, "sampler", spec, place="the setting").instance
        for spec in setting["samplers"]
    ]
    generator = Generator(language_model, samplers)
    samples, new_tokens = setting["samples"], setting["new_tokens"]

    def write(seed: int) -> None:
        generator.generate([""] * samples, max_new_tokens=new_tokens, seed=seed)

    return Peer(
        train=write_by_texts(write, samples * new_tokens),
        about={
            "compiled_with": "xla",
            "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        },
    )


def _tokenizer(vocabulary_size: int) -> tokenizers.Tokenizer:
    """Return a tokenizer of so many tokens, the special ones included."""
    words = [*SPECIAL_TOKENS, *(f"w{number}" for number in range(vocabulary_size - 4))]
    vocabulary = {word: position for position, word in enumerate(words)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<UNK>"))
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


if __name__ == "__main__":
    serve(build)
