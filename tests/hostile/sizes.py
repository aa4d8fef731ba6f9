"""Sizes that cost memory or time: of settings, of files, and of what a tokenizer does."""

from __future__ import annotations

from typing import Any

from hostile.changes import add, setting, sparse, to_bytes, with_tokenizer

for key, value in {
    "layers": "1000000",
    "units": "[20000]",
    "embedding": "10000000",
    "ngrams": "1000000",
}.items():
    add(
        "size",
        f"model.{key} = {value}",
        setting("model", key, value),
        "generate",
        names=r"run\.toml|weights",
    )
for section, key, value, command in (
    ("data", "sequence_length", "1000000000", "generate"),
    ("data", "sequence_length", "1000000000", "evaluate"),
    ("generation", "max_new_tokens", "1000000000", "generate"),
    ("generation", "samples", "1000000000", "resume"),
    ("training", "batch_size", "1000000000", "evaluate"),
    ("training", "accumulate", "1000000000", "resume"),
    ("evaluation", "prompts", "1000000000", "evaluate"),
    ("evaluation", "prompt_tokens", "1000000000", "evaluate"),
    ("evaluation", "continuation_tokens", "1000000000", "evaluate"),
):
    add(
        "size",
        f"{section}.{key} = {value}, {command}",
        setting(section, key, value),
        command,
        names=r"run\.toml|" + key,
    )
add(
    "size",
    "a prompt of 3 MB",
    setting("generation", "prompt", '"' + "mill " * 600_000 + '"'),
    "generate",
    names=r"run\.toml|prompt",
)
add(
    "size",
    "a key of many parts",
    to_bytes("run.toml", lambda old: b"a" + b".a" * 50_000 + b" = 1\n" + old),
    "generate",
    "report",
    names=r"run\.toml",
)
add(
    "size",
    "run.toml of 100 MB",
    sparse("run.toml", 10**8),
    "generate",
    "report",
    names=r"run\.toml",
)
add(
    "size",
    "tokenizer.json of 2 GB",
    sparse("tokenizer.json", 2 * 10**9),
    "generate",
    names=r"tokenizer\.json",
)
add(
    "size",
    "metrics.jsonl of 5 GB",
    sparse("metrics.jsonl", 5 * 10**9),
    "report",
    "evaluate",
    names=r"metrics\.jsonl",
)
add(
    "size",
    "manifest.json of empty lists",
    to_bytes("manifest.json", b'{"components": [' + b"[]," * 5_000_000 + b"[]]}"),
    "generate",
    names=r"manifest\.json",
)


def doubling(tokenizer: Any) -> None:
    rules = [{"type": "Replace", "pattern": {"String": "m"}, "content": "mm"}] * 26
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": rules}


def doubling_decoders(tokenizer: Any) -> None:
    rules = [{"type": "Replace", "pattern": {"String": "e"}, "content": "ee"}] * 30
    tokenizer["decoder"] = {"type": "Sequence", "decoders": rules}


def prepending(tokenizer: Any) -> None:
    tokenizer["normalizer"] = {"type": "Prepend", "prepend": "m" * 30_000_000}


def catastrophic(tokenizer: Any) -> None:
    pattern = {"Regex": "((m|m)*)*n"}
    tokenizer["pre_tokenizer"] = {
        "type": "Split",
        "pattern": pattern,
        "behavior": "Isolated",
        "invert": False,
    }


for alter in (doubling, doubling_decoders, prepending, catastrophic):
    commands = ("generate",) if alter is doubling_decoders else ("score",)
    add(
        "size",
        f"a tokenizer that is {alter.__name__}",
        with_tokenizer(alter),
        *commands,
        names=r"tokenizer\.json",
    )
