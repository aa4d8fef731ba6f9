"""A tokenizer.json whose rules multiply a text is refused before one is given to them."""

from __future__ import annotations

import json
import time

import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers

from textgen_core.data.tokenizer import SPECIAL_TOKENS, encode, load_tokenizer
from textgen_core.data.tokenizer_limits import fault_of_rules
from textgen_core.errors import RunDirectoryError

DOUBLE = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
# Of tokenizers that are in use: GPT-2, GPT-4, GPT-4o, Qwen, DeepSeek and Moses in style.
IN_USE = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+",
    r"\w+|[^\w\s]+",
]
CATASTROPHIC = [r"(a+)+$", r"(?:a*)*b", r"((ab?)*c?)*d", r"(\w+\s?)+$", r"(x{2,}){3,}", r"(a+){99}"]


def made(**sections):
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<UNK>"))
    tokenizer.add_special_tokens([tokenizers.AddedToken(each) for each in SPECIAL_TOKENS])
    return {**json.loads(tokenizer.to_str()), **sections}


def in_sequence(*rules):
    return {"type": "Sequence", "normalizers": list(rules)}


def decoding(*rules):
    return {"type": "Sequence", "decoders": list(rules)}


@pytest.mark.parametrize(
    ("section", "rules", "fault"),
    [
        ("normalizer", in_sequence(*[DOUBLE] * 26), "67,108,864 times"),
        ("normalizer", in_sequence(in_sequence(*[DOUBLE] * 13), *[DOUBLE] * 13), "times as long"),
        ("decoder", decoding(*[DOUBLE] * 26), "decoder can make"),
        ("normalizer", {"type": "Prepend", "prepend": "x" * 30_000_000}, "30,000,000 characters"),
        ("normalizer", {**DOUBLE, "content": "a" * 9_000}, "9,000 times"),
        ("normalizer", {**DOUBLE, "pattern": {"Regex": "."}, "content": "b" * 70}, "70 times"),
        ("normalizer", in_sequence(*[{"type": "Strip"}] * 101), "rules"),
        ("decoder", {"type": "WordPiece", "prefix": "#" * 20_000}, "holds 20,000 characters"),
    ],
)
def test_rules_that_multiply_a_text_are_refused_at_once(tmp_path, section, rules, fault):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(made(**{section: rules})))
    begun = time.monotonic()
    with pytest.raises(RunDirectoryError, match=fault):
        load_tokenizer(path)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("expression", CATASTROPHIC)
def test_expressions_that_may_never_end_are_refused(expression):
    split = {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated"}
    assert "for ever" in fault_of_rules(made(pre_tokenizer={**split, "invert": False}))


@pytest.mark.parametrize("expression", IN_USE)
def test_expressions_in_use_are_allowed_and_quick(expression):
    rule = pre_tokenizers.Split(tokenizers.Regex(expression), "isolated")
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = rule
    assert fault_of_rules(json.loads(tokenizer.to_str())) == ""
    begun = time.monotonic()
    for text in ("a" * 20_000, " " * 5_000 + "b", "a1!" * 5_000):
        rule.pre_tokenize_str(text)
    assert time.monotonic() - begun < 10


def test_normalizers_and_decoders_in_use_are_allowed(tmp_path):
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(made()))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.BertNormalizer(),
            normalizers.Replace(tokenizers.Regex(r"\s+"), " "),
            normalizers.Replace("``", '"'),
            normalizers.Prepend("▁"),
            normalizers.Replace(" ", "▁"),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1),
        ]
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert encode(load_tokenizer(tmp_path / "tokenizer.json"), "") == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"vocab": {"x" * 200_000: 0}}, "a token of 200,000 characters"),
        ({"vocab": [["x" * 200_000, -1.0]]}, "a token of 200,000 characters"),
        ({"max_input_chars_per_word": 10**9}, "max_input_chars_per_word"),
        ({"continuing_subword_prefix": "#" * 20_000}, "continuing_subword_prefix"),
    ],
)
def test_models_that_multiply_a_text_are_refused(changes, fault):
    table = made()
    assert fault in fault_of_rules({**table, "model": {**table["model"], **changes}})
    assert fault_of_rules(table) == "" and fault_of_rules([]) and fault_of_rules({})
