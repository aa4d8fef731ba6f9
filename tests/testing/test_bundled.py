"""The bundled components keep their contracts, as third-party ones have to."""

from __future__ import annotations

import pytest

from textgen_core.registry.discovery import discover
from textgen_core.testing import conformance

test_bpe = conformance("textgen-core:tokenizer/bpe")
test_character = conformance("textgen-core:tokenizer/character")
test_word = conformance("textgen-core:tokenizer/word")
test_lstm = conformance("textgen-core:model/lstm")
test_transformer = conformance("textgen-core:model/transformer")
test_greedy = conformance("textgen-core:sampler/greedy")
test_nucleus = conformance("textgen-core:sampler/nucleus")
test_temperature = conformance("textgen-core:sampler/temperature")
test_top_k = conformance("textgen-core:top-k")
test_min_p = conformance("textgen-core:sampler/min-p")
test_typical = conformance("textgen-core:sampler/typical")
test_repetition_penalty = conformance("textgen-core:sampler/repetition-penalty")
test_occurrence_penalty = conformance("textgen-core:sampler/occurrence-penalty")
test_no_repeat_ngram = conformance("textgen-core:sampler/no-repeat-ngram")
test_bleu = conformance("textgen-core:metric/bleu")
test_diversity = conformance("textgen-core:metric/diversity")
test_novelty = conformance("textgen-core:metric/novelty")
test_repetition = conformance("textgen-core:metric/repetition")
test_tensorboard = conformance("textgen-core:tracker/tensorboard")
test_wandb = conformance("textgen-core:tracker/wandb")


@pytest.mark.parametrize(
    "name", [each.name for each in discover().components if each.plugin.bundled]
)
def test_every_bundled_component_is_held_to_its_contract(name: str) -> None:
    assert f"test_{name.replace('-', '_')}" in globals()
