"""The four settings in which training is timed, and who takes part in each.

A setting is a plain dict, as the workers get it. This module knows nothing about processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

THREADS = 2
PRECISIONS = ("float32", "bfloat16")
PEER_SIDES = ("torch", "tuned")  # that run in the environment of the peers

_LSTM = {
    "model": "lstm",
    "embedding": 128,
    "units": 256,
    "layers": 2,
    "dropout": 0.3,
    "batch_size": 32,
    "sequence_length": 100,
}
_TRANSFORMER = {"model": "transformer", "heads": 4, "width": 128, "feed_forward": 512}

SETTINGS: dict[str, dict[str, Any]] = {
    "lstm-100": {**_LSTM, "vocabulary_size": 100},
    "lstm-10000": {**_LSTM, "vocabulary_size": 10_000},
    "transformer-65": {
        **_TRANSFORMER,
        "layers": 4,
        "vocabulary_size": 65,
        "batch_size": 12,
        "sequence_length": 64,
    },
    "transformer-10000": {
        **_TRANSFORMER,
        "layers": 2,
        "vocabulary_size": 10_000,
        "batch_size": 32,
        "sequence_length": 100,
    },
}


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One way to train.

    side: ours, bare (ours without the loop of a run), torch, tuned (torch with memory kept) or
    keras; options: laid over the setting;
    environment: variables that its process is given.
    """

    side: str
    name: str
    script: str
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


# PyTorch frees its large tensors in every step, and glibc returns such memory to the system, which
# has to clear it anew: 150,000 page faults a step with 10,000 words, a third of the time. Told to
# keep it, glibc does what the allocators do that PyTorch's tuning guide recommends. Our runs tell
# it by themselves.
_KEPT_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
    "MALLOC_TOP_PAD_": "500000000",
}

_TORCH: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("torch", "torch", {}),
    ("tuned", "tuned-torch", _KEPT_MEMORY),
)

# XLA makes nothing of bfloat16 in Keras's loop over time: it took a tenth of the speed.
_KERAS = [
    Contestant(
        side="keras",
        name=f"keras-{way}-{precision}",
        script="keras_lstm.py",
        options={"compile": way, "precision": precision},
    )
    for way, precision in (("graph", "float32"), ("xla", "float32"), ("graph", "bfloat16"))
]


def contestants_of(setting_name: str, compile_with: str = "auto") -> list[Contestant]:
    """Return who takes part in a setting; `compile_with` is ours' training.compile."""
    setting = SETTINGS[setting_name]
    ours = {"options": our_options(setting), "compile": compile_with}
    torch_script = f"torch_{'lstm' if setting['model'] == 'lstm' else 'gpt'}.py"
    contestants = [
        Contestant(
            side="ours",
            name=f"ours-{precision}",
            script="ours.py",
            options={**ours, "precision": precision},
        )
        for precision in PRECISIONS
    ]
    contestants += [_bare(each) for each in contestants]
    contestants += [
        Contestant(
            side=side,
            name=f"{name}-{precision}",
            script=torch_script,
            options={"precision": precision},
            environment=environment,
        )
        for side, name, environment in _TORCH
        for precision in PRECISIONS
    ]
    if setting["model"] == "lstm":
        contestants += _KERAS
    return contestants


def _bare(ours: Contestant) -> Contestant:
    """Return the same steps without the loop of a run: on batches that are there beforehand."""
    name = ours.name.replace("ours", "bare")
    return replace(ours, side="bare", name=name, options={**ours.options, "loop": "bare"})


def our_options(setting: dict[str, Any]) -> dict[str, Any]:
    """Return the options of this project's model builder for a setting."""
    if setting["model"] == "lstm":
        return {key: setting[key] for key in ("embedding", "units", "layers", "dropout")}
    return {
        "layers": setting["layers"],
        "heads": setting["heads"],
        "head_size": setting["width"] // setting["heads"],
        "feed_forward": setting["feed_forward"],
        "positions": "learned",
        "dropout": 0.0,
    }
