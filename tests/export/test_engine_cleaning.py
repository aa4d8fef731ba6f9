"""A page cleans prompts as `textgen generate` does."""

from __future__ import annotations

import itertools

from export.in_node import in_node, needs_node
from export.test_engine_tokenizers import mixed_text

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.cleaning.clean import clean_text

CHOICES = {
    "unicode": ("none", "NFC", "NFD", "NFKC"),
    "newlines": ("fold", "keep"),
    "control_characters": ("drop", "keep"),
    "spaces": ("keep", "collapse"),
    "punctuation": ("keep", "drop"),
    "letter_case": ("keep", "lower"),
}
ODD = (
    *("", "\ufeffThe  end ", "a\r\nb\rc\n", "x\x00y\x07z\x85", "A\u0301 \u00c5ngstr\u00f6m \ufb01"),
    *("\u039f\u0394\u039f\u03a3", "\u0130stanbul", "tab\t\there  \n", "(\u00bfQu\u00e9?) \u201c"),
)


@needs_node
def test_every_setting_changes_a_prompt_alike() -> None:
    texts = [*ODD, mixed_text(600, seed=8)]
    settings = [
        dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())
    ]
    script = "show(given.settings.map((each) => given.texts.map((text) => cleanText(text, each))));"
    found = in_node(script, {"settings": settings, "texts": texts})
    for each, cleaned in zip(settings, found, strict=True):
        assert cleaned == [clean_text(text, CorpusSettings(**each))[0] for text in texts]


@needs_node
def test_half_a_character_is_replaced() -> None:
    found = in_node(r'show(["\ud83d", "a\udc00b", "\ud83d\ude00"].map(withoutSurrogates));')
    assert found == ["\ufffd", "a\ufffdb", "\U0001f600"]
