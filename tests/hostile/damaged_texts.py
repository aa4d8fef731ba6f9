"""Damage to what is JSON, TOML or a tokenizer."""

from __future__ import annotations

import json
import re
from typing import Any

from hostile.changes import NEWEST, add, of_another_step, setting, to_bytes, to_json, with_tokenizer


def swap_ids(tokenizer: Any) -> None:
    vocabulary = tokenizer["model"]["vocab"]
    one, other = [key for key in vocabulary if len(key) == 1][:2]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]


add(
    "damage",
    "two token ids swapped",
    to_json("tokenizer.json", swap_ids),
    "generate",
    "score",
    "resume",
    names=r"tokenizer\.json",
)
for key, value in {
    "step": -1,
    "tokens": -5,
    "seconds": "-1.5",
    "best_loss": "-Infinity",
    "rate_factor": "NaN",
    "unlogged_tokens": 10**400,
    "epochs_without_gain": 2.5,
    "best_step": 10**9,
    "scheduled_from": 10**9,
}.items():
    add(
        "damage",
        f"state.json: {key} = {str(value)[:20]}",
        to_bytes(
            f"{NEWEST}/state.json",
            lambda old, key=key, value=value: re.sub(
                rf'"{key}": [^,\n]+'.encode(), f'"{key}": {value}'.encode(), old
            ),
        ),
        "resume",
        names=r"state\.json",
    )
add(
    "damage",
    "state.json of another step",
    of_another_step("state.json"),
    "generate",
    "resume",
    names=r"state\.json|weights",
)
add(
    "damage",
    "state.json missing",
    lambda run, _: (run / NEWEST / "state.json").unlink(),
    "resume",
    names=r"state\.json",
)
for name, row in {
    "a text for a loss": {"step": 1, "loss": "2.5"},
    "a text for a step": {"step": "1", "loss": 2.5},
    "a list for a validation": {"step": 1, "validation_loss": [2]},
    "no step": {"validation_loss": 2.5},
}.items():
    add(
        "damage",
        f"metrics.jsonl: {name}",
        to_bytes("metrics.jsonl", lambda old, row=row: json.dumps(row).encode() + b"\n" + old),
        "evaluate",
        "resume",
        names=r"metrics\.jsonl",
    )
for file in (
    "manifest.json",
    "best.json",
    "analysis.json",
    "evaluation.json",
    "tokenizer.json",
    f"{NEWEST}/state.json",
):
    end = re.escape(file.rpartition("/")[2])
    command = {"best.json": "generate", f"{NEWEST}/state.json": "resume"}.get(file, "report")
    command = "generate" if file in ("manifest.json", "tokenizer.json") else command
    add("damage", f"{file} is deep", to_bytes(file, b"[" * 100_000), command, names=end)
    add(
        "damage",
        f"{file} is deep within",
        to_bytes(file, b'{"a":' * 900 + b"1" + b"}" * 900),
        command,
        names=end,
    )
    add("damage", f"{file} is a huge number", to_bytes(file, b"9" * 5_000), command, names=end)
for name, text in {
    "a huge number": "9" * 5_000,
    "a large number": "9" * 4_000,
    "a deep list": "[" * 5_000,
    "a date": "1979-05-27",
    "1e999": "1e999",
}.items():
    add(
        "damage",
        f"run.toml: {name}",
        setting("training", "learning_rate", text),
        "generate",
        names=r"run\.toml",
    )
add(
    "damage",
    "run.toml with a byte order mark",
    to_bytes("run.toml", lambda old: b"\xef\xbb\xbf" + old),
    "generate",
    "report",
)
add(
    "damage",
    "run.toml is binary",
    to_bytes("run.toml", bytes(range(256))),
    "generate",
    "report",
    names=r"run\.toml",
)


add(
    "damage",
    "best.json leads out",
    to_json("best.json", lambda best: {"checkpoint": "../../outside"}),
    "generate",
    names=r"best\.json",
)
add(
    "damage",
    "best.json of an absent step",
    to_json("best.json", lambda best: {"checkpoint": "step-00000001"}),
    "generate",
    names=r"best\.json",
)
add(
    "damage",
    "all checkpoints empty",
    lambda run, _: [each.unlink() for each in run.glob("checkpoints/*/*")] and None,
    "generate",
    "resume",
    names="step-",
)


def panicking_decoder(tokenizer: Any) -> None:
    tokenizer["decoder"] = {"type": "Strip", "content": "m", "start": 2**63, "stop": 2**63}


def panicking_normalizer(tokenizer: Any) -> None:
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"Regex": "(?=m)"}, "content": "x"}


def truncating(tokenizer: Any) -> None:
    tokenizer["truncation"] = {
        "direction": "Right",
        "max_length": 2**63,
        "strategy": "LongestFirst",
        "stride": 2**63,
    }


def without_unknown(tokenizer: Any) -> None:
    tokenizer["model"]["unk_token"] = "nothing"


for alter in (panicking_decoder, panicking_normalizer):
    add(
        "damage",
        f"a tokenizer: {alter.__name__}",
        with_tokenizer(alter),
        "generate",
        "score",
        "evaluate",
    )
for alter in (truncating, without_unknown):
    add("damage", f"a tokenizer: {alter.__name__}", with_tokenizer(alter), "score")
